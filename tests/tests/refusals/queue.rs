//! More writes than can wait.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portolan_store_postgres::testing::{fresh_database, program};
use portolan_tests::api::{Services, block_on, service};
use portolan_tests::{Server, Store, eventually, holds};
use tokio::task::JoinSet;

use crate::call::{by_grpcurl, by_tonic};
use crate::special::{OVERLOADED, ROWS};

/// 1,024 wait, 64 are being written, and some more, so that the queue fills again at once. With many more the machine
/// would have no time for anybody else.
const CALLERS: usize = 1104;
/// A connection carries so many requests at once and no more.
const PER_CONNECTION: usize = 48;

/// Creates Services until it is over, whatever comes of it.
async fn call_all_the_time(url: &str, over: &Arc<AtomicBool>) {
    let mut callers = JoinSet::new();
    let mut connection = Services::at(url);
    for i in 0..CALLERS {
        if i % PER_CONNECTION == 0 {
            connection = Services::at(url);
        }
        let (mut services, over) = (connection.clone(), over.clone());
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let _ = services.create(&format!("s-{i}"), service(80)).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    callers.join_all().await;
}

#[test]
fn a_full_queue() {
    let url = block_on(fresh_database()).expect("a database");
    let server = Server::start(None, &Store::Postgres(url.clone()), &[]);
    let mut holder = Command::new(program("psql").expect("psql"));
    holder
        .args([&url, "--no-psqlrc", "--quiet"])
        .stdin(Stdio::piped());
    let mut holder = holder.spawn().expect("psql");
    let mut input = holder.stdin.take().expect("it is piped");
    input
        .write_all(b"BEGIN; LOCK TABLE change_log IN ACCESS EXCLUSIVE MODE;\n")
        .expect("it listens");
    let over = Arc::new(AtomicBool::new(false));
    let callers = {
        let (server, over) = (server.url(), over.clone());
        std::thread::spawn(move || block_on(call_all_the_time(&server, &over)))
    };
    let row = &ROWS[OVERLOADED];
    let overloaded = || match by_tonic(&server.url(), row.method, row.request) {
        Err(status) if status.code() == row.code => Ok(status),
        other => Err(format!("{other:?}")),
    };
    row.check_status(&eventually("the queue is full", overloaded));
    // Every two seconds a batch is given up, and for a moment there is room.
    eventually("grpcurl meets it", || {
        let said = by_grpcurl(&server, row.method, row.request).err;
        holds(said.contains(row.reason), &said)?;
        row.check_printed(&said);
        Ok::<_, String>(())
    });
    let spoken = row.command.as_ref().expect("it has one");
    eventually("the command meets it", || {
        let said = server.portolan_with(spoken.arguments, spoken.input);
        let start = format!("error: {}", spoken.says);
        holds(
            said.code == 1 && said.err.starts_with(&start),
            format!("{said:?}"),
        )
    });
    over.store(true, Ordering::Relaxed);
    drop(input);
    holder.wait().expect("psql ends");
    callers.join().expect("they end");
}
