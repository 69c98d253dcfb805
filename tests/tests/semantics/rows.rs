//! Every row has a case: a row without one fails here, by name.

use std::collections::BTreeSet;

use crate::{
    address_fields, checklist_4_1, clusterip_allocation, cross_field, dependents, endpoints,
    families, family_changes, fields, life_cycle, matrix, metadata, metrics, node_port_allocation,
    node_ports, port_fields, projection, quarantine, ratchet, repair, stored, transitions,
    validate_only,
};

/// Each module's cases.
const CASES: [&[&str]; 23] = [
    address_fields::CASES,
    checklist_4_1::CASES,
    clusterip_allocation::CASES,
    cross_field::CASES,
    dependents::CASES,
    endpoints::CASES,
    families::CASES,
    family_changes::CASES,
    fields::CASES,
    life_cycle::CASES,
    matrix::CASES,
    metadata::CASES,
    metrics::CASES,
    node_port_allocation::CASES,
    node_ports::CASES,
    port_fields::CASES,
    projection::CASES,
    quarantine::CASES,
    ratchet::CASES,
    repair::CASES,
    stored::CASES,
    transitions::CASES,
    validate_only::CASES,
];

/// Types, and headless beside them.
const TYPES: [&str; 5] = [
    "clusterip",
    "headless",
    "nodeport",
    "loadbalancer",
    "externalname",
];

/// Rows of the checklist that say what other rows say, and a case of those.
const ELSEWHERE: [(&str, &str); 7] = [
    ("c10", "t_externalname_to_nodeport"),
    ("c12", "t_the_flag_turned_on_again_allocates"),
    (
        "c13",
        "t_a_health_check_port_comes_and_goes_with_the_policy",
    ),
    (
        "c16",
        "f1_an_unset_policy_is_single_stack_and_headless_by_hand_requires_both_families",
    ),
    (
        "c17",
        "a7_a_range_in_use_is_not_deleted_and_its_holders_are_named",
    ),
    (
        "c18",
        "s_addresses_with_leading_zeros_zones_or_mapped_are_refused",
    ),
    ("c19", "a4_bands_have_the_published_edges"),
];

/// Ids of rows: of the families, of the allocators, of node ports inside a Service, and of the changes of type.
fn rows() -> Vec<String> {
    let numbered = |letter, last| (1..=last).map(move |number| format!("{letter}{number}"));
    let pairs = TYPES
        .iter()
        .flat_map(|from| TYPES.map(|to| format!("t_{from}_to_{to}")));
    let rows = numbered("f", 16)
        .chain(numbered("a", 16))
        .chain(numbered("n", 6));
    let rows = rows.chain((1..=21).chain(73..=81).map(|number| format!("c{number}")));
    rows.chain(pairs).collect()
}

#[test]
fn every_row_has_a_case() {
    let cases = || CASES.into_iter().flatten();
    let elsewhere = |row: &String| ELSEWHERE.iter().find(|(id, _)| id == row);
    let has_case = |row: &String| match elsewhere(row) {
        Some((_, same)) => cases().any(|case| case == same),
        None => cases().any(|case| case == row || case.starts_with(&format!("{row}_"))),
    };
    let missing: Vec<_> = rows().into_iter().filter(|row| !has_case(row)).collect();
    assert!(missing.is_empty(), "rows without a case: {missing:?}");
    let names: BTreeSet<_> = cases().collect();
    assert_eq!(names.len(), cases().count(), "a name is there twice");
}
