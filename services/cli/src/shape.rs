//! How messages stand in YAML: each field is named once, with its key and its shape, and is read and written by it.

mod port;
mod word;

use std::collections::BTreeMap;

use crate::manifest::read::{Fields, Place};
use crate::output::yaml::{self, Document};
pub(crate) use port::{Port, PortOrName};
pub(crate) use word::Word;

/// How one field of a message stands in YAML.
pub(crate) trait Shape<T> {
    /// The field as the document has it; its default where the document says nothing.
    fn read(&self, fields: &Fields<'_>) -> T;

    /// Adds the field to what is written.
    fn write(&self, value: &T, to: yaml::Fields) -> yaml::Fields;
}

/// What stands at one place.
pub(crate) trait Value: Sized {
    fn read(place: &Place<'_>) -> Option<Self>;

    fn document(&self) -> Document;
}

/// A message that is a map of its fields; [`message!`] tells them.
pub(crate) trait Message: Sized {
    /// Reads the fields, and refuses others.
    fn read(fields: &Fields<'_>) -> Self;

    /// The fields as they are written.
    fn fields(&self) -> yaml::Fields;
}

impl<M: Message> Value for M {
    fn read(place: &Place<'_>) -> Option<Self> {
        Some(<M as Message>::read(&place.fields()?))
    }

    fn document(&self) -> Document {
        self.fields().end()
    }
}

impl Value for String {
    fn read(place: &Place<'_>) -> Option<Self> {
        place.text()
    }

    fn document(&self) -> Document {
        self.as_str().into()
    }
}

impl Value for i32 {
    fn read(place: &Place<'_>) -> Option<Self> {
        place.integer()
    }

    fn document(&self) -> Document {
        (*self).into()
    }
}

impl Value for bool {
    fn read(place: &Place<'_>) -> Option<Self> {
        place.boolean()
    }

    fn document(&self) -> Document {
        (*self).into()
    }
}

/// A field as its type suggests: left out where it is empty, 0 or false; or, if it is optional, where there is none.
pub(crate) struct Plain(pub(crate) &'static str);

impl<V: Value + Default> Shape<V> for Plain {
    fn read(&self, fields: &Fields<'_>) -> V {
        let place = fields.get(self.0);
        place.and_then(|place| V::read(&place)).unwrap_or_default()
    }

    fn write(&self, value: &V, to: yaml::Fields) -> yaml::Fields {
        to.field(self.0, value.document())
    }
}

impl<V: Value> Shape<Option<V>> for Plain {
    fn read(&self, fields: &Fields<'_>) -> Option<V> {
        V::read(&fields.get(self.0)?)
    }

    fn write(&self, value: &Option<V>, to: yaml::Fields) -> yaml::Fields {
        to.optional(self.0, value.as_ref().map(V::document))
    }
}

impl<V: Value> Shape<Vec<V>> for Plain {
    fn read(&self, fields: &Fields<'_>) -> Vec<V> {
        fields.list(self.0).iter().filter_map(V::read).collect()
    }

    fn write(&self, values: &Vec<V>, to: yaml::Fields) -> yaml::Fields {
        to.field(self.0, values.iter().map(V::document).collect::<Vec<_>>())
    }
}

impl Shape<BTreeMap<String, String>> for Plain {
    fn read(&self, fields: &Fields<'_>) -> BTreeMap<String, String> {
        fields.text_map(self.0)
    }

    fn write(&self, map: &BTreeMap<String, String>, to: yaml::Fields) -> yaml::Fields {
        to.field(self.0, map)
    }
}

/// A field that is written whatever its value.
pub(crate) struct Always(pub(crate) &'static str);

impl<V: Value + Default> Shape<V> for Always {
    fn read(&self, fields: &Fields<'_>) -> V {
        Plain(self.0).read(fields)
    }

    fn write(&self, value: &V, to: yaml::Fields) -> yaml::Fields {
        to.always(self.0, value.document())
    }
}

/// A message that says no more than its absence if all of its fields are empty.
pub(crate) struct UnlessEmpty(pub(crate) &'static str);

impl<M: Message + Default> Shape<Option<M>> for UnlessEmpty {
    fn read(&self, fields: &Fields<'_>) -> Option<M> {
        Plain(self.0).read(fields)
    }

    fn write(&self, message: &Option<M>, to: yaml::Fields) -> yaml::Fields {
        to.field(
            self.0,
            message
                .as_ref()
                .map_or_else(|| M::default().document(), M::document),
        )
    }
}

/// Tells the fields of a message, in the order in which they are read and written. `shown` has keys that are written in
/// another order, before the others. `first` looks at the fields before they are read, and `last` afterwards, before the rest is refused.
macro_rules! message {
    ($message:ty { $($field:ident: $shape:expr,)* } $(first $first:path;)? $(last $last:path;)? $(shown $shown:expr;)?) => {
        impl $crate::shape::Message for $message {
            fn read(fields: &$crate::manifest::read::Fields<'_>) -> Self {
                $($first(fields);)?
                let message = Self { $($field: $crate::shape::Shape::read(&$shape, fields),)* };
                $($last(fields);)?
                fields.refuse_unknown(&[]);
                message
            }

            fn fields(&self) -> $crate::output::yaml::Fields {
                let fields = $crate::output::yaml::Fields::new();
                $(let fields = $crate::shape::Shape::write(&$shape, &self.$field, fields);)*
                fields$(.ordered($shown))?
            }
        }
    };
}
pub(crate) use message;
