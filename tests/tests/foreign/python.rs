//! grpcio with nothing but the server's reflection. What is checked is written in `tests/python`.

use std::ffi::OsStr;
use std::process::Command;

use portolan_tests::{repository, run, tool};

use crate::server;

fn succeeds(script: &str) {
    let server = server();
    runs(script, server.api().to_string());
}

fn runs(script: &str, about: impl AsRef<OsStr>) {
    let mut command = Command::new(tool("python"));
    command
        .arg("-B")
        .arg(repository().join("tests/python").join(script))
        .arg(about);
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

#[test]
fn the_service_config_has_reads_repeated_and_no_creates() {
    let config = "proto/proto/portolan/v1/portolan_grpc_service_config.json";
    runs("retry.py", repository().join(config));
}
