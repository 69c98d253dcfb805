//! What the messages of all nouns have in common.

use std::fmt;

use portolan_model::{Labels, Timestamp};

/// A noun's message.
pub(crate) trait Message: prost::Message + Default + fmt::Debug + Clone + 'static {
    /// The request's field that has it; with `_id` behind it, the field that names a new one.
    const FIELD: &'static str;

    /// Resource name.
    fn name(&self) -> &str;

    /// A message that only names it.
    fn named(name: &str) -> Self;

    /// It is gone, as of a revision: nothing is known about it any more.
    fn gone(&mut self, revision: u64, at: Timestamp);

    /// Tells what has no effect.
    fn warn(&mut self, warnings: Vec<String>);
}

/// The message of a noun that clients specify.
pub(crate) trait SpecMessage: Message {
    /// As descriptors call it.
    const FULL_NAME: &'static str;

    /// The message of its specification.
    type Spec: Default;

    /// What is asked for, if anything is.
    fn spec(&self) -> Option<&Self::Spec>;

    /// Tag of what was read; empty: none.
    fn etag(&self) -> &str;

    /// Labels.
    fn labels(&self) -> &Labels;

    /// Annotations.
    fn annotations(&self) -> &Labels;

    /// A message that asks for this.
    fn asking(labels: Labels, annotations: Labels, spec: Self::Spec) -> Self;
}

/// Implements them for a message: by the request's field that has it, by its specification if clients write that, and with
/// `warnings` if it has such a field.
macro_rules! message {
    ($message:ident in $field:literal $(, $spec:ident)? $(; $warnings:ident)?) => {
        impl crate::resource::Message for portolan_proto::v1::$message {
            const FIELD: &'static str = $field;

            fn name(&self) -> &str {
                &self.name
            }

            fn named(name: &str) -> Self {
                Self {
                    name: name.to_owned(),
                    ..Self::default()
                }
            }

            fn gone(&mut self, revision: u64, at: portolan_model::Timestamp) {
                self.revision = revision;
                self.delete_time = Some(portolan_proto::convert::meta::timestamp(at));
            }

            fn warn(&mut self, _warnings: Vec<String>) {
                $(self.$warnings = _warnings;)?
            }
        }

        $(impl crate::resource::SpecMessage for portolan_proto::v1::$message {
            const FULL_NAME: &'static str = concat!("portolan.v1.", stringify!($message));

            type Spec = portolan_proto::v1::$spec;

            fn spec(&self) -> Option<&portolan_proto::v1::$spec> {
                self.spec.as_ref()
            }

            fn etag(&self) -> &str {
                &self.etag
            }

            fn labels(&self) -> &portolan_model::Labels {
                &self.labels
            }

            fn annotations(&self) -> &portolan_model::Labels {
                &self.annotations
            }

            fn asking(labels: portolan_model::Labels, annotations: portolan_model::Labels, spec: portolan_proto::v1::$spec) -> Self {
                Self {
                    labels,
                    annotations,
                    spec: Some(spec),
                    ..Self::default()
                }
            }
        })?
    };
}

pub(crate) use message;
