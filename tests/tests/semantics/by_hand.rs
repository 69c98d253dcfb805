//! A server of a case's own, whose rows can be changed by hand while it is away.

use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::block_on;
use portolan_tests::{Server, Store};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, raw_sql};

use crate::cluster::Cluster;
use crate::stores::{ControlPlane, Kind};

/// The server, and its cluster.
pub(crate) struct ByHand {
    server: Server<'static>,
    kind: Kind,
    /// `clusters/default`. Nothing is checked of it in the end.
    pub(crate) cluster: Cluster,
}

/// Rows of one table that are changed, in the words that both databases share.
pub(crate) enum Change<'a> {
    /// SQL as it is.
    Sql(&'a str),
    /// A text in the body of an object, by its path.
    Body(&'a str, &'a str, &'a str),
    /// A Service's virtual address, in its body and in its claim.
    Address(&'a str, &'a str),
    /// Everything in the log happened so many seconds before.
    AgeLog(u32),
    /// Everything that waits was released so many seconds before.
    AgeReleases(u32),
}

impl ByHand {
    /// Starts it on a store that has rows.
    pub(crate) fn start(kind: Kind, range: &str) -> Self {
        let store = match kind {
            Kind::Sqlite => Store::Sqlite,
            Kind::Postgres => Store::Postgres(block_on(fresh_database()).expect("a database")),
            Kind::Memory => panic!("rows in memory can't be changed by hand"),
        };
        let server = Server::start(None, &store, &["--service-cidr", range]);
        let cluster = Cluster::of_server(ControlPlane::of_server(kind, &server));
        Self {
            server,
            kind,
            cluster,
        }
    }

    /// Ends the server, changes rows, and starts it again.
    pub(crate) fn change(&mut self, changes: &[Change<'_>]) {
        self.server.process.kill();
        for change in changes {
            let sql = self.sql(change);
            let done = block_on(execute(self.kind, self.server.store(), &sql));
            assert_ne!(done.expect(&sql), 0, "{sql}: no row");
        }
        self.server.start_again();
    }

    /// Rows that don't fit the log are told once, and not read again and again.
    pub(crate) fn assert_calm(&self) {
        let said = self.server.process.said();
        let times = said.matches("does not fit").count();
        assert!(times < 5, "{times} times");
    }

    fn sql(&self, change: &Change<'_>) -> String {
        let is_postgres = self.kind == Kind::Postgres;
        let (text, json) = if is_postgres {
            ("::text", "::json")
        } else {
            ("", "")
        };
        let earlier = |column: &str, seconds: &u32| {
            if is_postgres {
                format!("{column} = {column} - interval '{seconds} s'")
            } else {
                format!("{column} = {column} - {seconds} * 1000000")
            }
        };
        match change {
            Change::Sql(sql) => (*sql).to_owned(),
            Change::Body(path, from, to) => format!(
                "UPDATE objects SET body = replace(body{text}, '{from}', '{to}'){json} WHERE path = '{path}' AND body{text} LIKE '%{from}%'"
            ),
            Change::Address(from, to) => {
                format!(
                    "UPDATE ip_claims SET address = '{to}' WHERE address = '{from}'; UPDATE objects SET body = replace(body{text}, '\"{from}\"', '\"{to}\"'){json} WHERE kind = 4 AND body{text} LIKE '%\"{from}\"%'"
                )
            }
            Change::AgeLog(seconds) => {
                format!("UPDATE change_log SET {}", earlier("committed_at", seconds))
            }
            Change::AgeReleases(seconds) => ["ip_claims", "port_claims"]
                .map(|table| {
                    format!(
                        "UPDATE {table} SET {} WHERE state = 'quarantined'",
                        earlier("released_at", seconds)
                    )
                })
                .join("; "),
        }
    }
}

/// Rows that changed.
async fn execute(kind: Kind, url: &str, sql: &str) -> Result<u64, sqlx::Error> {
    let statement = raw_sql(AssertSqlSafe(sql.to_owned()));
    if kind == Kind::Postgres {
        let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
        return Ok(statement.execute(&mut connection).await?.rows_affected());
    }
    let path = url.trim_start_matches("sqlite:");
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await?;
    Ok(statement.execute(&mut connection).await?.rows_affected())
}
