//! P2: one change on top of many Services, from the receipt of its frame in the agent to the commit in the kernel: each as soon
//! as the one before is done, as the floor's, and, beside that, after a rest, when caches are cold and processors asleep.

use std::time::Duration;

use anyhow::{Context, ensure};
use portolan_lab::Namespace;
use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::Connection;

use super::cli::Changing;
use super::node::{Agent, Node};
use super::objects::{Objects, change};
use super::wires::backends;
use super::{at_most, bare, named};
use crate::machine::Facts;
use crate::report::Cell;
use crate::round::{Party, Round, Rounds, turns};
use crate::stats::percentile;

/// Services below the changes.
pub(super) const SIZES: [u32; 2] = [10_000, 44_000];
/// Between changes that find the machine asleep.
const REST: Duration = Duration::from_millis(2);
const SORTS: [Sort; 2] = [Sort::Endpoint, Sort::Service];

/// What changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// One of two endpoints is replaced.
    Endpoint,
    /// A Service comes, with its endpoints.
    Service,
}

/// A loaded node, and the same elements of the floor.
struct Loaded {
    node: Node,
    _agent: Agent,
    connection: Option<Connection>,
    bare: Namespace,
    objects: Objects,
    revision: u64,
    /// Microseconds from receipt to commit, and from sending to the Ack.
    inside: [Vec<f64>; 2],
    outside: [Vec<f64>; 2],
    floor: [Vec<f64>; 2],
    /// The same after a rest: the agent's from receipt to commit, and the floor's.
    rested: [Vec<f64>; 2],
    rested_floor: [Vec<f64>; 2],
}

/// Measures every cell.
pub(super) fn run(plan: &Changing, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    facts.insert("changes_a_round".to_owned(), plan.changes.to_string());
    let mut cells = Vec::new();
    for &services in &plan.sizes {
        cells.extend(measure(services, plan).with_context(|| format!("{services} Services"))?);
    }
    Ok(cells)
}

fn measure(services: u32, plan: &Changing) -> anyhow::Result<Vec<Cell>> {
    let mut loaded = Loaded::new(services)?;
    let mut rounds = [Rounds::default(), Rounds::default()];
    for number in 0..plan.rounds {
        for (index, sort) in SORTS.into_iter().enumerate() {
            let mut round = Round::default();
            for party in turns(number) {
                match party {
                    Party::Ours => round.ours = loaded.ours(sort, number, plan.changes)?,
                    Party::Floor => round.floor = loaded.floor(sort, number, plan.changes)?,
                    Party::Peer => {}
                }
            }
            // Numbers that none of the rounds has.
            loaded.rested(sort, plan.rounds * 4 + number, plan.changes / 4)?;
            eprintln!("round {number}, {services} Services: {round:.1?}");
            rounds[index].0.push(round);
        }
    }
    let cells = SORTS.into_iter().zip(rounds);
    Ok(cells
        .map(|(sort, rounds)| loaded.cell(sort, rounds))
        .collect())
}

impl Loaded {
    fn new(services: u32) -> anyhow::Result<Self> {
        let objects = Objects {
            block: 1,
            services,
            real: backends(1),
        };
        let mut node = Node::new()?;
        let (agent, connection) = node.start_with(objects)?;
        let bare = Namespace::new("bare");
        bare::load(&bare, objects)?;
        Ok(Self {
            node,
            _agent: agent,
            connection: Some(connection),
            bare,
            objects,
            revision: 1,
            inside: Default::default(),
            outside: Default::default(),
            floor: Default::default(),
            rested: Default::default(),
            rested_floor: Default::default(),
        })
    }

    /// The median, in microseconds.
    fn ours(&mut self, sort: Sort, round: usize, changes: u32) -> anyhow::Result<f64> {
        let numbers = numbers(sort, self.objects, round, changes);
        let waits = self.send(sort, numbers.collect(), Duration::ZERO)?;
        let inside: Vec<_> = waits.iter().map(|(inside, _)| *inside).collect();
        let median = percentile(&inside, 50);
        self.inside[sort as usize].extend(inside);
        self.outside[sort as usize].extend(waits.iter().map(|(_, outside)| *outside));
        Ok(median)
    }

    fn floor(&mut self, sort: Sort, round: usize, changes: u32) -> anyhow::Result<f64> {
        let numbers = numbers(sort, self.objects, round, changes);
        let took = self.commit(sort, numbers, Duration::ZERO)?;
        let median = percentile(&took, 50);
        self.floor[sort as usize].extend(took);
        Ok(median)
    }

