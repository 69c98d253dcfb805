//! S2: import Services in batches of 1,000, durably.
//!
//! ```text
//! ours    4 clients --BatchCreateServices--> portolan serve --> store
//! peer    the store's transactions of 1,000 Services in a bare loop, decided beforehand
//! floor   as many rows as the log and the tables take, in one statement a transaction, without index or meaning
//! ```

use std::time::{Duration, Instant};

use anyhow::anyhow;
use portolan_model::Revision;
use portolan_store::{Transaction, Write};
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::TestServer;
use portolan_store_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use crate::import::{BATCH, import};
use crate::machine::Facts;
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use crate::s1::postgres::Postgres;
use crate::s1::{Database, Workload, sqlite};
use crate::serve::{ControlPlane, Store};
use crate::writes::Writes;

/// Rows that a Service takes: itself, its address, and a line of the log for each.
const ROWS: usize = 4;
/// About what a row holds.
const BODY: &str = "a Service as JSON has some hundred characters, a claim about half of it";

/// What is done.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Batches per cell.
    pub(crate) batches: usize,
    pub(crate) databases: Vec<Database>,
}

/// Measures every cell.
pub(crate) async fn run(plan: &Plan, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    let server = TestServer::start_durable().map_err(|error| anyhow!(error))?;
    let postgres = Postgres::new(server, Workload::ClusterIp)?;
    postgres.describe(facts).await?;
    sqlite::describe(facts).await?;
    facts.insert(
        "services_per_cell".to_owned(),
        (plan.batches * BATCH).to_string(),
    );
    let writes = Writes::batches(plan.batches, BATCH);
    let mut cells = Vec::new();
    for database in &plan.databases {
        let mut rounds = Rounds::default();
        for round in 0..plan.rounds {
            let mut measured = Round::default();
            for party in turns(round) {
                let took = measure(*database, party, &postgres, &writes).await?;
                let rate = rate(plan.batches * BATCH, took);
                match party {
                    Party::Ours => measured.ours = rate,
                    Party::Floor => measured.floor = rate,
                    Party::Peer => measured.peer = Some(rate),
                }
            }
            eprintln!("round {round}, {database}: {measured:.0?}");
            rounds.0.push(measured);
        }
        cells.push(cell(*database, rounds));
    }
    Ok(cells)
}

async fn measure(
    database: Database,
    party: Party,
    postgres: &Postgres,
    writes: &Writes,
) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("portolan.db");
    let batches = writes.creates.len();
    match (party, database) {
        (Party::Ours, Database::Postgres) => {
            let server =
                ControlPlane::start(&Store::Postgres(postgres.fresh_database().await?)).await?;
            import(&server, 0..batches * BATCH).await
        }
        (Party::Ours, Database::Sqlite) => {
            let server = ControlPlane::start(&Store::Sqlite).await?;
            import(&server, 0..batches * BATCH).await
        }
        (Party::Peer, Database::Postgres) => {
            let store = PgStore::connect(&postgres.fresh_database().await?).await?;
            bare_loop(store, writes).await
        }
        (Party::Peer, Database::Sqlite) => bare_loop(SqliteStore::open(&file).await?, writes).await,
        (Party::Floor, Database::Postgres) => {
            postgres_rows(&postgres.fresh_database().await?, batches).await
        }
        (Party::Floor, Database::Sqlite) => {
            let options = SqliteConnectOptions::new()
                .filename(&file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .disable_statement_logging();
            sqlite_rows(&options, batches).await
        }
    }
}

/// The store alone, one batch after the other.
async fn bare_loop<S: portolan_store::Store>(
    store: S,
    writes: &Writes,
) -> anyhow::Result<Duration> {
    commit(&store, writes, &writes.bootstrap).await?;
    let began = Instant::now();
    for write in &writes.creates {
        commit(&store, writes, write).await?;
    }
    Ok(began.elapsed())
}

async fn commit<S: portolan_store::Store>(
    store: &S,
    writes: &Writes,
    write: &Write,
) -> anyhow::Result<()> {
    let before = Revision(write.commit.revision.0 - 1);
    let locked = store.lock_and_read_after(&writes.cluster, before).await?;
    Ok(locked.transaction.commit(write).await?)
}

async fn postgres_rows(url: &str, batches: usize) -> anyhow::Result<Duration> {
    let mut connection = PgConnection::connect(url).await?;
    connection
        .execute("CREATE TABLE floor (number bigint NOT NULL, body text NOT NULL)")
        .await?;
    let bodies = vec![BODY; BATCH * ROWS];
    let began = Instant::now();
    for _ in 0..batches {
        let insert = "INSERT INTO floor SELECT ordinal, body FROM unnest($1::text[]) WITH ORDINALITY AS f (body, ordinal)";
        let insert = sqlx::query(insert).bind(&bodies);
        insert.execute(&mut connection).await?;
    }
    Ok(began.elapsed())
}

async fn sqlite_rows(options: &SqliteConnectOptions, batches: usize) -> anyhow::Result<Duration> {
    let mut connection = options.connect().await?;
    connection
        .execute("CREATE TABLE floor (number INTEGER NOT NULL, body TEXT NOT NULL)")
        .await?;
    let bodies = serde_json::to_string(&vec![BODY; BATCH * ROWS])?;
    let began = Instant::now();
    for _ in 0..batches {
        let insert = sqlx::query("INSERT INTO floor SELECT key, value FROM json_each($1)");
        insert.bind(&bodies).execute(&mut connection).await?;
    }
    Ok(began.elapsed())
}

fn cell(database: Database, rounds: Rounds) -> Cell {
    let verdict = rounds.verdict();
    let least = match database {
        Database::Postgres => 20_000.0,
        Database::Sqlite => 10_000.0,
    };
    let target = Target {
        text: format!("≥ {least:.0}/s"),
        reached: verdict.ours.median >= least,
    };
    Cell {
        name: format!("{database:?}, batches of {BATCH}"),
        unit: "Services/s",
        verdict,
        details: Vec::new(),
        targets: vec![target],
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn rate(services: usize, took: Duration) -> f64 {
    services as f64 / took.as_secs_f64()
}
