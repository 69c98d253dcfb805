//! Everything, one case after the other or several at once.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use portolan_lab::{Family, Lab};
use tokio::runtime::Runtime;

use crate::capabilities::Declared;
use crate::protocol::{self, Case};
use crate::report::Verdict;
use crate::trial::{Bystander, Trial};
use crate::{Broken, Launch, Report, Row, packets, tools};

/// What is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the plugin is started.
    pub launch: Launch,
    /// Only cases whose name contains one of these; empty: all.
    pub only: Vec<String>,
    /// Only cases about the stream, none of packets.
    pub stream_only: bool,
    /// How many cases of packets run at the same time.
    pub jobs: NonZero<usize>,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Network namespaces need it.
    #[error("the lab makes network namespaces: run this as root")]
    NotRoot,
    /// The lab and its cases call them.
    #[error("the lab calls programs that are not installed: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// The runtime can't start.
    #[error("can't start a runtime")]
    Runtime(#[source] std::io::Error),
}

/// Runs the cases that concern a plugin, and tells of each when it is through.
pub fn run(options: &Options, mut tell: impl FnMut(&Row) + Send) -> Result<Report, StartError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(StartError::NotRoot);
    }
    let missing = tools::missing(&std::env::var_os("PATH").unwrap_or_default());
    if !missing.is_empty() {
        return Err(StartError::Missing(missing));
    }
    let runtime = Runtime::new().map_err(StartError::Runtime)?;
    let mut report = Report::default();
    let mut add = |row: Row| {
        tell(&row);
        report.rows.push(row);
    };
    // Failing cases panic; what they say is in the report.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let declared = match declared(&options.launch, &runtime) {
        Ok(declared) => Some(declared),
        Err(broken) => {
            add(row("the_plugin_declares_what_it_can_do", Err(broken)));
            None
        }
    };
    if let Some(declared) = declared {
        streams(options, &declared, &runtime, &mut add);
        if !options.stream_only {
            packets_of(options, &declared, &mut add);
        }
    }
    std::panic::set_hook(hook);
    Ok(report)
}

fn row(case: impl Into<String>, outcome: Result<(), Broken>) -> Row {
    let verdict = outcome.map_or_else(Verdict::Failed, |()| Verdict::Passed);
    Row {
        case: case.into(),
        verdict,
    }
}

/// From the first Hello of a plugin that is started for nothing else.
fn declared(launch: &Launch, runtime: &Runtime) -> Result<Declared, Broken> {
    let nothing = portolan_dataplane::testing::FakeDataplane::everything();
    let lab = Arc::new(Lab::new(Family::V4, move || Bystander(nothing.clone())));
    let trial = runtime.block_on(Trial::start(lab, launch, None))?;
    Ok(trial.declared)
}

fn streams(options: &Options, declared: &Declared, runtime: &Runtime, add: &mut impl FnMut(Row)) {
    let family = declared.can.families.first().copied().unwrap_or(Family::V4);
    let can = declared.can.clone();
    let lab = Arc::new(Lab::new(family, move || Bystander(can.clone())));
    let wanted = protocol::CASES.iter().filter(|c| options.wants(c.name));
    for case in wanted {
        if let Some(why) = (case.left_out)(declared) {
            add(left_out(case.name, why));
            continue;
        }
        let outcome = runtime.block_on(stream(Arc::clone(&lab), &options.launch, declared, case));
        add(row(case.name, outcome));
    }
}

async fn stream(
    lab: Arc<Lab<Bystander>>,
    launch: &Launch,
    declared: &Declared,
    case: &Case,
) -> Result<(), Broken> {
    let mut trial = Trial::start(lab, launch, Some(declared)).await?;
    (case.run)(&mut trial).await
}

fn packets_of(options: &Options, declared: &Declared, add: &mut (impl FnMut(Row) + Send)) {
    let families = declared.can.families.iter().copied();
    let all = families.flat_map(|family| packets::CASES.iter().map(move |case| (family, *case)));
    let mut todo = Vec::new();
    for (family, case) in all {
        let name = format!("{}::{family}", case.0);
        if !options.wants(&name) {
            continue;
        }
        match packets::left_out(case.0, declared) {
            Some(why) => add(left_out(&name, &why)),
            None => todo.push((name, family, case)),
        }
    }
    let (todo, add) = (Mutex::new(todo.into_iter()), Mutex::new(add));
    let work = || {
        loop {
            let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((name, family, case)) = next else {
                break;
            };
            let outcome = packets::run(&options.launch, declared, family, case);
            let mut add = add.lock().unwrap_or_else(PoisonError::into_inner);
            add(row(name, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.get() {
            scope.spawn(work);
        }
    });
}

fn left_out(case: &str, why: &str) -> Row {
    Row {
        case: case.to_owned(),
        verdict: Verdict::LeftOut(why.to_owned()),
    }
}

impl Options {
    fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| case.contains(part.as_str()))
    }
}
