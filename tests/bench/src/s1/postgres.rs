//! Peer and floor on Postgres: pgbench with the store's own statements.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use portolan_model::{Kind, Record};
use portolan_store::rows::{Effect, effects};
use portolan_store::{FORMAT, Store, Transaction, Write};
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::{Statements, TestServer, program};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::process::Command;

use super::Workload;
use crate::machine::Facts;
use crate::writes::Writes;

/// Threads of pgbench: its own default is 1, too few for 64 connections beside a server on two cores.
const THREADS: usize = 2;

/// The server that all parties share.
pub(crate) struct Postgres {
    server: TestServer,
    pgbench: PathBuf,
    databases: AtomicU32,
    workload: Workload,
}

/// Where revisions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The tail of the log, under the lock: the peer.
    Locked,
    /// A sequence, which lets everybody commit at once, in any order: the floor. Not a store: a reader would see
    /// revision 8 before 7.
    Any,
}

impl Postgres {
    pub(crate) fn new(server: TestServer, workload: Workload) -> anyhow::Result<Self> {
        let pgbench = program("pgbench").map_err(|error| anyhow!(error))?;
        Ok(Self {
            server,
            pgbench,
            databases: AtomicU32::new(0),
            workload,
        })
    }

    pub(crate) async fn describe(&self, facts: &mut Facts) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.server.url("postgres")).await?;
        let sql = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
                   WHERE name IN ('fsync', 'full_page_writes', 'shared_buffers', 'synchronous_commit', 'wal_sync_method')";
        facts.insert(
            "postgres_settings".to_owned(),
            sqlx::query_scalar(sql).fetch_one(&mut connection).await?,
        );
        let version = sqlx::query_scalar("SHOW server_version")
            .fetch_one(&mut connection)
            .await?;
        facts.insert("postgres".to_owned(), version);
        Ok(())
    }

    /// An empty database; what was written before is on disk, so that nobody's checkpoint is another's burden.
    pub(crate) async fn fresh_database(&self) -> anyhow::Result<String> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let url = self
            .server
            .create_database(&name)
            .await
            .map_err(|error| anyhow!(error))?;
        let mut connection = PgConnection::connect(&self.server.url("postgres")).await?;
        connection.execute("CHECKPOINT").await?;
        Ok(url)
    }

    /// Transactions per second of so many clients.
    pub(super) async fn run(
        &self,
        writes: &Writes,
        order: Order,
        clients: usize,
        length: Duration,
    ) -> anyhow::Result<f64> {
        let url = self.fresh_database().await?;
        prepare(&url, writes).await?;
        let statements = Statements::of(&writes.cluster);
        let script = script(&statements, order, self.workload);
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("create.sql");
        std::fs::write(&file, script)?;
        let settings: Vec<_> = statements
            .settings
            .iter()
            .map(|(name, value)| format!("-c {name}={value}"))
            .collect();
        let mut command = Command::new(&self.pgbench);
        command
            .args([
                "--no-vacuum",
                "--protocol=prepared",
                "--jobs",
                &THREADS.min(clients).to_string(),
            ])
            .args([
                "--client",
                &clients.to_string(),
                "--time",
                &length.as_secs().to_string(),
            ])
            .args(
                parameters(writes)
                    .into_iter()
                    .flat_map(|parameter| ["--define".to_owned(), parameter]),
            )
            .env("PGOPTIONS", settings.join(" "))
            .arg("--file")
            .arg(&file)
            .arg(&url);
        let (tps, count) = rate(command).await?;
        check(&url, writes, count).await?;
        Ok(tps)
    }
}

/// Runs pgbench; gives its rate, and how many transactions it counted.
async fn rate(mut command: Command) -> anyhow::Result<(f64, i64)> {
    let output = command.output().await.context("pgbench")?;
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && !err.contains("aborted"),
        "pgbench: {out}{err}"
    );
    let number = |label: &str| {
        out.lines()
            .find_map(|line| line.strip_prefix(label)?.trim().split(' ').next())
    };
    let tps = number("tps =").context("pgbench says no rate")?.parse()?;
    let count = number("number of transactions actually processed:")
        .context("pgbench says no count")?
        .parse()?;
    Ok((tps, count))
}

