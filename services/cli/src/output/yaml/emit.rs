//! From documents to text.
//!
//! An own emitter, since what we write is read by YAML 1.1 readers too (kubectl): `yes`, `on` and `1_000` must be
//! quoted for them, which emitters of YAML 1.2 don't do.

use std::net::Ipv4Addr;

use super::Document;

impl Document {
    pub(crate) fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("the keys of a document are strings") + "\n"
    }

    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Map(fields) if !fields.is_empty() => map(&mut text, fields, 0, false),
            Self::List(items) if !items.is_empty() => list(&mut text, items, 0),
            scalar => {
                text.push_str(&flow(scalar));
                text.push('\n');
            }
        }
        text
    }
}

/// `inline`: the first key continues a line that is begun, behind the dash of a list.
fn map(text: &mut String, fields: &[(String, Document)], indent: usize, inline: bool) {
    for (i, (key, value)) in fields.iter().enumerate() {
        if i > 0 || !inline {
            text.extend(std::iter::repeat_n(' ', indent));
        }
        text.push_str(&quoted(key));
        text.push(':');
        match value {
            Document::Map(fields) if !fields.is_empty() => {
                text.push('\n');
                map(text, fields, indent + 2, false);
            }
            Document::List(items) if !items.is_empty() => {
                text.push('\n');
                list(text, items, indent);
            }
            scalar => {
                text.push(' ');
                text.push_str(&flow(scalar));
                text.push('\n');
            }
        }
    }
}

fn list(text: &mut String, items: &[Document], indent: usize) {
    for item in items {
        text.extend(std::iter::repeat_n(' ', indent));
        text.push_str("- ");
        match item {
            Document::Map(fields) if !fields.is_empty() => map(text, fields, indent + 2, true),
            // Lists of lists are nobody's kind; flow style is YAML as well.
            other => {
                text.push_str(&flow(other));
                text.push('\n');
            }
        }
    }
}

fn flow(value: &Document) -> String {
    match value {
        Document::Boolean(value) => value.to_string(),
        Document::Integer(value) => value.to_string(),
        Document::Text(text) => quoted(text),
        Document::List(_) | Document::Map(_) => {
            serde_json::to_string(value).expect("the keys of a document are strings")
        }
    }
}

/// Plain only where no reader, of YAML 1.1 or 1.2, could take it for anything else.
fn quoted(text: &str) -> String {
    const RESERVED: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    // Neither an address nor a range of them is a number to any reader.
    let range = text.split_once('/').map_or(text, |(address, _)| address);
    let is_range = range.parse::<Ipv4Addr>().is_ok()
        && text[range.len()..]
            .bytes()
            .all(|b| b == b'/' || b.is_ascii_digit());
    if word || is_range {
        return text.to_owned();
    }
    let json = serde_json::to_string(text).expect("a string is always JSON");
    json.chars().map(escaped).collect()
}

/// JSON lets these stand; YAML does not (YAML 1.2 §5.1), or reads them as a line break (YAML 1.1).
fn escaped(c: char) -> String {
    match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        c => c.to_string(),
    }
}
