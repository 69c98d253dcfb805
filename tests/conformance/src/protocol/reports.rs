//! What plugins say: Acks, heartbeats, health.

use std::time::Duration;

use portolan_lab::ECHO;
use portolan_model::view::{View, ViewKey, ViewKind, WorkloadView};
use portolan_model::{Family, Name, Probe, ProbeAction, ProbePort, Uid};
use portolan_proto::node::v1 as wire;
use tokio::time::Instant;
use wire::sync_response::Message as Frame;

use super::service;
use crate::session::DEADLINE;
use crate::trial::Trial;
use crate::{Broken, Rule, words};

/// Sooner than five seconds, and the answer may still be under way.
const TOO_SOON: Duration = Duration::from_secs(4);

pub(super) async fn a_crash_leaves_what_was_called_durable(
    trial: &mut Trial,
) -> Result<(), Broken> {
    trial.snapshot(&[]).await?;
    for n in 1..=4 {
        trial.change(&[service(n, &["a"])]).await?;
    }
    trial.a_while().await?;
    let durable = trial.session.told.durable;
    trial.restart().await?;
    let resume = trial.session.hello.resume.as_ref();
    let remembered = resume.map_or(0, |resume| resume.revision);
    if remembered < durable {
        let why = format!(
            "durable was {durable}, but after a crash the plugin remembers revision {remembered}"
        );
        return Err(Broken::new(Rule::AckDurable, why));
    }
    Ok(())
}

pub(super) async fn heartbeats_come_as_asked(trial: &mut Trial) -> Result<(), Broken> {
    trial.snapshot(&[]).await?;
    for _ in 0..3 {
        trial.a_while().await?;
    }
    Ok(())
}

pub(super) async fn workloads_of_the_own_node_are_probed_and_reported(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let (own, silent, foreign) = (
        workload(trial, 1, "a"),
        workload(trial, 2, "b"),
        workload(trial, 3, "c"),
    );
    let mut views = trial.lab.views(&[]);
    views.extend([own.clone(), silent.clone(), foreign.clone()]);
    // Nobody listens there.
    if let Some((_, View::Workload(view))) = views.iter_mut().find(|(key, _)| *key == silent.0) {
        view.probe = probe(1);
    }
    trial.state.become_exactly(&views);
    trial.session.send(trial.state.welcome_snapshot()).await;
    trial.session.acked(trial.state.revision).await?;
    reported(trial, own.0.uid, 1, true).await?;
    reported(trial, silent.0.uid, 1, false).await?;
    let first = trial.session.told.reports.first();
    if first.is_none_or(|report| !report.full || report.seq != 1) {
        let why = format!(
            "the first report of a stream should have seq 1 and be full, it is: {}",
            words::report(first)
        );
        return Err(Broken::new(Rule::HealthFull, why));
    }
    let mut all = trial.session.told.reports.iter().flat_map(|r| &r.items);
    if all.any(|item| item.workload_uid == foreign.0.uid.as_bytes()) {
        let why = "a workload of another node is reported";
        return Err(Broken::new(Rule::HealthProbe, why));
    }
    for (_, view) in &mut views {
        if let View::Workload(view) = view {
            view.probe_generation = 2;
        }
    }
    let batch = trial.state.become_exactly(&views);
    trial.session.send([Frame::Batch(batch)]).await;
    reported(trial, own.0.uid, 2, true).await
}

pub(super) async fn a_report_that_is_not_answered_is_sent_again_in_full(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let own = workload(trial, 1, "a");
    let mut views = trial.lab.views(&[]);
    views.push(own.clone());
    trial.state.become_exactly(&views);
    trial.session.send(trial.state.welcome_snapshot()).await;
    trial.session.acked(trial.state.revision).await?;
    let first = told_of(trial, own.0.uid, 0).await?;
    let began = Instant::now();
    // It gets no HealthAck.
    let again = told_of(trial, own.0.uid, first.seq).await?;
    let took = began.elapsed();
    if again.full && took > TOO_SOON {
        let ack = wire::HealthAck { seq: again.seq };
        trial.session.send([Frame::HealthAck(ack)]).await;
        return Ok(());
    }
    let why = format!(
        "a report without a HealthAck should be sent again in full, after about five seconds; {} ms later came: {}",
        took.as_millis(),
        words::report(Some(&again))
    );
    Err(Broken::new(Rule::HealthFull, why))
}

/// The next report above this `seq` that tells of a workload.
async fn told_of(trial: &mut Trial, uid: Uid, seq: u64) -> Result<wire::HealthReport, Broken> {
    let until = Instant::now() + DEADLINE;
    loop {
        let is_it = |report: &&wire::HealthReport| {
            let mut items = report.items.iter();
            report.seq > seq && items.any(|item| item.workload_uid == uid.as_bytes())
        };
        if let Some(report) = trial.session.told.reports.iter().find(is_it) {
            return Ok(report.clone());
        }
        if trial.session.receive(until).await? != Some(true) {
            let why = format!(
                "a report of workload {} above seq {seq} was due within {} s, the last one was: {}",
                words::hex(uid.as_bytes()),
                DEADLINE.as_secs(),
                words::report(trial.session.told.reports.last())
            );
            return Err(Broken::new(Rule::HealthFull, why));
        }
    }
}

/// Waits for a verdict, and commits every report that comes.
async fn reported(
    trial: &mut Trial,
    uid: Uid,
    generation: u64,
    serving: bool,
) -> Result<(), Broken> {
    let until = Instant::now() + DEADLINE;
    let (mut committed, mut last) = (0, 0);
    loop {
        let reports = trial.session.told.reports.clone();
        for report in &reports[committed..] {
            if report.seq <= last {
                let why = format!("report {} follows {last}: seq grows", report.seq);
                return Err(Broken::new(Rule::HealthFull, why));
            }
            last = report.seq;
            let ack = wire::HealthAck { seq: report.seq };
            trial.session.send([Frame::HealthAck(ack)]).await;
        }
        committed = reports.len();
        let is_it = |item: &&wire::WorkloadHealth| {
            item.workload_uid == uid.as_bytes() && item.probe_generation == generation
        };
        let latest = reports.iter().flat_map(|r| &r.items).rfind(is_it);
        if latest.is_some_and(|item| item.serving == serving) {
            return Ok(());
        }
        if trial.session.receive(until).await? != Some(true) {
            let why = format!(
                "of workload {} serving {serving} should be reported at probe_generation {generation}; reported is: {}",
                words::hex(uid.as_bytes()),
                words::health(latest)
            );
            return Err(Broken::new(Rule::HealthProbe, why));
        }
    }
}

fn probe(port: u16) -> Probe {
    Probe {
        action: ProbeAction::TcpConnect {
            port: ProbePort::Number(port),
        },
        initial_delay_seconds: 0,
        period_seconds: 1,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
    }
}

fn workload(trial: &Trial, number: u128, host: &str) -> (ViewKey, View) {
    let family = trial.declared.can.families.first().copied();
    let host = trial.lab.network.workload(host);
    let view = WorkloadView {
        namespace: Name::trusted("default"),
        name: Name::trusted(host.machine.name()),
        node: Name::trusted(host.node.unwrap_or_default()),
        addresses: vec![host.address(family.unwrap_or(Family::V4))],
        probe: probe(ECHO),
        probe_generation: 1,
    };
    let key = ViewKey::new(ViewKind::Workload, Uid::from_random(number << 64));
    (key, View::Workload(view))
}
