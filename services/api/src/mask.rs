//! Field masks by table (AIP-134, AIP-161): one row a field that a write can name, and below the rows whatever the
//! message's descriptor has: fields of messages, keys of maps.
//!
//! ```text
//! path --path::parse--> parts --'--> a row, or rows below it: replaced as they were sent
//!                               '--> below a row: taken over into what is stored, when that is known (Asked)
//! ```

mod asked;
mod below;
mod named;
mod nearest;
mod path;
mod stored;

use std::collections::BTreeSet;

use portolan_model::{Refusal, Violations};
use prost::Message;
use prost_types::FieldMask;

pub(crate) use asked::Asked;
use named::Named;

/// A field: its path, what it is to the allocator, and whether a message has it populated.
pub(crate) type Row<M, F> = (&'static str, F, fn(&M) -> bool);

/// From a message to the parameters of a write; collects what is wrong.
type Params<M, F, P> = fn(&M, BTreeSet<F>, &mut Violations) -> Option<P>;

/// What the masks of a resource can name, and what becomes of it.
pub(crate) struct Table<M: 'static, F: 'static, P: 'static> {
    /// Full name of the resource's message.
    pub(crate) message: &'static str,
    /// The request's field that has it.
    pub(crate) field: &'static str,
    /// Every field that is not output only.
    pub(crate) rows: &'static [Row<M, F>],
    pub(crate) params: Params<M, F, P>,
    /// More that is wrong with what is refused anyway.
    pub(crate) check: fn(&P, &mut Violations),
}

impl<M: Message + Default + Clone, F: Copy + Ord + Send + Sync, P> Table<M, F, P> {
    /// What a write asks for. A path stands for the field it is, or for all fields below it; `*` for all of them.
    /// Without a mask: the fields that are populated.
    ///
    /// What is wrong with the message alone is no refusal yet if nothing else is: it may be stored like that.
    pub(crate) fn asked(
        &'static self,
        mask: Option<&FieldMask>,
        sent: &M,
        violations: &mut Violations,
    ) -> Option<Asked<M, P>> {
        let named = self.named(mask, sent, violations);
        if named.below.is_empty() {
            let mut own = Violations::new();
            let params = (self.params)(sent, named.fields.clone(), &mut own);
            if own.is_empty() {
                return params.map(Asked::Now);
            }
            if !violations.is_empty() {
                if let Some(params) = &params {
                    (self.check)(params, &mut own);
                }
                violations.extend(own);
                return None;
            }
        }
        let sent = sent.clone();
        let complete = move |stored: Option<M>| self.complete(&named, stored.as_ref(), &sent);
        Some(Asked::Completed(Box::new(complete)))
    }

    /// The parameters, once it is known what is stored.
    fn complete(&self, named: &Named<F>, stored: Option<&M>, sent: &M) -> Result<P, Refusal> {
        let mut violations = Violations::new();
        let params = match stored {
            // What is created is taken as a whole, whatever the mask says (AIP-134).
            None => (self.params)(sent, named.fields.clone(), &mut violations),
            Some(stored) => {
                let (whole, fields) = self.over(named, stored, sent);
                let params = (self.params)(&whole, fields, &mut violations);
                self.excuse(stored, &whole, &mut violations);
                params
            }
        };
        if let Some(params) = params.as_ref().filter(|_| !violations.is_empty()) {
            (self.check)(params, &mut violations);
        }
        violations.into_result()?;
        params.ok_or_else(|| Refusal::invalid("", "the request lacks a required field"))
    }
}

#[cfg(test)]
mod tests;
