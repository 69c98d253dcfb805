//! What a reader makes of a document.

use super::Item;

/// What became of a document. If its reader found problems, this is not looked at.
pub(super) enum Answer {
    Asked(Box<Asked>),
    /// Not used; the text says why.
    Ignored(String),
}

/// What a document asks for.
pub(super) struct Asked {
    pub(super) item: Item,
    /// For the user: what was read differently than one may expect.
    pub(super) notes: Vec<String>,
    /// Of endpoints: where each of them stands.
    pub(super) places: Vec<String>,
}

impl From<Item> for Answer {
    fn from(item: Item) -> Self {
        Self::noted(item, Vec::new())
    }
}

impl Answer {
    pub(super) fn noted(item: Item, notes: Vec<String>) -> Self {
        Self::Asked(Box::new(Asked {
            item,
            notes,
            places: Vec::new(),
        }))
    }
}
