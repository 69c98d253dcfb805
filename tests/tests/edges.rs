//! The crates depend on each other as ARCHITECTURE.md says, and in no other way.

use std::collections::BTreeSet;
use std::process::Command;

use portolan_tests::{repository, run};

/// `crate -> crate` for every normal or build dependency within the workspace.
fn edges() -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
    command.current_dir(repository());
    let output = run(command, "");
    assert_eq!(output.code, 0, "{}", output.err);
    let metadata: serde_json::Value = serde_json::from_str(&output.out).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = packages.iter().map(|p| text(&p["name"])).collect();
    let mut edges = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("a list") {
            let to = text(&dependency["name"]);
            if names.contains(&to) && dependency["kind"].as_str() != Some("dev") {
                edges.insert(format!("{} -> {to}", text(&package["name"])));
            }
        }
    }
    edges
}

#[test]
fn every_edge_between_crates_is_written_down() {
    let list = repository().join("tests/edges.txt");
    let known = std::fs::read_to_string(&list).unwrap();
    let known = known
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    let found = edges();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "tests/edges.txt differs from the workspace: new {new:#?}, gone {gone:#?}"
    );
}

#[test]
fn services_and_dataplanes_meet_only_in_proto_and_model() {
    let services = [
        "allocator",
        "api",
        "distributor",
        "store",
        "store-postgres",
        "store-sqlite",
    ];
    let dataplanes = [
        "agent",
        "dataplane",
        "ipvs",
        "netlink",
        "nft",
        "nftables",
        "subscriber",
        "userspace",
    ];
    let is =
        |list: &[&str], name: &str| list.iter().any(|short| name == format!("portolan-{short}"));
    for edge in edges() {
        let (from, to) = edge.split_once(" -> ").unwrap();
        let crosses = is(&services, from) && is(&dataplanes, to)
            || is(&dataplanes, from) && is(&services, to);
        assert!(!crosses, "{edge}");
    }
}

#[test]
fn the_pure_crates_know_no_runtime_no_wire_and_no_sql() {
    for pure in ["portolan-model", "portolan-dataplane"] {
        let mut command = Command::new(env!("CARGO"));
        command.args([
            "tree",
            "--offline",
            "--edges=normal",
            "--prefix=none",
            "-p",
            pure,
        ]);
        command.current_dir(repository());
        let output = run(command, "");
        assert_eq!(output.code, 0, "{}", output.err);
        for banned in ["tokio ", "tonic ", "sqlx ", "prost "] {
            let found = output.out.lines().find(|line| line.starts_with(banned));
            assert_eq!(found, None, "{pure} must not depend on {banned}");
        }
    }
}
