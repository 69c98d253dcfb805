//! Views as a node keeps them. It holds all those of its cluster and looks at one Service at a time, so they lie packed: a
//! value with its names, lists and room for more takes five times the bytes that tell it.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that most views have room in.
const USUAL: usize = 128;

/// One view. Equal values have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed<T> {
    bytes: Box<[u8]>,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    pub(super) fn new(view: &T) -> Self {
        let bytes = postcard::to_extend(view, Vec::with_capacity(USUAL));
        let bytes = bytes.expect("views are made of plain values");
        Self {
            bytes: bytes.into_boxed_slice(),
            of: PhantomData,
        }
    }

    pub(super) fn view(&self) -> T {
        postcard::from_bytes(&self.bytes).expect("it was packed from one")
    }
}

#[cfg(test)]
mod tests {
    use portolan_model::view::View;
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::any_views;

    proptest! {
        #[test]
        fn what_is_packed_is_the_view(views in any_views()) {
            for (_, view) in views {
                match view {
                    View::Service(view) => prop_assert_eq!(Packed::new(&view).view(), view),
                    View::Endpoint(view) => prop_assert_eq!(Packed::new(&view).view(), view),
                    _ => {}
                }
            }
        }
    }
}
