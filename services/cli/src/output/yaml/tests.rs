use proptest::prelude::*;

use super::{Document, Fields};
use crate::manifest::tree::{Node, Value, parse};

fn as_document(node: &Node) -> Document {
    match &node.value {
        Value::Boolean(value) => Document::Boolean(*value),
        Value::Integer(value) => Document::Integer(*value),
        Value::Text(text) => Document::Text(text.clone()),
        Value::List(items) => Document::List(items.iter().map(as_document).collect()),
        Value::Map(entries) => {
            let pair = |e: &crate::manifest::tree::Entry| (e.key.clone(), as_document(&e.node));
            Document::Map(entries.iter().map(pair).collect())
        }
        other => panic!("nothing of that kind is written: {other:?}"),
    }
}

fn documents() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Document::from),
        any::<i64>().prop_map(Document::from),
        "\\PC*".prop_map(Document::from),
        any::<String>().prop_map(Document::from),
        "(yes|No|1e3|0x1f|1_000|~|null|: |- a|#|12:30:00|\\.inf|2001-01-01)"
            .prop_map(Document::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let fields = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Document::List),
            fields.prop_map(|map| Document::Map(map.into_iter().collect())),
        ]
    })
}

#[test]
fn block_style_is_that_of_kubectl() {
    let port = Fields::new().field("name", "http").field("port", 80).end();
    let document = Fields::new()
        .field("apiVersion", "v1")
        .field("clusterIP", "10.96.0.1")
        .field("empty", "")
        .always("kept", Document::List(Vec::new()))
        .field("quoted", "yes")
        .field("time", "2024-05-01T10:00:00Z")
        .field("ports", Document::List(vec![port]))
        .end();
    assert_eq!(
        document.to_yaml(),
        "apiVersion: v1\nclusterIP: 10.96.0.1\nkept: []\nquoted: \"yes\"\n\
         time: \"2024-05-01T10:00:00Z\"\nports:\n- name: http\n  port: 80\n"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(document in documents()) {
        for text in [document.to_yaml(), document.to_json()] {
            let read = parse(&text).map_err(|e| TestCaseError::fail(format!("{e} in {text:?}")))?;
            prop_assert_eq!(as_document(&read[0]), document.clone(), "{}", text);
        }
    }
}
