//! What only a store with a server behind it can show.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use portolan_model::{Change, Revision};
use portolan_store::testing::fixtures::{cluster, ip_claim, name, port_claim, service};
use portolan_store::testing::{Refused, Writer, draft};
use portolan_store::{CommitError, FORMAT, Store, StoreError, Transaction};
use portolan_store_postgres::PgStore;
use portolan_store_postgres::testing::{TestServer, fresh_database};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};

async fn database() -> String {
    fresh_database().await.expect("a Postgres server")
}

async fn by_hand(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>()
        .expect("a URL")
        .connect()
        .await
        .expect("a connection")
}

fn create(text: &str) -> Vec<Change> {
    vec![Change::create(service(text, 1))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_agree_on_one_identity() {
    let url = database().await;
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { PgStore::connect(&url).await.expect("connects").store_id() })
        })
        .collect();
    let mut ids = Vec::new();
    for start in starts {
        ids.push(start.await.expect("ends"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_commit_in_parallel() {
    let store = PgStore::connect(&database().await).await.expect("connects");
    let (mut east, mut west) = (
        Writer::new(store.clone(), &name("east")),
        Writer::new(store, &name("west")),
    );
    let held = east.lock().await.expect("lock");
    let began = Instant::now();
    west.put(create("web")).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    held.transaction.rollback().await;
}

/// I0: the lock is advisory, the primary key is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_around_the_lock_meets_the_primary_key() {
    let url = database().await;
    let mut writer = Writer::new(PgStore::connect(&url).await.expect("connects"), &cluster());
    writer.put(create("a")).await;
    let mut around = by_hand(&url).await;
    let locked = writer.lock().await.expect("lock");
    let insert = "INSERT INTO change_log SELECT cluster, 2, ord, kind, 'default/b', uid, before, after, committed_at, token,
                  traceparent, digest, format FROM change_log";
    sqlx::query(insert)
        .execute(&mut around)
        .await
        .expect("nothing stops it");
    let (write, _) = draft(writer.state(), locked.now, create("c"));
    let result = locked.transaction.commit(&write).await;
    let Err(CommitError::NotCommitted(StoreError::Conflict { constraint, .. })) = result else {
        panic!("{result:?}")
    };
    assert_eq!(constraint, "change_log_pkey");
    let objects: i64 = sqlx::query_scalar("SELECT count(*) FROM objects")
        .fetch_one(&mut around)
        .await
        .expect("count");
    assert_eq!(objects, 1, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_owner_meets_the_constraint_of_the_claims() {
    let url = database().await;
    let mut writer = Writer::new(PgStore::connect(&url).await.expect("connects"), &cluster());
    let address = "fd00::1".parse().expect("an address");
    writer
        .put(vec![
            Change::create(ip_claim(address, "first")),
            Change::create(port_claim(30_001, "first")),
        ])
        .await;
    for (claim, expected) in [
        (
            Change::create(ip_claim(address, "second")),
            "ip_claims_pkey",
        ),
        (
            Change::create(port_claim(30_001, "second")),
            "port_claims_pkey",
        ),
    ] {
        let refused = writer
            .write(|_, _| vec![claim])
            .await
            .expect_err("the claim is taken");
        let Refused::Commit(CommitError::NotCommitted(StoreError::Conflict { constraint, .. })) =
            refused
        else {
            panic!("{refused}")
        };
        assert_eq!(constraint, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_newer_format_stop_every_reading() {
    let url = database().await;
    let store = PgStore::connect(&url).await.expect("connects");
    Writer::new(store.clone(), &cluster())
        .put(create("a"))
        .await;
    sqlx::query("UPDATE change_log SET format = $1, after = '{}'")
        .bind(FORMAT + 1)
        .execute(&mut by_hand(&url).await)
        .await
        .expect("by hand");
    for error in [
        store.heads().await.err(),
        store.load(&cluster(), 1).await.err(),
        store.read_after(&cluster(), Revision::ZERO, 1).await.err(),
        store
            .lock_and_read_after(&cluster(), Revision::ZERO)
            .await
            .err(),
    ] {
        assert!(
            matches!(error, Some(StoreError::NewerFormat { .. })),
            "{error:?}"
        );
    }
}

/// I9, for a process that stands still as a whole, so that nothing in it can give the lock back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_loses_its_lock_and_cannot_commit() {
    let url = database().await;
    let mut next = Writer::new(PgStore::connect(&url).await.expect("connects"), &cluster());
    next.put(create("a")).await;
    let (is_frozen, frozen) = tokio::sync::oneshot::channel();
    let (thaw, thawed) = mpsc::channel::<()>();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut writer =
                Writer::new(PgStore::connect(&url).await.expect("connects"), &cluster());
            let sleeper = |_: &portolan_model::State, _| {
                is_frozen.send(()).expect("the test waits");
                thawed.recv().expect("the test says when");
                create("late")
            };
            writer.write(sleeper).await.map(|commit| commit.revision)
        })
    });
    frozen.await.expect("it takes the lock");
    let began = Instant::now();
    let commit = loop {
        match next.write(|_, _| create("b")).await {
            Ok(commit) => break commit,
            Err(refused) => assert!(began.elapsed() < Duration::from_secs(20), "{refused:?}"),
        }
    };
    assert_eq!(commit.revision, Revision(2));
    thaw.send(()).expect("it waits");
    let late = process.join().expect("it ends");
    assert!(late.is_err(), "{late:?}");
    assert_eq!(
        next.store()
            .load(&cluster(), 1)
            .await
            .expect("load")
            .revision,
        Revision(2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_is_told_quickly_and_one_that_returns_is_used_again() {
    let mut server = TestServer::start().expect("a Postgres server");
    let url = server
        .create_database("portolan")
        .await
        .expect("a database");
    let store = PgStore::connect(&url).await.expect("connects");
    let mut writer = Writer::new(store.clone(), &cluster());
    writer.put(create("a")).await;
    let open = writer.lock().await.expect("lock");
    server.stop();
    open.transaction.rollback().await;
    for _ in 0..2 {
        let began = Instant::now();
        let errors = [
            store.heads().await.err(),
            store
                .lock_and_read_after(&cluster(), Revision(1))
                .await
                .err(),
        ];
        assert!(
            errors
                .iter()
                .all(|error| matches!(error, Some(StoreError::Unavailable { .. }))),
            "{errors:?}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(7),
            "two answers in {:?}",
            began.elapsed()
        );
    }
    server.start_again().expect("it starts");
    assert_eq!(
        writer.put(create("b")).await.revision,
        Revision(2),
        "what was acknowledged is still there"
    );
    assert_eq!(
        store
            .heads()
            .await
            .expect("heads")
            .first()
            .map(|head| head.revision),
        Some(Revision(2))
    );
    let open = writer.lock().await.expect("lock");
    server.stop();
    server.start_again().expect("it starts");
    drop(open);
    assert_eq!(writer.put(create("c")).await.revision, Revision(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_and_column_says_what_it_is() {
    let url = database().await;
    PgStore::connect(&url).await.expect("connects");
    let silent = sqlx::query(
        "SELECT c.relname, a.attname FROM pg_class c
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> '_sqlx_migrations'
           AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)",
    )
    .fetch_all(&mut by_hand(&url).await)
    .await
    .expect("the catalog is read");
    let silent: Vec<_> = silent
        .iter()
        .map(|row| (row.get::<String, _>(0), row.get::<String, _>(1)))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_can_read_services_and_their_ports_with_sql() {
    let url = database().await;
    let mut writer = Writer::new(PgStore::connect(&url).await.expect("connects"), &cluster());
    let mut readable = service("web", 1);
    readable.meta.annotations.clear();
    writer.put(vec![Change::create(readable)]).await;
    let row: (String, String, String, i32, String, String, i32) = sqlx::query_as(
        "SELECT s.namespace, s.name, s.cluster_ips ->> 0, p.port, p.protocol, p.target, p.node_port
         FROM services s JOIN service_ports p ON p.cluster = s.cluster AND p.namespace = s.namespace AND p.service = s.name",
    )
    .fetch_one(&mut by_hand(&url).await)
    .await
    .expect("one row");
    let text = |text: &str| text.to_owned();
    assert_eq!(
        row,
        (
            text("default"),
            text("web"),
            text("10.96.0.10"),
            80,
            text("TCP"),
            text("8080"),
            30_080
        )
    );
    for view in [
        "workloads",
        "endpoints",
        "nodes",
        "namespaces",
        "service_cidrs",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {view}"));
        sqlx::query(sql)
            .fetch_all(&mut by_hand(&url).await)
            .await
            .expect(view);
    }
}
