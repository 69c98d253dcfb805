//! Whether a document that can't be read would be any of ours.

use super::readers;

/// The kind that such a text says it is, if that is none that is read. Where it says nothing, it may be ours.
pub(super) fn kind(text: &str) -> Option<&str> {
    let said = text.lines().find_map(|line| {
        let rest = line.strip_prefix("kind:").or_else(|| {
            let line = line.trim_start().trim_start_matches('{').trim_start();
            line.strip_prefix("\"kind\":")
        })?;
        let word = rest.trim_start().trim_start_matches(['"', '\'']);
        let end = word.find(|c: char| !c.is_ascii_alphanumeric());
        Some(&word[..end.unwrap_or(word.len())])
    })?;
    let is_foreign = !said.is_empty() && !readers::is_known(said);
    is_foreign.then_some(said)
}
