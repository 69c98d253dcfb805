//! What a Service asks of the labels of its workloads.

use serde::{Deserialize, Serialize, Serializer};

use crate::Labels;

/// Labels that a workload must have, every one of them; ordered, so that equal selectors have equal bytes. Kept in one
/// piece of just the right size, since every Service has one: the smallest node of a B-tree takes 544 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Labels")]
pub struct Selector(Box<[(String, String)]>);

impl Selector {
    /// Whether it asks for nothing, and so matches nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels it asks for.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The labels, in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether these labels have all that it asks for.
    pub fn matches(&self, labels: &Labels) -> bool {
        let has = |(key, value)| labels.get(key) == Some(value);
        !self.is_empty() && self.iter().all(has)
    }

    /// As a map.
    pub fn to_labels(&self) -> Labels {
        self.0.iter().cloned().collect()
    }
}

impl From<Labels> for Selector {
    fn from(labels: Labels) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_written_like_the_labels_it_was_made_of() {
        for list in [&[][..], &[("b", "2"), ("a", "1")]] {
            let pairs = list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            let labels: Labels = pairs.collect();
            let selector = Selector::from(labels.clone());
            let text = serde_json::to_string(&selector).expect("JSON");
            assert_eq!(text, serde_json::to_string(&labels).expect("JSON"));
            let read: Selector = serde_json::from_str(&text).expect("a map");
            assert_eq!((read.to_labels(), read), (labels, selector));
        }
    }
}
