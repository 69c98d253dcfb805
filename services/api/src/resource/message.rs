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

    /// Tag of what was read; empty: none.
    fn etag(&self) -> &str;

    /// Labels.
    fn labels(&self) -> &Labels;

    /// Annotations.
    fn annotations(&self) -> &Labels;

    /// A message that only names it.
    fn named(name: &str) -> Self;

    /// It is gone, as of a revision: nothing is known about it any more.
    fn gone(&mut self, revision: u64, at: Timestamp);

    /// Tells what has no effect.
    fn warn(&mut self, warnings: Vec<String>);
}

static NONE: Labels = Labels::new();

macro_rules! messages {
    ($($message:ident, $field:literal $(, $common:ident)*;)*) => {$(
        impl Message for v1::$message {
            const FIELD: &'static str = $field;

            fn name(&self) -> &str {
                &self.name
            }

            fn etag(&self) -> &str {
                messages!(@etag self $($common)*)
            }

            fn labels(&self) -> &Labels {
                messages!(@labels self $($common)*)
            }

            fn annotations(&self) -> &Labels {
                messages!(@annotations self $($common)*)
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
    )*};
    (@warn $self:ident $warnings:ident warnings) => { $self.warnings = $warnings };
    (@warn $self:ident $warnings:ident $other:ident) => {};
    (@etag $self:ident written $($rest:ident)*) => { &$self.etag };
    (@etag $self:ident read) => { &$self.etag };
    (@etag $self:ident) => { "" };
    (@labels $self:ident written $($rest:ident)*) => { &$self.labels };
    (@labels $self:ident $($rest:ident)*) => { &NONE };
    (@annotations $self:ident written $($rest:ident)*) => { &$self.annotations };
    (@annotations $self:ident $($rest:ident)*) => { &NONE };
    (@status $self:ident) => {};
    (@status $self:ident $($rest:ident)*) => { $self.status = None };
}

messages! {
    Namespace, "namespace", written;
    Service, "service", written, warnings;
    Workload, "workload", written;
    Node, "node", written;
    ServiceCidr, "service_cidr", read;
    Endpoint, "endpoint";
}
