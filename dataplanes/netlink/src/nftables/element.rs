//! Elements of sets and maps.

use super::Verdict;
use crate::abi::{
    NFT_SET_ELEM_INTERVAL_END, NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_SET_ELEM_DATA,
    NFTA_SET_ELEM_FLAGS, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END, NFTA_SET_ELEM_USERDATA,
};
use crate::tlv::{Reader, Writer};

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element {
    /// The fields, each padded to four bytes.
    pub key: Vec<u8>,
    /// Of concatenated intervals: the last key of the range.
    pub key_end: Option<Vec<u8>>,
    /// Of plain intervals: the first key behind a range.
    pub interval_end: bool,
    /// The value of a map of data.
    pub value: Option<Vec<u8>>,
    /// Opaque to the kernel, at most 256 bytes.
    pub userdata: Vec<u8>,
}

/// What an element of a constant map leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// A value.
    Value(&'a [u8]),
    /// A verdict.
    Verdict(&'a Verdict),
}

impl Element {
    /// Bytes it takes in a message, at most.
    pub(super) fn size(&self) -> usize {
        let end = self.key_end.as_ref().map_or(0, |end| end.len() + 8);
        let value = self.value.as_ref().map_or(0, |value| value.len() + 8);
        self.key.len() + end + value + self.userdata.len() + 32
    }

    pub(super) fn write(&self, whole: bool, writer: &mut Writer) {
        writer.nest(NFTA_SET_ELEM_KEY, |w| w.put(NFTA_DATA_VALUE, &self.key));
        if let Some(end) = &self.key_end {
            writer.nest(NFTA_SET_ELEM_KEY_END, |w| w.put(NFTA_DATA_VALUE, end));
        }
        if self.interval_end {
            writer.put_u32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
        }
        if !whole {
            return;
        }
        if let Some(value) = &self.value {
            write_data(&Data::Value(value), NFTA_SET_ELEM_DATA, writer);
        }
        if !self.userdata.is_empty() {
            writer.put(NFTA_SET_ELEM_USERDATA, &self.userdata);
        }
    }

    /// From a listing; `None` if it is not one.
    pub(super) fn read(attributes: &Reader<'_>) -> Option<Self> {
        let value = |kind| {
            let data = attributes.get(kind)?.nested().get(NFTA_DATA_VALUE)?;
            Some(data.value.to_vec())
        };
        let flags = attributes.get(NFTA_SET_ELEM_FLAGS).and_then(|f| f.u32());
        let userdata = attributes.get(NFTA_SET_ELEM_USERDATA);
        Some(Self {
            key: value(NFTA_SET_ELEM_KEY)?,
            key_end: value(NFTA_SET_ELEM_KEY_END),
            interval_end: flags.unwrap_or(0) & NFT_SET_ELEM_INTERVAL_END != 0,
            value: value(NFTA_SET_ELEM_DATA),
            userdata: userdata.map_or_else(Vec::new, |userdata| userdata.value.to_vec()),
        })
    }
}

/// A value or a verdict below an attribute of its own.
pub(super) fn write_data(data: &Data<'_>, kind: u16, writer: &mut Writer) {
    writer.nest(kind, |w| match data {
        Data::Value(value) => w.put(NFTA_DATA_VALUE, value),
        Data::Verdict(verdict) => w.nest(NFTA_DATA_VERDICT, |w| verdict.write(w)),
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 1..most)
    }

    prop_compose! {
        fn any_element()(
            key in bytes(40),
            key_end in prop::option::of(bytes(40)),
            interval_end in any::<bool>(),
            value in prop::option::of(bytes(20)),
            userdata in prop::collection::vec(any::<u8>(), 0..200),
        ) -> Element {
            Element { key, key_end, interval_end, value, userdata }
        }
    }

    proptest! {
        #[test]
        fn an_element_is_read_as_it_was_written(element in any_element()) {
            let mut writer = Writer::new();
            element.write(true, &mut writer);
            prop_assert!(writer.as_bytes().len() <= element.size());
            prop_assert_eq!(Element::read(&Reader::new(writer.as_bytes())), Some(element));
        }

        #[test]
        fn arbitrary_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Element::read(&Reader::new(&bytes));
        }
    }
}
