//! The documents of a stream, taken apart before they are parsed, so that one that is no YAML spoils no other.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::node::Position;

/// A part of a stream that holds one document, or none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    /// It is a JSON value, and perhaps no YAML.
    pub(super) is_json: bool,
    /// Where it begins.
    pub(crate) at: Position,
}

/// The parts. At the start of a line `---` begins a document wherever it stands, within scalars, too (YAML 1.1 §4.1.2).
pub(crate) fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut begin, mut first_line) = (0, 1);
    let (mut offset, mut line) = (0, 1);
    for text_of_line in text.split_inclusive('\n') {
        if is_marker(text_of_line, "---") && has_content(&text[begin..offset]) {
            parts.extend(values(&text[begin..offset], first_line));
            (begin, first_line) = (offset, line);
        }
        offset += text_of_line.len();
        line += 1;
        if is_marker(text_of_line, "...") {
            parts.extend(values(&text[begin..offset], first_line));
            (begin, first_line) = (offset, line);
        }
    }
    parts.extend(values(&text[begin..], first_line));
    parts
}

fn is_marker(line: &str, marker: &str) -> bool {
    let rest = line.strip_prefix(marker);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// Whether there is more than comments and what belongs to the document that follows.
fn has_content(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches('\u{feff}');
        !line.starts_with('%') && !line.trim().is_empty() && !line.trim_start().starts_with('#')
    })
}

/// JSON values one behind the other are documents of their own.
fn values(text: &str, first_line: usize) -> Vec<Part<'_>> {
    let whole = Part {
        text,
        is_json: false,
        at: Position {
            line: first_line,
            column: 1,
        },
    };
    if !text.trim_start().starts_with('{') {
        return vec![whole];
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut ends = Vec::new();
    loop {
        match stream.next() {
            Some(Ok(IgnoredAny)) => ends.push(stream.byte_offset()),
            // Something else: YAML may look like JSON at first.
            Some(Err(_)) => return vec![whole],
            None => break,
        }
    }
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let parts = begins.zip(&ends).map(|(begin, end)| Part {
        text: &text[begin..*end],
        is_json: true,
        at: position(&text[..begin], first_line),
    });
    parts.collect()
}

impl Part<'_> {
    /// The text as YAML takes it. JSON lets characters stand in a string that YAML has only escaped, or folds as line breaks,
    /// and writes others as pairs of surrogates (RFC 8259 §7), which YAML does not know.
    pub(super) fn yaml(&self) -> Cow<'_, str> {
        let is_other = |c: char| {
            matches!(
                c,
                '\u{7f}'
                    ..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
        };
        if !self.is_json || !(self.text.contains(is_other) || self.text.contains("\\u")) {
            return Cow::Borrowed(self.text);
        }
        let mut yaml = String::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some(c) = rest.chars().next() {
            let (taken, written) = match surrogates(rest) {
                Some(character) => (2 * ESCAPE, character.to_string()),
                // A backslash and what it escapes stay together.
                None if c == '\\' => {
                    let next = rest[1..].chars().next().map_or(0, char::len_utf8);
                    (1 + next, rest[..=next].to_owned())
                }
                None if is_other(c) => (c.len_utf8(), format!("\\u{:04x}", u32::from(c))),
                None => (c.len_utf8(), c.to_string()),
            };
            yaml.push_str(&written);
            rest = &rest[taken..];
        }
        Cow::Owned(yaml)
    }
}

/// Octets of one half, such as `\ud83d`.
const ESCAPE: usize = 6;

/// The character that a pair of surrogates stands for, if a text begins with one.
fn surrogates(text: &str) -> Option<char> {
    let half = |from: usize| {
        let digits = text.get(from..from + ESCAPE)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let pair = [half(0)?, half(ESCAPE)?];
    let mut decoded = char::decode_utf16(pair);
    // Two characters that are no pair are none of ours.
    decoded.next()?.ok().filter(|_| decoded.next().is_none())
}

/// Where a text ends that begins a line.
fn position(before: &str, first_line: usize) -> Position {
    let last = before.rsplit('\n').next().unwrap_or_default();
    Position {
        line: first_line + before.matches('\n').count(),
        column: last.chars().count() + 1,
    }
}
