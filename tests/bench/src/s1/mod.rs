//! S1: create a Service, durably: object, addresses and ports, log and audit in one transaction.
//!
//! ```text
//! ours    N clients --gRPC--> portolan serve --groups of up to 64--> store
//! peer    Postgres: N × pgbench, SQLite: one loop; the store's own statements, one Service a transaction
//! floor   Postgres: the same write in any order, without the lock; SQLite: one row of its own
//! ```
//! Every cell has an empty cluster of its own: a server just started, tables just made.

mod ours;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::fmt;
use std::time::Duration;

use anyhow::anyhow;
use clap::ValueEnum;
use portolan_store_postgres::testing::TestServer;

use crate::machine::Facts;
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use crate::serve::Store;
use crate::stats::median;
use crate::writes::Writes;
use ours::Created;
use postgres::{Order, Postgres};

/// Concurrent clients, each with a connection of its own.
pub(crate) const CLIENTS: [usize; 3] = [1, 16, 64];
/// All of them.
pub(crate) const DATABASES: [Database; 2] = [Database::Postgres, Database::Sqlite];

/// What is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Services with an address.
    ClusterIp,
    /// Services with an address and a port of every node.
    NodePort,
}

/// Where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    Postgres,
    Sqlite,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        })
    }
}

/// What is done.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) length: Duration,
    pub(crate) clients: Vec<usize>,
    pub(crate) databases: Vec<Database>,
}

/// One row of the table in the making.
struct Series {
    database: Database,
    clients: usize,
    rounds: Rounds,
    created: Vec<Created>,
}

/// Measures every cell, in rounds.
pub(crate) async fn run(
    workload: Workload,
    plan: &Plan,
    facts: &mut Facts,
) -> anyhow::Result<Vec<Cell>> {
    let server = TestServer::start_durable().map_err(|error| anyhow!(error))?;
    let postgres = Postgres::new(server, workload)?;
    let writes = Writes::new(workload);
    postgres.describe(facts).await?;
    sqlite::describe(facts).await?;
    facts.insert(
        "seconds_per_cell".to_owned(),
        plan.length.as_secs().to_string(),
    );
    let cells = plan.databases.iter().flat_map(|database| {
        let clients = plan.clients.iter();
        clients.map(|clients| Series::new(*database, *clients))
    });
    let mut table: Vec<Series> = cells.collect();
    for round in 0..plan.rounds {
        for series in &mut table {
            let measured = series
                .measure(round, workload, plan.length, &postgres, &writes)
                .await?;
            eprintln!("round {round}, {}: {measured:.0?}", series.name());
            series.rounds.0.push(measured);
        }
    }
    Ok(table.into_iter().map(Series::cell).collect())
}

impl Series {
    fn new(database: Database, clients: usize) -> Self {
        Self {
            database,
            clients,
            rounds: Rounds::default(),
            created: Vec::new(),
        }
    }

    fn name(&self) -> String {
        let clients = if self.clients == 1 {
            "client"
        } else {
            "clients"
        };
        format!("{:?}, {} {clients}", self.database, self.clients)
    }

    async fn measure(
        &mut self,
        round: usize,
        workload: Workload,
        length: Duration,
        postgres: &Postgres,
        writes: &Writes,
    ) -> anyhow::Result<Round> {
        let mut measured = Round::default();
        for party in turns(round) {
            match (party, self.database) {
                (Party::Ours, database) => {
                    let store = match database {
                        Database::Postgres => Store::Postgres(postgres.fresh_database().await?),
                        Database::Sqlite => Store::Sqlite,
                    };
                    let created = ours::create(&store, workload, self.clients, length).await?;
                    measured.ours = created.rate;
                    self.created.push(created);
                }
                (Party::Floor, Database::Postgres) => {
                    measured.floor = postgres
                        .run(writes, Order::Any, self.clients, length)
                        .await?;
                }
                (Party::Peer, Database::Postgres) => {
                    measured.peer = Some(
                        postgres
                            .run(writes, Order::Locked, self.clients, length)
                            .await?,
                    );
                }
                (Party::Floor, Database::Sqlite) => {
                    measured.floor = sqlite::single_rows(length).await?;
                }
                (Party::Peer, Database::Sqlite) => {
                    measured.peer = Some(sqlite::bare_loop(writes, length).await?);
                }
            }
        }
        Ok(measured)
    }

    fn cell(self) -> Cell {
        let (name, target) = (self.name(), self.target());
        let verdict = self.rounds.verdict();
        let ratio = verdict.ratio_to_peer.unwrap_or_default();
        let targets = target.map(|least| Target {
            text: format!("≥ {least}× the peer"),
            reached: ratio >= least,
        });
        let column = |value: fn(&Created) -> f64| {
            median(&self.created.iter().map(value).collect::<Vec<_>>())
        };
        Cell {
            name,
            unit: "creates/s",
            verdict,
            details: vec![
                ("p50 ms".to_owned(), column(|c| c.p50_ms)),
                ("p99 ms".to_owned(), column(|c| c.p99_ms)),
            ],
            targets: targets.into_iter().collect(),
        }
    }

    fn target(&self) -> Option<f64> {
        match (self.clients, self.database) {
            (1, _) => Some(0.5),
            (64, Database::Postgres) => Some(2.0),
            (64, Database::Sqlite) => Some(1.5),
            _ => None,
        }
    }
}
