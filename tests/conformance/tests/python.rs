//! The plugin in Python passes everything that it declares; each of its broken twins is noticed, and its rule is named.

use std::process::Command;

use portolan_tests::{Output, PythonPlugin, run};

/// What the kit says of a plugin.
fn conformance(script: &str, arguments: &[&str]) -> Output {
    let plugin = PythonPlugin::new(script);
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan-conformance"));
    command.args(["--plugin", &plugin.command]).args(arguments);
    run(command, "")
}

#[test]
fn the_plugin_in_python_passes_the_cases_that_it_declares() {
    let said = conformance("plugin.py", &[]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let [passed, failed, left_out] = counts(&said.out);
    assert_eq!(failed, 0, "{}", said.out);
    // What is left out: what it does not declare (six cases of UDP, two of probes), and three that the stream can't ask for.
    assert!(passed >= 68 && left_out <= 11, "{}", said.out);
}

/// The guide promises it to who would write one.
#[test]
fn the_plugin_in_python_has_less_than_300_lines() {
    let lines = ["plugin.py", "forward.py"].map(|file| {
        let path = portolan_tests::repository()
            .join("tests/plugins/python")
            .join(file);
        std::fs::read_to_string(path).unwrap().lines().count()
    });
    assert!(lines.iter().sum::<usize>() < 300, "{lines:?}");
}

/// Of the last line: `N passed, N failed, N left out`.
fn counts(out: &str) -> [usize; 3] {
    let last = out.lines().last().unwrap_or_default();
    let numbers = last.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<usize> = numbers.filter_map(|n| n.parse().ok()).collect();
    numbers.try_into().expect("three counts")
}

/// Runs some cases with a broken twin; the one that is about its rule has to fail, and to say so.
fn is_noticed(twin: &str, case: &str, rule: &str) {
    let said = conformance(&format!("broken.py {twin}"), &["--stream-only", case]);
    assert_eq!(said.code, 1, "{twin}: {}\n{}", said.out, said.err);
    let failed = said.out.split("FAILED").skip(1);
    let named = failed
        .filter(|part| part.trim_start().starts_with(case))
        .any(|part| part.contains(&format!("rule {rule}: ")));
    assert!(named, "{twin}: {}", said.out);
}

#[test]
fn a_plugin_that_ignores_deletes_is_noticed() {
    is_noticed("IgnoresDeletes", "batches_lead", "batch-values");
    is_noticed(
        "IgnoresDeletes",
        "what_is_not_in_a_snapshot",
        "snapshot-complete",
    );
}

#[test]
fn a_plugin_that_acknowledges_too_early_is_noticed() {
    is_noticed("AcksTooEarly", "batches_lead", "ack-after");
}

#[test]
fn a_plugin_that_skips_a_revision_is_noticed() {
    is_noticed("SkipsARevision", "batches_in_one_go", "ack-every");
    is_noticed("IgnoresGaps", "a_gap", "batch-gap");
}

#[test]
fn a_plugin_that_calls_again_at_once_is_noticed() {
    is_noticed("NeverPauses", "a_server_that_hangs_up", "away-keeps");
}

#[test]
fn a_plugin_that_leaves_open_what_it_can_not_close_to_some_is_noticed() {
    is_noticed("CarriesWhatIsBeyond", "what_grows_beyond", "ack-rejected");
}

#[test]
fn a_plugin_that_never_says_hello_is_noticed() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan-conformance"));
    command.args(["--plugin", "echo not today; exec sleep 600"]);
    let said = run(command, "");
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("rule hello-first: "), "{}", said.out);
    assert!(said.out.contains("not today"), "what it said: {}", said.out);
}
