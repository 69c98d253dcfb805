//! JSON merge patches (RFC 7386), on located trees: what comes from the patch keeps its place in the patch.

use super::tree::{Entry, Node, Value};

/// Changes `target` as the patch says: null removes, maps are merged, everything else replaces. Lists are replaced whole.
pub(crate) fn merge(target: &mut Node, patch: &Node) {
    let Value::Map(changes) = &patch.value else {
        *target = patch.clone();
        return;
    };
    let mut entries = match std::mem::replace(&mut target.value, Value::Null) {
        Value::Map(entries) => entries,
        _ => Vec::new(),
    };
    for change in changes {
        let known = entries.iter().position(|entry| entry.key == change.key);
        match (&change.node.value, known) {
            (Value::Null, Some(index)) => {
                entries.remove(index);
            }
            (Value::Null, None) => {}
            (_, Some(index)) => merge(&mut entries[index].node, &change.node),
            (_, None) => {
                let mut node = Node {
                    at: change.node.at,
                    value: Value::Null,
                };
                merge(&mut node, &change.node);
                entries.push(Entry {
                    node,
                    ..change.clone()
                });
            }
        }
    }
    target.value = Value::Map(entries);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tree::parse;
    use crate::output::yaml::Document;

    fn json(node: &Node) -> String {
        fn document(node: &Node) -> Document {
            match &node.value {
                Value::Text(text) => text.as_str().into(),
                Value::Integer(number) => (*number).into(),
                Value::List(items) => items.iter().map(document).collect::<Vec<_>>().into(),
                Value::Map(entries) => Document::Map(
                    entries
                        .iter()
                        .map(|e| (e.key.clone(), document(&e.node)))
                        .collect(),
                ),
                // A document holds no null; the word will do to compare.
                _ => "null".into(),
            }
        }
        let json = document(node).to_json();
        json.split_whitespace().collect()
    }

    /// The table of RFC 7386, appendix A: original, patch, result. Top-level nulls aside, which are no document.
    #[test]
    fn patches_are_merged_as_the_rfc_shows() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":"null","a":1}"#),
            (r"[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            (r"{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut target = parse(original).unwrap().remove(0);
            merge(&mut target, &parse(patch).unwrap()[0]);
            assert_eq!(json(&target), result, "{original} with {patch}");
        }
    }
}
