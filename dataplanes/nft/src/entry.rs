//! Elements, and where they are.

use portolan_netlink::nftables::{Element, Family};

use crate::SetName;

/// An element of one of our sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<S> {
    /// The family of its table.
    pub family: Family,
    /// Where it is in the table.
    pub set: S,
    /// What is there.
    pub element: Element,
}

impl<S: SetName> Entry<S> {
    /// What tells it from the others: all but value and userdata.
    pub fn identity(&self) -> (Family, S, &[u8], Option<&Vec<u8>>, bool) {
        let element = &self.element;
        (
            self.family,
            self.set,
            &element.key,
            element.key_end.as_ref(),
            element.interval_end,
        )
    }
}
