//! Labels, selectors and annotations, and how large they and a whole resource may be.

use std::io;

use serde::Serialize;

use crate::limits::{ANNOTATIONS, LABELS, OBJECT};
use crate::{FieldPath, Labels, Name, Violations};

/// A whole resource: what it takes to store and to send it.
pub fn object(
    field: impl FieldPath,
    labels: &Labels,
    annotations: &Labels,
    spec: &impl Serialize,
    violations: &mut Violations,
) {
    let mut octets = Counted(0);
    // Never fails: every key is a string, and nothing can go wrong with counting.
    let _ = serde_json::to_writer(&mut octets, &(labels, annotations, spec));
    at_most(field, octets.0, OBJECT, violations);
}

/// Counts what is written to it.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += octets.len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A number of octets.
pub(super) fn at_most(
    field: impl FieldPath,
    octets: usize,
    most: usize,
    violations: &mut Violations,
) {
    if octets > most {
        let message = format!("{octets} bytes in all; at most {most} are allowed");
        violations.add(field, message);
    }
}

/// What keys and values take together.
fn size<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> usize {
    let sizes = pairs
        .into_iter()
        .map(|(key, value)| key.len() + value.len());
    sizes.sum()
}

/// Labels or a selector: keys `[prefix/]name`, values of at most 63 characters, maybe empty; 16 KiB in all.
pub fn labels<'a>(
    field: impl FieldPath,
    labels: impl IntoIterator<Item = (&'a String, &'a String), IntoIter: Clone>,
    violations: &mut Violations,
) {
    let labels = labels.into_iter();
    at_most(field, size(labels.clone()), LABELS, violations);
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
    at_most(field, size(annotations), ANNOTATIONS, violations);
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
