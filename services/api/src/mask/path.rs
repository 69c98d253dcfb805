//! The text of a path: names and keys with dots between them; what is in backticks is one key (AIP-161).

use portolan_model::limits::MASK_PATH;

/// Takes a path apart.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Vec<String>, String> {
    if text.len() > MASK_PATH.value {
        return Err(format!("has {}", MASK_PATH.exceeded(text.len())));
    }
    let mut parts = Vec::new();
    let mut rest = Some(text);
    while let Some(now) = rest {
        let (part, after) = match now.strip_prefix('`') {
            Some(quoted) => quoted
                .split_once('`')
                .ok_or("has a backtick without its second one")?,
            None => now.split_at(now.find('.').unwrap_or(now.len())),
        };
        if part.is_empty() {
            return Err("has an empty part".to_owned());
        }
        if part.contains('[') {
            return Err(
                "has an index: a list is replaced as a whole, so name the list itself".to_owned(),
            );
        }
        parts.push(part.to_owned());
        rest = match after.strip_prefix('.') {
            Some(after) => Some(after),
            None if after.is_empty() => None,
            None => return Err("goes on behind a backtick without a dot".to_owned()),
        };
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_part_and_backticks_keep_together() {
        for (text, expected) in [
            ("labels", Ok(&["labels"][..])),
            ("labels.app", Ok(&["labels", "app"])),
            ("labels.`a.b/c`", Ok(&["labels", "a.b/c"])),
            ("`labels`.app", Ok(&["labels", "app"])),
            ("spec.a.`b`.c", Ok(&["spec", "a", "b", "c"])),
            ("", Err("empty")),
            ("labels.", Err("empty")),
            (".labels", Err("empty")),
            ("a..b", Err("empty")),
            ("labels.``", Err("empty")),
            ("labels.`a", Err("without its second")),
            ("labels.`a`b", Err("without a dot")),
            ("spec.ports[0]", Err("list itself")),
        ] {
            match (parse(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(said), Err(part)) => assert!(said.contains(part), "{text}: {said}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        assert!(parse(&"a".repeat(MASK_PATH.value)).is_ok());
        assert!(parse(&"a".repeat(MASK_PATH.value + 1)).is_err());
    }
}
