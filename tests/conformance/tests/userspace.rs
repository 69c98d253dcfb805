//! Our own plugin keeps every rule of the guide, as any other has to: probes, restarts and digests included.

use std::process::Command;

use portolan_tests::{binary, run};

#[test]
fn the_userspace_plugin_keeps_every_rule_of_the_stream() {
    let plugin = format!("exec {}", binary("portolan-userspace").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan-conformance"));
    command.args(["--stream-only", "--plugin", &plugin]);
    let said = run(command, "");
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    // Nothing that the stream is about is beyond it.
    assert!(
        said.out.ends_with(" 0 failed, 0 left out\n"),
        "{}",
        said.out
    );
}
