//! Pages (AIP-158): a token is bound to the arguments it came with.

use portolan_model::{Digest, Name, Scoped, Violations};

const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: usize = 1000;

/// Where a page starts and how long it is.
pub(crate) struct Page {
    /// Continue after this key.
    pub(crate) after: Option<String>,
    /// At most this many.
    pub(crate) size: usize,
    arguments: String,
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
            Ok(size) => size.min(MAX_SIZE),
            Err(_) => {
                violations.add("page_size", "must not be negative");
                DEFAULT_SIZE
            }
        };
        let arguments = Digest::of(&[arguments.join("\n").as_bytes()]).to_string();
        let after = match token.split_once('.') {
            Some((bound, key)) if bound == arguments => Some(key.to_owned()),
            _ if token.is_empty() => None,
            _ => {
                violations.add(
                    "page_token",
                    "is no token of a list with these arguments; start without one",
                );
                None
            }
        };
        Self {
            after,
            size,
            arguments,
        }
    }

    /// The key to continue after, of something in a namespace.
    pub(crate) fn after_scoped(&self) -> Option<Scoped> {
        let (namespace, name) = self.after.as_ref()?.split_once('/')?;
        Some(Scoped::new(Name::trusted(namespace), Name::trusted(name)))
    }

    /// Cuts a page out of items in order of their key, and names the token of the next one.
    pub(crate) fn cut<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, String) {
        let mut page: Vec<T> = items.take(self.size + 1).collect();
        if page.len() <= self.size {
            return (page, String::new());
        }
        page.truncate(self.size);
        let token = page
            .last()
            .map(|last| format!("{}.{}", self.arguments, key(last)))
            .unwrap_or_default();
        (page, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: i32, token: &str, arguments: &[&str]) -> Result<Page, Violations> {
        let mut violations = Violations::new();
        let page = Page::new(size, token, arguments, &mut violations);
        if violations.is_empty() {
            Ok(page)
        } else {
            Err(violations)
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all: Vec<u32> = (0..25).collect();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(10, &token, &["services"]).unwrap();
            let after: Option<u32> = page.after.as_ref().map(|key| key.parse().unwrap());
            let rest = all
                .iter()
                .copied()
                .filter(|n| after.is_none_or(|after| *n > after));
            let (items, next) = page.cut(rest, ToString::to_string);
            seen.extend(items);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_token_fits_only_its_own_arguments() {
        let (_, token) = page(1, "", &["a"])
            .unwrap()
            .cut([1, 2].into_iter(), ToString::to_string);
        assert!(page(1, &token, &["a"]).is_ok());
        assert!(page(1, &token, &["b"]).is_err());
        assert!(page(1, "nonsense", &["a"]).is_err());
        assert!(page(-1, "", &["a"]).is_err());
    }
}
