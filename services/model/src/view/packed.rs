//! Views as nodes keep them. A node has all those of its cluster and looks at one Service at a time, so those that are many
//! lie packed: a value with its names, lists and room for more takes five times the bytes that tell it (decision 37).

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{EndpointView, ServiceView, View};

/// Bytes that most views have room in.
const USUAL: usize = 128;

/// One value in as few bytes as tell it. Equal values have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed<T> {
    bytes: Box<[u8]>,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    /// Of a value.
    pub fn new(value: &T) -> Self {
        let bytes = postcard::to_extend(value, Vec::with_capacity(USUAL));
        let bytes = bytes.expect("views are made of plain values");
        Self {
            bytes: bytes.into_boxed_slice(),
            of: PhantomData,
        }
    }

    /// The value.
    pub fn view(&self) -> T {
        postcard::from_bytes(&self.bytes).expect("it was packed from one")
    }
}

/// A view, packed if it is of a kind of which there are many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackedView {
    /// A Service.
    Service(Packed<ServiceView>),
    /// An address behind a Service.
    Endpoint(Packed<EndpointView>),
    /// Anything else.
    Other(Box<View>),
}

impl PackedView {
    /// The view.
    pub fn view(&self) -> View {
        match self {
            Self::Service(packed) => View::Service(packed.view()),
            Self::Endpoint(packed) => View::Endpoint(packed.view()),
            Self::Other(view) => (**view).clone(),
        }
    }
}

impl From<View> for PackedView {
    fn from(view: View) -> Self {
        match view {
            View::Service(view) => Self::Service(Packed::new(&view)),
            View::Endpoint(view) => Self::Endpoint(Packed::new(&view)),
            other => Self::Other(Box::new(other)),
        }
    }
}
