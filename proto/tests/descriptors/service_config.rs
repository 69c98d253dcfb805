//! The gRPC service config: which RPCs a client library repeats by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::methods;

const CONFIG: &str = include_str!("../../proto/portolan/v1/portolan_grpc_service_config.json");

fn entries() -> Vec<Value> {
    let config: Value = serde_json::from_str(CONFIG).expect("the config is JSON");
    config["methodConfig"]
        .as_array()
        .expect("a list of entries")
        .clone()
}

fn text<'a>(name: &'a Value, key: &str) -> &'a str {
    name[key]
        .as_str()
        .expect("a name has a service and a method")
}

/// Full name of each RPC that the config lists, and whether it is repeated.
fn listed() -> BTreeMap<String, bool> {
    let mut listed = BTreeMap::new();
    for entry in entries() {
        for name in entry["name"].as_array().expect("an entry names methods") {
            let rpc = format!("{}.{}", text(name, "service"), text(name, "method"));
            let earlier = listed.insert(rpc.clone(), entry.get("retryPolicy").is_some());
            assert_eq!(earlier, None, "{rpc} is listed twice");
        }
    }
    listed
}

#[test]
fn every_rpc_is_listed_exactly_once_and_no_other() {
    let known: Vec<_> = methods().iter().map(|m| m.full_name().to_owned()).collect();
    let listed = listed();
    for rpc in &known {
        assert!(listed.contains_key(rpc), "{rpc} is not listed");
    }
    for rpc in listed.keys() {
        assert!(known.contains(rpc), "{rpc} is no RPC");
    }
}

#[test]
fn only_unavailable_is_repeated_and_for_a_bounded_time() {
    let policies: Vec<_> = entries()
        .iter()
        .filter_map(|entry| entry.get("retryPolicy").cloned())
        .collect();
    assert!(!policies.is_empty());
    for policy in policies {
        let codes = policy["retryableStatusCodes"].clone();
        assert_eq!(codes, serde_json::json!(["UNAVAILABLE"]));
        // More than five are cut to five by every client library.
        let attempts = policy["maxAttempts"].as_u64();
        assert!(attempts.is_some_and(|n| (2..=5).contains(&n)), "{policy}");
    }
}

/// AIP-194: unary, and without unintended effects. A `request_id` is the caller's choice, so it decides nothing here.
#[test]
fn what_reads_is_repeated_and_of_what_writes_only_a_whole_list() {
    let listed = listed();
    for method in methods() {
        let reads = ["Get", "List", "BatchGet", "Explain", "Dump"]
            .iter()
            .any(|verb| method.name().starts_with(verb));
        let is_whole = method.name() == "ReplaceEndpoints";
        let is_unary = !method.is_client_streaming() && !method.is_server_streaming();
        assert_eq!(
            listed[method.full_name()],
            is_unary && (reads || is_whole),
            "{}",
            method.full_name()
        );
    }
}
