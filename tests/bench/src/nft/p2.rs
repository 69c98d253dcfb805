//! P2: one change on top of many Services, from the receipt of its frame in the agent to the commit in the kernel.

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
/// Changes come one at a time: the agent sleeps before each.
const PAUSE: Duration = Duration::from_millis(2);
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
        })
    }

    /// The median, in microseconds.
    fn ours(&mut self, sort: Sort, round: usize, changes: u32) -> anyhow::Result<f64> {
        let connection = self.connection.take().context("one change at a time")?;
        let numbers: Vec<_> = numbers(sort, self.objects, round, changes).collect();
        let (objects, first) = (self.objects, self.revision + 1);
        let (connection, waits) = self
            .node
            .machine
            .run(send_all(connection, objects, sort, numbers, first));
        self.connection = Some(connection);
        self.revision += u64::from(changes);
        let waits = waits?;
        let inside: Vec<_> = waits.iter().map(|(inside, _)| *inside).collect();
        let median = percentile(&inside, 50);
        self.inside[sort as usize].extend(inside);
        self.outside[sort as usize].extend(waits.iter().map(|(_, outside)| *outside));
        Ok(median)
    }

    fn floor(&mut self, sort: Sort, round: usize, changes: u32) -> anyhow::Result<f64> {
        let numbers = numbers(sort, self.objects, round, changes);
        let took = match sort {
            Sort::Endpoint => bare::replace_endpoints(&self.bare, self.objects, numbers)?,
            Sort::Service => bare::create(&self.bare, self.objects, numbers)?,
        };
        let took: Vec<_> = took.iter().map(|ms| ms * 1e3).collect();
        let median = percentile(&took, 50);
        self.floor[sort as usize].extend(took);
        Ok(median)
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
            ]),
            targets,
        }
    }
}

/// Sends one change after the other, each when the one before was acknowledged.
async fn send_all(
    mut connection: Connection,
    objects: Objects,
    sort: Sort,
    numbers: Vec<u32>,
    first: u64,
) -> (Connection, anyhow::Result<Vec<(f64, f64)>>) {
    let mut waits = Vec::with_capacity(numbers.len());
    for (revision, number) in (first..).zip(numbers) {
        tokio::time::sleep(PAUSE).await;
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
