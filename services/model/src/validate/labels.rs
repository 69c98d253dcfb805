//! Labels, selectors and annotations.

use crate::{FieldPath, Labels, Name, Violations};

const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Labels or a selector: keys `[prefix/]name`, values of at most 63 characters, maybe empty.
pub fn labels<'a>(
    field: impl FieldPath,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    violations: &mut Violations,
) {
    for (key, value) in labels {
        let path = format_args!("{field}[{key:?}]");
        if !is_key(key) {
            violations.add(path, KEY_RULE);
        } else if !(value.is_empty() || is_qualified(value)) {
            violations.add(path, "value must be at most 63 letters, digits, '-', '_' or '.', starting and ending with a letter or digit");
        }
    }
}

/// Annotations: the same keys, any values, 256 KiB in all.
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
    if size > MAX_ANNOTATIONS {
        violations.add(
            field,
            format!("{size} bytes in all; at most {MAX_ANNOTATIONS} are allowed"),
        );
    }
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
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// A short text for people or tools: printable, without control characters.
pub fn text(field: impl FieldPath, value: &str, longest: usize, violations: &mut Violations) {
    if value.chars().count() > longest || value.chars().any(char::is_control) {
        violations.add(
            field,
            format!("must have at most {longest} characters, and no control characters"),
        );
    }
}
