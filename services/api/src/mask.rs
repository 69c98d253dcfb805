//! Field masks (AIP-134, AIP-161), as the message's descriptor says: fields of the resource and of its specification,
//! and below those fields of messages and keys of maps.
//!
//! ```text
//! path --path::parse--> parts --'--> a row, or rows below it: replaced as they were sent
//!                               '--> below a row: a part of it is replaced
//! stored --outwards--> message --take what is named from what was sent--> message --inwards--> wanted
//! ```

mod below;
mod masked;
mod named;
mod nearest;
mod path;
mod rows;

use std::fmt;
use std::sync::Arc;

use portolan_allocator::{Params, Preconditions, Update};
use portolan_model::Violations;
use prost::Message;
use prost_reflect::DynamicMessage;
use prost_types::FieldMask;

use masked::Masked;

/// What the masks of a resource can name, and how its message is read and written.
pub(crate) struct Table<M: 'static, S: 'static> {
    /// Full name of the resource's message.
    pub(crate) message: &'static str,
    /// The request's field that has it.
    pub(crate) field: &'static str,
    /// Messages in it whose fields are meant one by one; others are replaced as a whole unless a path leads into them.
    pub(crate) open: &'static [&'static str],
    /// What a message asks for; collects what is wrong.
    pub(crate) inwards: fn(&M, &mut Violations) -> Params<S>,
    /// The message that asks for it.
    pub(crate) outwards: fn(&Params<S>) -> M,
    /// More that is wrong with what is refused anyway.
    pub(crate) check: fn(&Params<S>, &mut Violations),
}

impl<M, S> Table<M, S>
where
    M: Message + Default + fmt::Debug,
    S: Clone + fmt::Debug + Send + Sync,
{
    /// How a write changes what is stored. A path stands for the field it is, or for all fields below it; `*` for all of
    /// them. Without a mask: the fields that are populated.
    ///
    /// What is wrong with the message alone is no refusal yet if nothing else is: it may be stored like that, or not be
    /// meant.
    pub(crate) fn update(
        &'static self,
        mask: Option<&FieldMask>,
        sent: &M,
        preconditions: Preconditions,
        violations: &mut Violations,
    ) -> Update<S> {
        let parts = self.named(mask, sent, violations);
        let mut wrong = Violations::new();
        let whole = (self.inwards)(sent, &mut wrong);
        if !violations.is_empty() && !wrong.is_empty() {
            violations.extend(wrong.clone());
            (self.check)(&whole, violations);
        }
        let merge = Masked {
            table: self,
            parts: parts.map(|parts| (parts, self.dynamic(sent))),
            whole,
            wrong,
        };
        Update {
            merge: Arc::new(merge),
            preconditions,
        }
    }

    fn dynamic(&self, message: &M) -> DynamicMessage {
        let mut dynamic = DynamicMessage::new(below::descriptor(self.message));
        dynamic
            .transcode_from(message)
            .expect("a message is what its descriptor says");
        dynamic
    }
}

impl<M, S> fmt::Debug for Table<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

#[cfg(test)]
mod tests;
