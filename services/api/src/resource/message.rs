//! What the messages of all nouns have in common.

use std::fmt;

use portolan_model::{Labels, Timestamp};
use portolan_proto::convert::meta::timestamp;
use portolan_proto::v1;

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

macro_rules! messages {
    ($($message:ident, $field:literal $(, $common:ident)*;)*) => {$(
        impl Message for v1::$message {
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

            fn gone(&mut self, revision: u64, at: Timestamp) {
                messages!(@status self $($common)*);
                self.revision = revision;
                self.delete_time = Some(timestamp(at));
            }

            fn warn(&mut self, _warnings: Vec<String>) {
                $(messages!(@warn self _warnings $common);)*
            }
        }

        $(messages!(@spec $message $common);)*
    )*};
    (@spec $message:ident warnings) => {};
    (@spec $message:ident status) => {};
    (@spec $message:ident $spec:ident) => {
        impl SpecMessage for v1::$message {
            const FULL_NAME: &'static str = concat!("portolan.v1.", stringify!($message));

            type Spec = v1::$spec;

            fn spec(&self) -> Option<&v1::$spec> {
                self.spec.as_ref()
            }

            fn etag(&self) -> &str {
                &self.etag
            }

            fn labels(&self) -> &Labels {
                &self.labels
            }

            fn annotations(&self) -> &Labels {
                &self.annotations
            }

            fn asking(labels: Labels, annotations: Labels, spec: v1::$spec) -> Self {
                Self {
                    labels,
                    annotations,
                    spec: Some(spec),
                    ..Self::default()
                }
            }
        }
    };
    (@warn $self:ident $warnings:ident warnings) => { $self.warnings = $warnings };
    (@warn $self:ident $warnings:ident $other:ident) => {};
    (@status $self:ident) => {};
    (@status $self:ident $($rest:ident)*) => { $self.status = None };
}

messages! {
    Namespace, "namespace", NamespaceSpec;
    Service, "service", ServiceSpec, warnings;
    Workload, "workload", WorkloadSpec, warnings;
    Node, "node", NodeSpec;
    ServiceCidr, "service_cidr", status;
    Endpoint, "endpoint";
}
