//! Labels, selectors and annotations.

use crate::limits::{self, Limit};
use crate::{FieldPath, Labels, Name, Violations};

/// Labels or a selector: keys `[prefix/]name`, values of at most 63 characters, maybe empty, and not too much of all.
pub fn labels<'a>(
    field: impl FieldPath,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    violations: &mut Violations,
) {
    let mut size = 0;
    for (key, value) in labels {
        size += key.len() + value.len();
        let path = format_args!("{field}[{key:?}]");
        if !is_key(key) {
            violations.add(path, KEY_RULE);
        } else if !(value.is_empty() || is_qualified(value)) {
            violations.add(path, "value must be at most 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit");
        }
    }
    limits::LABELS.check(field, size, violations);
}

/// Annotations: the same keys, any values, and not too much of all.
pub fn annotations(field: impl FieldPath, annotations: &Labels, violations: &mut Violations) {
    for key in annotations
        .keys()
        .filter(|key| !is_key(&key.to_ascii_lowercase()))
    {
        violations.add(format!("{field}[{key:?}]"), KEY_RULE);
    }
    for (key, value) in annotations.iter().filter(|(_, value)| value.contains('\0')) {
        let at = value.find('\0').unwrap_or_default();
        violations.add(
            format!("{field}[{key:?}]"),
            format!("value has a NUL character at byte {at}; PostgreSQL's text has no room for it"),
        );
    }
    let size: usize = annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    limits::ANNOTATIONS.check(field, size, violations);
}

const KEY_RULE: &str = "key must be a name of at most 63 letters, digits, '-', '_' or '.', optionally after a DNS subdomain and '/'";

/// `[prefix/]name`.
pub(super) fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => Name::subdomain(prefix).is_ok() && is_qualified(name),
        None => is_qualified(key),
    }
}

/// 1–63 letters, digits, `-`, `_`, `.`, with a letter or digit at both ends.
pub(super) fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= limits::LABEL_VALUE.value
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// A short text for people or tools: printable, without control characters.
pub fn text(field: impl FieldPath, value: &str, limit: Limit, violations: &mut Violations) {
    if limit.check(field, value.len(), violations) && value.chars().any(char::is_control) {
        violations.add(field, "must have no control characters");
    }
}
