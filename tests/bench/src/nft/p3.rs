//! P3: a thousand changes a second: how far the kernel is behind, and what keeping up costs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Context;
use portolan_lab::Namespace;
use portolan_subscriber::testing::Connection;
use tokio::time::{MissedTickBehavior, interval};

use super::cli::Churning;
use super::node::{Agent, Node};
use super::objects::{Objects, change};
use super::wires::backends;
use super::{LARGE, at_most, bare, named};
use crate::machine::{Facts, cpu_ms};
use crate::report::Cell;
use crate::round::{Round, Rounds};
use crate::stats::percentile;

/// Between two changes.
const EVERY: Duration = Duration::from_millis(1);
/// Changes by which the floor is measured, before each window.
const BARE: u32 = 500;
/// How long the last Ack is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// Changes as they go on, window after window.
struct Churn {
    objects: Objects,
    node: Node,
    agent: Agent,
    connection: Option<Connection>,
    bare: Namespace,
    sent: u64,
    stale: Vec<f64>,
    rates: Vec<f64>,
}

/// Measures the only cell.
pub(super) fn run(plan: &Churning, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("seconds_a_round".to_owned(), plan.seconds.to_string());
    let objects = Objects {
        block: 1,
        services: LARGE,
        real: backends(1),
    };
    let mut node = Node::new()?;
    let (agent, connection) = node.start_with(objects)?;
    let bare = Namespace::new("bare");
    bare::load(&bare, objects)?;
    let mut churn = Churn {
        objects,
        node,
        agent,
        connection: Some(connection),
        bare,
        sent: 0,
        stale: Vec::new(),
        rates: Vec::new(),
    };
    let mut rounds = Rounds::default();
    for number in 0..plan.rounds {
        let floor = churn.floor(number)?;
        let ours = churn.window(Duration::from_secs(plan.seconds))?;
        let round = Round {
            ours,
            floor,
            peer: None,
        };
        eprintln!("round {number}: {round:.2?}");
        rounds.0.push(round);
    }
    Ok(vec![churn.cell(rounds)])
}

impl Churn {
    /// Percent of a processor that the agent took.
    fn window(&mut self, length: Duration) -> anyhow::Result<f64> {
        let pid = self.agent.pid();
        let cpu = || cpu_ms(pid).context("the agent's processor time");
        let connection = self.connection.take().context("one window at a time")?;
        let (before, began) = (cpu()?, Instant::now());
        let told = send_for(length, connection, self.objects, self.sent);
        let (connection, stale) = self.node.machine.run(told);
        let (took, busy) = (began.elapsed(), cpu()? - before);
        self.connection = Some(connection);
        let stale = stale?;
        self.sent += stale.len() as u64;
        self.rates
            .push(float(stale.len() as u64) / took.as_secs_f64());
        self.stale.extend(stale);
        Ok(float(busy) / took.as_secs_f64() / 10.0)
    }

    /// The same of bare transactions, one for each change.
    fn floor(&self, round: usize) -> anyhow::Result<f64> {
        let first = 1 + u32::try_from(round)? * BARE;
        let took = bare::replace_endpoints(
            &self.bare,
            self.objects,
            first..first + BARE,
            Duration::ZERO,
        )?;
        let a_second = percentile(&took, 50) * 1e3;
        Ok(a_second / 10.0)
    }

    fn cell(&self, rounds: Rounds) -> Cell {
        let verdict = rounds.verdict();
        let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(&self.stale, percent));
        let targets = vec![
            at_most("staleness p99", p99, 10.0, "ms"),
            at_most("the agent", verdict.ours.median, 25.0, "% of a core"),
        ];
        Cell {
            name: format!("{LARGE} Services, 1,000 changes/s"),
            unit: "% of a core",
            verdict,
            details: named([
                ("staleness ms, p50", p50),
                ("p99", p99),
                ("max", max),
                ("changes/s", percentile(&self.rates, 50)),
            ]),
            targets,
        }
    }
}

/// Sends a change every millisecond; how long each took until an Ack covered it, in milliseconds.
async fn send_for(
    length: Duration,
    mut connection: Connection,
    objects: Objects,
    before: u64,
) -> (Connection, anyhow::Result<Vec<f64>>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut waiting, mut stale) = (VecDeque::<(u64, Instant)>::new(), Vec::new());
    let (mut sent, end) = (before, Instant::now() + length);
    while Instant::now() < end || !waiting.is_empty() {
        if Instant::now() > end + DEADLINE {
            return (
                connection,
                Err(anyhow::anyhow!("changes are not acknowledged")),
            );
        }
        tokio::select! {
            ack = connection.ack() => {
                if !ack.rejected.is_empty() {
                    return (connection, Err(anyhow::anyhow!("rejected: {:?}", ack.rejected)));
                }
                while let Some((revision, at)) = waiting.front().copied()
                    && revision <= ack.attempted
                {
                    waiting.pop_front();
                    let wait = at.elapsed();
                    stale.push(wait.as_secs_f64() * 1e3);
                }
            }
            _ = tick.tick(), if Instant::now() < end => {
                sent += 1;
                let revision = sent + 1;
                waiting.push_back((revision, Instant::now()));
                connection.send([change(revision, vec![replacement(objects, sent)])]).await;
            }
        }
    }
    (connection, Ok(stale))
}

/// Change number `sent`: the second endpoint of some Service is another one.
fn replacement(objects: Objects, sent: u64) -> portolan_proto::node::v1::Object {
    let others = u64::from(objects.services - 1);
    let number = 1 + u32::try_from(sent * 7919 % others).unwrap_or(0);
    let version = 1 + u32::try_from(sent / others % 7).unwrap_or(0);
    objects.endpoint(number, 1, version)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
