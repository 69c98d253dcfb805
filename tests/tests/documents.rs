//! What ARCHITECTURE.md and DECISIONS.md name is there: the tests that hold the invariants, and a heading a decision.

use std::collections::BTreeSet;

use portolan_tests::repository;

/// A file of the repository.
fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(repository().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// An invariant, and the tests that it names as `file :: function`.
struct Invariant<'a> {
    text: &'a str,
    tests: Vec<&'a str>,
}

/// The numbered list under the heading, with the lists within it.
fn invariants(document: &str) -> Vec<Invariant<'_>> {
    let lines = document.lines();
    let section = lines.skip_while(|line| *line != "## Invariants").skip(1);
    let mut found: Vec<Invariant<'_>> = Vec::new();
    for line in section.take_while(|line| !line.starts_with("## ")) {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            let tests = Vec::new();
            found.push(Invariant { text: line, tests });
        } else if let (Some(test), Some(invariant)) =
            (line.trim_start().strip_prefix("- "), found.last_mut())
        {
            invariant.tests.push(test.trim_matches('`'));
        }
    }
    found
}

/// Whether the file has the function.
fn check_test(test: &str) -> Result<(), String> {
    let (file, function) = test
        .split_once(" :: ")
        .ok_or_else(|| format!("`{test}` is not `file :: function`"))?;
    let source = read(file)?;
    let begins = [format!("fn {function}("), format!("fn {function}<")];
    if begins.iter().any(|begins| source.contains(begins)) {
        Ok(())
    } else {
        Err(format!("{file} has no function {function}"))
    }
}

#[test]
fn every_invariant_names_tests_that_are_there() {
    let document = read("ARCHITECTURE.md").unwrap();
    let invariants = invariants(&document);
    assert!(invariants.len() >= 10, "the list is found");
    for Invariant { text, tests } in invariants {
        assert!(!tests.is_empty(), "no test holds \"{text}\"");
        for test in tests {
            assert_eq!(check_test(test), Ok(()), "{text}");
        }
    }
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let document = "## Invariants\n\n1. One.\n2. Two\n   goes on.\n   - `tests/a.rs :: b`\n   - c\n## Next\n- d\n";
    let found: Vec<_> = invariants(document).into_iter().map(|i| i.tests).collect();
    assert_eq!(found, [vec![], vec!["tests/a.rs :: b", "c"]]);
    let here = "tests/tests/documents.rs";
    assert_eq!(check_test(&format!("{here} :: check_test")), Ok(()));
    for missing in ["tests/none.rs :: b", "tests/tests/documents.rs :: check"] {
        assert!(check_test(missing).is_err(), "{missing}");
    }
}

/// What GitHub makes of a heading, for links.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// `N. Title` and its link, of each entry of a table of contents.
fn contents(document: &str) -> Vec<(&str, &str)> {
    let entries = document.lines().filter_map(|line| line.strip_prefix("- ["));
    let entries = entries.filter_map(|entry| entry.split_once("]("));
    entries
        .filter_map(|(heading, link)| Some((heading, link.strip_suffix(')')?)))
        .collect()
}

#[test]
fn every_decision_is_found_under_its_number() {
    let document = read("DECISIONS.md").unwrap();
    let mut numbers = BTreeSet::new();
    for (heading, link) in contents(&document) {
        let (file, fragment) = link.split_once('#').unwrap();
        let text = match file {
            "" => document.clone(),
            file => read(file).unwrap(),
        };
        let line = format!("### {heading}");
        assert!(text.lines().any(|l| l == line), "{link} has no \"{line}\"");
        assert_eq!(fragment, anchor(heading));
        let number: usize = heading.split_once(". ").unwrap().0.parse().unwrap();
        assert!(numbers.insert(number), "decision {number} is there twice");
    }
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "{numbers:?}");
    let headings = document
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    for heading in headings {
        let link = format!("- [{heading}](");
        assert!(document.contains(&link), "\"{heading}\" is in the contents");
    }
}
