//! grpcio with nothing but the server's reflection. What is checked is written in `tests/python`.

use std::process::Command;

use portolan_tests::{repository, run, tool};

use crate::server;

fn succeeds(script: &str) {
    let server = server();
    let mut command = Command::new(tool("python"));
    command
        .arg("-B")
        .arg(repository().join("tests/python").join(script))
        .arg(server.api().to_string());
    let said = run(command, "");
    assert_eq!(
        (said.code, said.out.trim()),
        (0, "as described"),
        "{script}: {}",
        said.err
    );
}

#[test]
fn a_service_is_created_read_updated_watched_and_deleted() {
    succeeds("service.py");
}

#[test]
fn everything_is_described_by_reflection() {
    succeeds("reflection.py");
}

#[test]
fn health_is_told_by_name() {
    succeeds("health.py");
}
