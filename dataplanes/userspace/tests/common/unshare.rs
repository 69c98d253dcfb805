//! Tests that need namespaces of their own, which any user may create.

use std::process::Command;

/// Runs an ignored test of this file there; `kinds` are options of `unshare(1)`. Returns what it said.
pub(crate) fn in_namespaces(kinds: &str, test: &str) -> String {
    let outcome = Command::new("unshare")
        .args(kinds.split(' '))
        .arg("--")
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .output()
        .expect("unshare (util-linux) is installed");
    let said = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
    assert!(
        outcome.status.success() && said.contains("1 passed"),
        "{said}"
    );
    said.into_owned()
}
