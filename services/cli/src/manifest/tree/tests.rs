use proptest::prelude::*;

use super::{MAX_BYTES, Value, parse};

fn malformed(text: &str) -> String {
    parse(text).expect_err("must be refused").to_string()
}

#[test]
fn scalars_are_resolved_by_the_core_schema() {
    let rows: &[(&str, Value)] = &[
        ("80", Value::Integer(80)),
        ("-1", Value::Integer(-1)),
        ("0x1F", Value::Integer(31)),
        ("0o17", Value::Integer(15)),
        ("true", Value::Boolean(true)),
        ("yes", Value::Text("yes".into())),
        ("'80'", Value::Text("80".into())),
        ("!!str 80", Value::Text("80".into())),
        ("1.10", Value::Number("1.10".into())),
        (
            "99999999999999999999",
            Value::Number("99999999999999999999".into()),
        ),
        ("10.96.0.1", Value::Text("10.96.0.1".into())),
        ("-.inf", Value::Number("-.inf".into())),
        ("None", Value::Text("None".into())),
        ("web-0", Value::Text("web-0".into())),
    ];
    for (text, value) in rows {
        assert_eq!(parse(text).unwrap()[0].value, *value, "{text}");
    }
}

#[test]
fn a_stream_has_many_documents_and_empty_ones_do_not_count() {
    let documents = parse("---\n# nothing\n---\na: 1\n---\n---\n{\"b\": [1, 2]}\n").unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].find("a").unwrap().at.to_string(), "4:4");
}

#[test]
fn a_path_is_found_or_the_nearest_thing_around_it() {
    let tree = &parse("spec:\n  ports:\n    - name: http\n      port: 80\n").unwrap()[0];
    for (path, at) in [
        ("spec.ports[0].port", "4:13"),
        ("spec.ports[0].nodePort", "3:7"),
        ("spec.ports[7].port", "3:5"),
        ("spec.type", "2:3"),
        ("nothing.here", "1:1"),
    ] {
        assert_eq!(tree.walk(path).0.at.to_string(), at, "{path}");
    }
}

#[test]
fn aliases_are_copies_that_stand_where_they_are_used() {
    let tree = &parse("a: &x {b: 1}\nc: *x\n").unwrap()[0];
    assert_eq!(
        tree.get("c").unwrap().get("b").unwrap().value,
        Value::Integer(1)
    );
    assert_eq!(tree.find("c").unwrap().at.to_string(), "2:4");
}

#[test]
fn malformed_text_is_refused_with_its_place() {
    for (text, message) in [
        ("a: 1\na: 2\n", "2:1: \"a\" is there twice"),
        ("a: [1, 2\n", "2:1: "),
        ("a: *nowhere\n", "1:4: "),
        (
            "a: &x [*x]\n",
            "1:8: the alias stands inside its own anchor",
        ),
        ("? [a]\n: b\n", "1:3: a key can't be a list or a map"),
        ("a: 'x\n", "1:4: "),
    ] {
        let found = malformed(text);
        assert!(found.starts_with(message), "{text:?}: {found}");
    }
}

#[test]
fn nesting_is_bounded() {
    // The scanner looks ahead of us in flow style, and has a limit of its own there.
    for (text, message) in [
        ("- ".repeat(100_000), "nested more than 64 deep"),
        ("[".repeat(100_000), "recursion limit exceeded"),
        ("{a: ".repeat(100_000), "recursion limit exceeded"),
        (
            "[".repeat(100) + &"]".repeat(100),
            "nested more than 64 deep",
        ),
    ] {
        let found = malformed(&text);
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn aliases_multiply_within_bounds_only() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.extend([format!("a{i}: &a{i} [{aliases}]\n")]);
    }
    assert!(malformed(&bomb).contains("more than 2000000 values"));
}

#[test]
fn size_is_bounded() {
    assert!(malformed(&" ".repeat(MAX_BYTES + 1)).contains("at most 16777216 are read"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = parse(&text);
    }

    #[test]
    fn any_arrangement_of_yaml_signs_is_read_or_refused(
        text in "([a-z0-9 \\n:,&*!|>'\"#%@`-]|\\[|\\]|\\{|\\}|\\?|---\\n|: |- ){0,200}",
    ) {
        let _ = parse(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }
}
