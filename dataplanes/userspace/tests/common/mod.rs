//! Tests that need a network namespace of their own.

use std::process::Command;

/// Runs an ignored test of this file as root of a new user and network namespace, which any user may create.
pub(crate) fn in_a_namespace(test: &str) {
    let this = std::env::current_exe().expect("this program");
    let outcome = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(this)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .expect("unshare (util-linux) is installed");
    let said = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
    assert!(
        outcome.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// Runs `ip`, and returns what it says.
pub(crate) fn ip(arguments: &str) -> String {
    let outcome = Command::new("ip").args(arguments.split(' ')).output();
    let outcome = outcome.expect("ip (iproute2) is installed");
    assert!(outcome.status.success(), "ip {arguments}: {outcome:?}");
    String::from_utf8_lossy(&outcome.stdout).into_owned()
}
