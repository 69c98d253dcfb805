//! No crate has a circle between its files: what a file uses does not use it back, by whatever detour.
//!
//! ```text
//! sources --paths--> what each module names --graph--> edges between modules, and their circles
//! ```
//! A module that is made of its children may use them while they use it. Tests are left out, and so is what only tests
//! use.

mod graph;
mod paths;
mod sources;

use std::collections::BTreeSet;

#[test]
fn no_crate_has_circles_between_its_files() {
    let mut found = Vec::new();
    let crates = sources::crates();
    assert!(crates.len() > 10, "the crates are found");
    for (name, modules) in crates {
        for circle in graph::circles(&graph::edges(&modules)) {
            let files: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            found.push(format!("{name}: {}", files.join(", ")));
        }
    }
    let all = found.join("\n");
    assert!(
        found.is_empty(),
        "{} circles, each to be opened by moving what both sides need to one of them or to a file of its own:\n{all}",
        found.len()
    );
}

#[test]
fn every_way_of_naming_a_module_is_followed() {
    let modules = [
        ("", "mod a; mod b; use a::A; use b::B;"),
        (
            "a",
            "mod left;\nuse left::L; use crate::{b::{self, B as C}, d};",
        ),
        ("a::left", "use super::A; // use super::right::R;"),
        ("a::right", "fn f() { super::left::g(super::super::b::B) }"),
        (
            "b",
            "use std::fmt;\n#[cfg(test)]\nmod tests {\n use crate::d;\n}",
        ),
        ("d", "pub(crate) fn d(a: &crate::a::A) {}"),
    ];
    let split = |path: &str| {
        path.split("::")
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let modules = modules
        .map(|(path, text)| (split(path), text.to_owned()))
        .into();
    let edges = graph::edges(&modules);
    let edges: BTreeSet<_> = edges
        .iter()
        .flat_map(|(from, to)| {
            to.iter()
                .map(|to| format!("{} -> {}", from.join("::"), to.join("::")))
        })
        .collect();
    let expected = [
        "a -> b",
        "a -> d",
        "a::left -> a",
        "a::right -> a::left",
        "a::right -> b",
        "d -> a",
    ];
    assert_eq!(edges, expected.map(str::to_owned).into());
    let circles = graph::circles(&graph::edges(&modules));
    assert_eq!(circles, [[split("a"), split("d")].into()].into());
}
