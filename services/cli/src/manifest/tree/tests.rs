use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MAX_BYTES, Node, Value, parse};

fn malformed(text: &str) -> String {
    parse(text).expect_err("must be refused").to_string()
}

#[test]
fn scalars_are_resolved_as_kubectl_does() {
    let rows: &[(&str, Value)] = &[
        ("80", Value::Integer(80)),
        ("-1", Value::Integer(-1)),
        ("0x1F", Value::Integer(31)),
        ("0o17", Value::Integer(15)),
        ("true", Value::Boolean(true)),
        ("yes", Value::Boolean(true)),
        ("Off", Value::Boolean(false)),
        ("'yes'", Value::Text("yes".into())),
        ("!!str yes", Value::Text("yes".into())),
        ("!Ref 80", Value::Text("80".into())),
        ("0120", Value::Integer(80)),
        ("-0120", Value::Integer(-80)),
        ("08", Value::Number("08".into())),
        ("0b101", Value::Integer(5)),
        ("1_000", Value::Integer(1000)),
        ("+5", Value::Integer(5)),
        ("--5", Value::Text("--5".into())),
        ("1e3", Value::Number("1e3".into())),
        ("5.", Value::Number("5.".into())),
        ("1:30", Value::Text("1:30".into())),
        ("2026-01-31", Value::Text("2026-01-31".into())),
        ("0x", Value::Text("0x".into())),
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
        ("<<: 5\n", "1:5: << takes a map, or a list of maps"),
        ("x: 1\n---\na: b: c\n", "3:5: "),
        ("{\"a\": 1}\n{\"a\": [}\n", "2:"),
        ("a: *nowhere\n", "1:4: "),
        (
            "a: &x [*x]\n",
            "1:8: the alias stands inside its own anchor",
        ),
        ("? [a]\n: b\n", "1:3: a key can't be a list or a map"),
        ("a: 'x\n", "2:1: found unexpected end of stream"),
    ] {
        let found = malformed(text);
        assert!(found.starts_with(message), "{text:?}: {found}");
    }
}

#[test]
fn nesting_is_bounded() {
    for text in [
        "- ".repeat(100_000),
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "[".repeat(100) + &"]".repeat(100),
    ] {
        let found = malformed(&text);
        assert!(found.contains("nested more than 64 deep"), "{found}");
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
fn what_aliases_repeat_is_counted_in_bytes() {
    let long = "x".repeat(1 << 20);
    for many in ["*a, ".repeat(100), "{k: *a}, ".repeat(100)] {
        let found = malformed(&format!("a: &a \"{long}\"\nb: [{many}]\n"));
        assert!(found.contains("more than 67108864 bytes"), "{found}");
    }
    let key = "k".repeat(900);
    let keys = format!("a: &a {{{key}: 1}}\nb: [{}]\n", "*a, ".repeat(100_000));
    assert!(malformed(&keys).contains("more than 67108864 bytes"));
}

#[test]
fn maps_are_merged_and_what_a_map_has_itself_wins() {
    let text =
        "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\nw:\n  a: 0\n  <<: *y\n";
    let tree = &parse(text).unwrap()[0];
    for (path, value) in [("z.a", 1), ("z.b", 1), ("z.c", 3), ("w.a", 0), ("w.b", 2)] {
        assert_eq!(
            tree.find(path).unwrap().value,
            Value::Integer(value),
            "{path}"
        );
    }
    let text = &parse("'<<': 1\n").unwrap()[0];
    assert_eq!(
        text.get("<<").unwrap().value,
        Value::Integer(1),
        "quoted, it is a key"
    );
}

#[test]
fn json_is_read_where_it_is_no_yaml() {
    let text = "{\"a\": \"\u{7f}\u{2028}\\\\ud83d \\ud83d\\ude00 \\u0041 \\\"\"}";
    let tree = &parse(text).unwrap()[0];
    let want = "\u{7f}\u{2028}\\ud83d \u{1f600} A \"";
    assert_eq!(tree.text("a"), Some(want));
}

#[test]
fn documents_stand_wherever_a_stream_may_have_them() {
    for (text, places) in [
        ("a: [\n]\n", &["1:1"][..]),
        ("a: \"x\ny\"\n", &["1:1"]),
        ("{\"a\": 1}{\"a\": 2}\n {\"a\": 3}", &["1:1", "1:9", "2:2"]),
        ("{\"a\": 1}\n---\n{\"a\": 2}", &["1:1", "3:1"]),
        (
            "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\na: 2\n",
            &["3:1", "7:1"],
        ),
        (
            "\u{feff}# first\n--- # still\na: 1\n---\na: |\n  ---\n  x\n",
            &["3:1", "5:1"],
        ),
        ("--- {a: 1}\n--- {a: 2}\n", &["1:5", "2:5"]),
        ("---a: 1\n", &["1:1"]),
        ("{a: 1, b: [*x]}", &[]),
    ] {
        let found = parse(text).unwrap_or_default();
        let found: Vec<_> = found.iter().map(|node| node.at.to_string()).collect();
        assert_eq!(found, places, "{text:?}");
    }
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

/// The tree of a corpus, as kubectl's library has it.
fn expected(tree: &serde_json::Value) -> Plain {
    use serde_json::Value as Json;
    match tree {
        Json::Null => Plain::Null,
        Json::Bool(value) => Plain::Boolean(*value),
        Json::Number(number) => Plain::Integer(number.as_i64().expect("an integer")),
        Json::String(text) => Plain::Text(text.clone()),
        Json::Array(items) => Plain::List(items.iter().map(expected).collect()),
        Json::Object(map) => match map.get("number").and_then(Json::as_str) {
            Some(text) if map.len() == 1 => Plain::Number(text.to_owned()),
            _ => Plain::Map(map.iter().map(|(k, v)| (k.clone(), expected(v))).collect()),
        },
    }
}

/// A tree without places.
#[derive(Debug, PartialEq)]
enum Plain {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

fn plain(node: &Node) -> Plain {
    match &node.value {
        Value::Null => Plain::Null,
        Value::Boolean(value) => Plain::Boolean(*value),
        Value::Integer(value) => Plain::Integer(*value),
        Value::Number(text) => Plain::Number(text.clone()),
        Value::Text(text) => Plain::Text(text.clone()),
        Value::List(items) => Plain::List(items.iter().map(plain).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|e| (e.key.clone(), plain(&e.node)));
            Plain::Map(entries.collect())
        }
    }
}

/// `tests/manifests/yaml/make.py` writes it.
#[test]
fn documents_are_read_as_kubectl_reads_them_or_refused_with_their_place() {
    #[derive(serde::Deserialize)]
    struct Row {
        name: String,
        text: String,
        tree: serde_json::Value,
    }
    let corpus = include_str!("../../../../../tests/manifests/yaml/corpus.json");
    let corpus: Vec<Row> = serde_json::from_str(corpus).unwrap();
    assert!(corpus.len() >= 200);
    for Row { name, text, tree } in corpus {
        let found = parse(&text);
        if tree.is_null() {
            let malformed = found.expect_err(&name);
            assert!(malformed.at.line > 0 && malformed.at.column > 0, "{name}");
            continue;
        }
        let found = found.unwrap_or_else(|malformed| panic!("{name}: {malformed}\n{text}"));
        let [document] = &found[..] else {
            panic!("{name}: {} documents", found.len());
        };
        assert_eq!(plain(document), expected(&tree), "{name}\n{text}");
    }
}
