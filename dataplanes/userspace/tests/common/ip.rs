//! `ip(8)`.

use std::process::Command;

/// Runs it, and returns what it says.
pub(crate) fn ip(arguments: &str) -> String {
    let outcome = Command::new("ip").args(arguments.split(' ')).output();
    let outcome = outcome.expect("ip (iproute2) is installed");
    assert!(outcome.status.success(), "ip {arguments}: {outcome:?}");
    String::from_utf8_lossy(&outcome.stdout).into_owned()
}
