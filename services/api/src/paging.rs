//! Page tokens (AIP-158): bound to the arguments they came with, and to the revision of the first page.

use std::fmt::Write;

use portolan_model::limits::{PAGE_SIZE, PAGE_TOKEN};
use portolan_model::query::Position;
use portolan_model::{Digest, Violations};

const DEFAULT_SIZE: usize = 100;

/// Where a page starts and how long it is.
pub(crate) struct Page {
    /// At most this many.
    pub(crate) size: usize,
    /// Continue after this; `None` is the first page.
    pub(crate) start: Option<Start>,
    arguments: String,
}

/// Where a page starts that is not the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// What the first page showed.
    pub(crate) revision: u64,
    /// The last that was on the page before.
    pub(crate) after: Position,
}

impl Page {
    /// From a request; `arguments` is everything else that it asks for.
    pub(crate) fn new(
        size: i32,
        token: &str,
        arguments: &[&str],
        violations: &mut Violations,
    ) -> Self {
        let size = match usize::try_from(size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(PAGE_SIZE.value),
            Err(_) => {
                violations.add("page_size", "must not be negative");
                DEFAULT_SIZE
            }
        };
        let arguments = Digest::of(&[arguments.join("\n").as_bytes()]).to_string();
        let start = if token.is_empty() {
            None
        } else {
            let start = read(token).filter(|(bound, _)| *bound == arguments);
            if start.is_none() {
                violations.add(
                    "page_token",
                    "is no token of a list with these arguments; repeat them as they were, or start without a token",
                );
            }
            start.map(|(_, start)| start)
        };
        Self {
            size,
            start,
            arguments,
        }
    }

    /// The token of the page that follows a place, for the list that shows a revision.
    pub(crate) fn token(&self, revision: u64, after: &Position) -> String {
        let content = serde_json::to_vec(&(&self.arguments, revision, after))
            .expect("texts and numbers always have a JSON form");
        sealed(&content)
    }
}

/// A token, with its own digest at the end: what was changed on the way is no token. Nobody should feel invited to read or
/// write one.
fn sealed(content: &[u8]) -> String {
    let seal = Digest::of(&[content]);
    let bytes = content.iter().chain(seal.as_bytes());
    bytes.fold(String::new(), |mut token, byte| {
        // Writing into a String does not fail.
        let _ = write!(token, "{byte:02x}");
        token
    })
}

fn read(token: &str) -> Option<(String, Start)> {
    let token = Some(token).filter(|token| token.len() <= PAGE_TOKEN.value)?;
    let digits = token.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.map(byte).collect();
    let bytes = bytes?;
    let content = &bytes[..bytes.len().checked_sub(Digest::EMPTY.as_bytes().len())?];
    let content = Some(content).filter(|content| sealed(content) == token)?;
    let (arguments, revision, after) = serde_json::from_slice(content).ok()?;
    Some((arguments, Start { revision, after }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: i32, token: &str, arguments: &[&str]) -> Result<Page, Vec<String>> {
        let mut violations = Violations::new();
        let page = Page::new(size, token, arguments, &mut violations);
        let fields: Vec<_> = violations.iter().map(|v| v.field.clone()).collect();
        if fields.is_empty() {
            Ok(page)
        } else {
            Err(fields)
        }
    }

    #[test]
    fn a_token_carries_revision_and_place() {
        let after = vec!["ns".to_owned(), "ä \"x\"\n".to_owned()];
        let token = page(1, "", &["a"]).unwrap().token(7, &after);
        let start = page(1, &token, &["a"]).unwrap().start;
        assert_eq!(start, Some(Start { revision: 7, after }));
    }

    #[test]
    fn a_token_fits_only_its_own_arguments() {
        let token = page(1, "", &["a", "b"]).unwrap().token(1, &Vec::new());
        for (what, token, arguments, fits) in [
            ("its own", token.as_str(), ["a", "b"], true),
            ("others", &token, ["a", "c"], false),
            ("swapped", &token, ["b", "a"], false),
            ("cut off", &token[1..], ["a", "b"], false),
            ("half", &token[..token.len() / 2], ["a", "b"], false),
            ("no token", "nonsense", ["a", "b"], false),
            ("no text", "ä", ["a", "b"], false),
        ] {
            let refused = page(1, token, &arguments).err();
            assert_eq!(refused.is_none(), fits, "{what}");
            assert!(fits || refused == Some(vec!["page_token".to_owned()]));
        }
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let after = vec!["default".to_owned(), "web-7".to_owned()];
        let token = page(1, "", &["a"]).unwrap().token(7, &after);
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                let refused = page(1, &changed, &["a"]).err();
                assert_eq!(refused, Some(vec!["page_token".to_owned()]), "{changed}");
            }
        }
    }

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        for (asked, size) in [(0, Some(100)), (7, Some(7)), (5000, Some(1000)), (-1, None)] {
            assert_eq!(page(asked, "", &[]).ok().map(|page| page.size), size);
        }
    }
}