/// Every transaction left its Service, its address, its two or three rows of log, and its line of audit.
async fn check(url: &str, writes: &Writes, count: i64) -> anyhow::Result<()> {
    let sql = "SELECT (SELECT count(*) FROM services), (SELECT count(*) FROM ip_claims),
               (SELECT count(*) FROM change_log), (SELECT count(*) FROM audit)";
    let mut connection = PgConnection::connect(url).await?;
    let rows: (i64, i64, i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await?;
    let changes = |write: &Write| i64::try_from(write.commit.changes.len()).unwrap_or(i64::MAX);
    let log = changes(&writes.bootstrap) + count * changes(&writes.creates[0]);
    ensure!(
        rows == (count, count, log, count + 1),
        "pgbench did {count} transactions, but there are {rows:?} rows"
    );
    Ok(())
}

/// Tables as the store makes them, a cluster as the allocator does, and the sequence of the floor.
async fn prepare(url: &str, writes: &Writes) -> anyhow::Result<()> {
    let store = PgStore::connect(url).await?;
    let locked = store
        .lock_and_read_after(&writes.cluster, portolan_model::Revision::ZERO)
        .await?;
    locked.transaction.commit(&writes.bootstrap).await?;
    let mut connection = PgConnection::connect(url).await?;
    connection
        .execute("CREATE SEQUENCE revision START 2")
        .await?;
    connection.execute("ANALYZE").await?;
    Ok(())
}

/// One transaction. The revision makes path and claims of every Service differ; everything else is the same.
fn script(statements: &Statements, order: Order, workload: Workload) -> String {
    let port = match workload {
        Workload::ClusterIp => "",
        Workload::NodePort => ", (10000 + :p2::bigint % 55536)::text",
    };
    let paths = format!(
        "ARRAY['default/service-' || :p2::bigint, host('10.0.0.0'::inet + :p2::bigint){port}]"
    );
    let write = (1..=22)
        .rev()
        .fold(statements.write.to_owned(), |text, number| {
            let value = match number {
                // Without a trace context; pgbench knows no empty variables.
                5 => "''".to_owned(),
                9 => paths.clone(),
                _ => format!(":p{number}"),
            };
            text.replace(&format!("${number}"), &value)
        });
    let begin = match order {
        Order::Locked => {
            let read = statements
                .read
                .replace("$1", ":p1")
                .replace("$2", ":from")
                .replace("$3", ":rows");
            let lock = &statements.lock;
            // In one message; the store sends the reading with them, which pgbench can't, since it has to take the head
            // from it.
            format!(
                "\\startpipeline\nBEGIN;\n{lock};\n\\endpipeline\n{read}\n\\gset\n\\set p2 :head + 1\n\\set p3 :now\n"
            )
        }
        Order::Any => "BEGIN;\nSELECT nextval('revision') AS p2\n\\gset\n".to_owned(),
    };
    format!("{begin}\\startpipeline\n{write};\nCOMMIT;\n\\endpipeline\n")
}

/// The parameters that stay the same, from what the allocator decided.
fn parameters(writes: &Writes) -> Vec<String> {
    let Write {
        commit,
        records,
        audit,
    } = &writes.creates[0];
    let order = [Kind::Service, Kind::IpClaim, Kind::PortClaim];
    debug_assert!(
        records.iter().all(|record| order.contains(&record.kind))
            && effects(records)
                .iter()
                .all(|effect| *effect == Effect::Insert)
    );
    // The script gives their paths in this order.
    let rows: Vec<_> = order
        .iter()
        .filter_map(|kind| records.iter().find(|row| row.kind == *kind))
        .collect();
    let entry = &audit[0];
    let fixed = [
        ("from", i64::MAX.to_string()),
        ("rows", i64::MAX.to_string()),
        ("p1", writes.cluster.to_string()),
        ("p3", commit.committed_at.0.to_string()),
        ("p4", commit.token.to_string()),
        ("p6", format!("\\x{}", commit.digest)),
        ("p7", FORMAT.to_string()),
        ("p14", (rows.len() - 1).to_string()),
        ("p15", array([quoted(&entry.principal)])),
        ("p16", array([quoted(&entry.method)])),
        ("p17", array([quoted(&entry.resource)])),
        ("p18", array(["NULL".to_owned()])),
        ("p19", "0".to_owned()),
    ];
    let values = fixed.into_iter().chain(columns(&rows));
    values
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// The columns of rows that are new; the first is the Service.
fn columns(rows: &[&Record]) -> [(&'static str, String); 8] {
    let null = || "NULL".to_owned();
    let column = |value: &dyn Fn(&Record) -> String| array(rows.iter().map(|row| value(row)));
    [
        ("p8", column(&|row| row.kind.number().to_string())),
        ("p10", column(&|row| row.uid.to_string())),
        ("p11", column(&|_| null())),
        (
            "p12",
            column(&|row| quoted(row.after.as_deref().unwrap_or_default())),
        ),
        ("p13", column(&|_| "1".to_owned())),
        (
            "p20",
            column(&|row| match row.kind {
                Kind::Service => null(),
                _ => quoted(&rows[0].path),
            }),
        ),
        ("p21", column(&|_| null())),
        ("p22", column(&|_| null())),
    ]
}

/// An array, as Postgres reads it.
fn array(elements: impl IntoIterator<Item = String>) -> String {
    let elements: Vec<_> = elements.into_iter().collect();
    format!("{{{}}}", elements.join(","))
}

/// An element of an array, as Postgres reads it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
