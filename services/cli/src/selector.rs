//! Label selectors, as Kubernetes writes them.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Requirements, all of which must be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    /// Also met where the label is absent.
    NotIn(String, Vec<String>),
}

impl Selector {
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Absent(key) => !labels.contains_key(key),
            Requirement::In(key, values) => {
                labels.get(key).is_some_and(|value| values.contains(value))
            }
            Requirement::NotIn(key, values) => {
                labels.get(key).is_none_or(|value| !values.contains(value))
            }
        })
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let requirements: Option<Vec<_>> = parts(text).into_iter().map(requirement).collect();
        let requirements = requirements.filter(|requirements| !requirements.is_empty());
        requirements.map(Self).ok_or_else(|| {
            format!(
                "{text:?} is no selector, such as app=shop, tier!=test, app in (a, b), app, or !app"
            )
        })
    }
}

/// What commas part, those in parentheses aside.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Requirement::Absent(word(key)?));
    }
    for (operator, is_in) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(operator) {
            // A value may be empty.
            let value = value.trim();
            let is_whole = value.is_empty() || word(value).is_some();
            let values = Some(vec![value.to_owned()]).filter(|_| is_whole)?;
            return Some(among(word(key)?, values, is_in));
        }
    }
    let (key, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (operator, list) = rest.split_once('(').unwrap_or((rest, ""));
    let is_in = match operator.trim() {
        "" if list.is_empty() => return Some(Requirement::Exists(word(key)?)),
        "in" => true,
        "notin" => false,
        _ => return None,
    };
    let list = list.strip_suffix(')')?;
    let values: Option<Vec<_>> = list.split(',').map(word).collect();
    Some(among(word(key)?, values?, is_in))
}

fn among(key: String, values: Vec<String>, is_in: bool) -> Requirement {
    if is_in {
        Requirement::In(key, values)
    } else {
        Requirement::NotIn(key, values)
    }
}

/// A key or a value: what labels are made of.
fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let is_label = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(is_label)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let pairs = [("app", "shop"), ("tier", "web"), ("example.com/empty", "")];
        let labels = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labels = BTreeMap::from(labels);
        for (text, matches) in [
            ("app=shop", Some(true)),
            ("app==shop,tier=web", Some(true)),
            ("app=shop,tier=db", Some(false)),
            ("app!=shop", Some(false)),
            ("other!=shop", Some(true)),
            ("app in (shop, bank)", Some(true)),
            ("app in (bank),tier", Some(false)),
            ("app notin (bank, inn), tier", Some(true)),
            ("tier", Some(true)),
            ("!tier", Some(false)),
            ("!other", Some(true)),
            ("example.com/empty=", Some(true)),
            ("", None),
            ("app=shop,", None),
            ("app in bank", None),
            ("app near (bank)", None),
            ("app=a b", None),
            ("=shop", None),
        ] {
            let selector: Result<Selector, _> = text.parse();
            let found = selector.ok().map(|selector| selector.matches(&labels));
            assert_eq!(found, matches, "{text}");
        }
    }
}