    /// Both, each change after a rest.
    fn rested(&mut self, sort: Sort, round: usize, changes: u32) -> anyhow::Result<()> {
        let numbers: Vec<_> = numbers(sort, self.objects, round, changes).collect();
        let waits = self.send(sort, numbers.clone(), REST)?;
        self.rested[sort as usize].extend(waits.iter().map(|(inside, _)| *inside));
        let took = self.commit(sort, numbers.into_iter(), REST)?;
        self.rested_floor[sort as usize].extend(took);
        Ok(())
    }

    /// Microseconds of the agent: from receipt to commit, and from sending to the Ack.
    fn send(
        &mut self,
        sort: Sort,
        numbers: Vec<u32>,
        rest: Duration,
    ) -> anyhow::Result<Vec<(f64, f64)>> {
        let connection = self.connection.take().context("one change at a time")?;
        let (objects, first) = (self.objects, self.revision + 1);
        self.revision += u64::try_from(numbers.len())?;
        let sent = send_all(connection, (objects, sort), numbers, first, rest);
        let (connection, waits) = self.node.machine.run(sent);
        self.connection = Some(connection);
        waits
    }

    /// Microseconds of the floor.
    fn commit(
        &self,
        sort: Sort,
        numbers: impl Iterator<Item = u32>,
        rest: Duration,
    ) -> anyhow::Result<Vec<f64>> {
        let took = match sort {
            Sort::Endpoint => bare::replace_endpoints(&self.bare, self.objects, numbers, rest)?,
            Sort::Service => bare::create(&self.bare, self.objects, numbers, rest)?,
        };
        Ok(took.iter().map(|ms| ms * 1e3).collect())
    }

    fn cell(&self, sort: Sort, rounds: Rounds) -> Cell {
        let index = sort as usize;
        let [p50, p99] = [50, 99].map(|percent| percentile(&self.inside[index], percent));
        let (what, targets) = match sort {
            Sort::Endpoint => (
                "an endpoint replaced",
                vec![
                    at_most("p50", p50, 50.0, "µs"),
                    at_most("p99", p99, 200.0, "µs"),
                ],
            ),
            Sort::Service => (
                "a Service created",
                vec![at_most("p99", p99, 2_000.0, "µs")],
            ),
        };
        Cell {
            name: format!("{} Services, {what}", self.objects.services),
            unit: "µs, p50, receipt → commit",
            verdict: rounds.verdict(),
            details: named([
                ("p99", p99),
                ("max", percentile(&self.inside[index], 100)),
                ("p99 of the floor", percentile(&self.floor[index], 99)),
                (
                    "p50 from sending to the Ack",
                    percentile(&self.outside[index], 50),
                ),
                (
                    "p99 from sending to the Ack",
                    percentile(&self.outside[index], 99),
                ),
                ("p50 after a rest", percentile(&self.rested[index], 50)),
                ("p99 after a rest", percentile(&self.rested[index], 99)),
                (
                    "p50 of the floor after a rest",
                    percentile(&self.rested_floor[index], 50),
                ),
                (
                    "p99 of the floor after a rest",
                    percentile(&self.rested_floor[index], 99),
                ),
            ]),
            targets,
        }
    }
}

/// Sends one change after the other, each when the one before was acknowledged.
async fn send_all(
    mut connection: Connection,
    (objects, sort): (Objects, Sort),
    numbers: Vec<u32>,
    first: u64,
    rest: Duration,
) -> (Connection, anyhow::Result<Vec<(f64, f64)>>) {
    let mut waits = Vec::with_capacity(numbers.len());
    for (revision, number) in (first..).zip(numbers) {
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        let objects = match sort {
            Sort::Endpoint => vec![objects.endpoint(number, 1, 1)],
            Sort::Service => objects.service(number),
        };
        let frame = change(revision, objects);
        let began = std::time::Instant::now();
        connection.send([frame]).await;
        let ack = connection.ack_of(revision).await;
        if let Err(error) = check(&ack) {
            return (connection, Err(error));
        }
        let inside = f64::from(u32::try_from(ack.apply_us).unwrap_or(u32::MAX));
        waits.push((inside, began.elapsed().as_secs_f64() * 1e6));
    }
    (connection, Ok(waits))
}

fn check(ack: &wire::Ack) -> anyhow::Result<()> {
    ensure!(ack.rejected.is_empty(), "rejected: {:?}", ack.rejected);
    Ok(())
}

/// Services that no round before had: existing ones all over, or new ones.
fn numbers(sort: Sort, objects: Objects, round: usize, changes: u32) -> impl Iterator<Item = u32> {
    let first = u32::try_from(round).unwrap_or(u32::MAX) * changes;
    (first..first + changes).map(move |number| match sort {
        // 7919 is a prime, so none comes twice.
        Sort::Endpoint => {
            let spread = u64::from(number) * 7919 % u64::from(objects.services - 1);
            1 + u32::try_from(spread).unwrap_or(0)
        }
        Sort::Service => objects.services + number,
    })
}
