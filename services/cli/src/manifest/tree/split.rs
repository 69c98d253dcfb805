//! The documents of a stream, taken apart before they are parsed, so that one that is no YAML spoils no other.

use serde::de::IgnoredAny;

use super::node::Position;

/// A part of a stream that holds one document, or none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
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
        at: position(&text[..begin], first_line),
    });
    parts.collect()
}

/// Where a text ends that begins a line.
fn position(before: &str, first_line: usize) -> Position {
    let last = before.rsplit('\n').next().unwrap_or_default();
    Position {
        line: first_line + before.matches('\n').count(),
        column: last.chars().count() + 1,
    }
}
