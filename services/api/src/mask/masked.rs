//! What was sent, taken over into what is stored.

use std::fmt;

use portolan_allocator::{Merge, Params};
use portolan_model::Violations;
use prost::Message;
use prost_reflect::DynamicMessage;

use super::Table;
use super::below::{self, Steps};

const SPEC: &str = "spec";

/// An update, with what its mask means.
#[derive(Debug)]
pub(super) struct Masked<M: 'static, S: 'static> {
    pub(super) table: &'static Table<M, S>,
    /// What is replaced, and by what; `None`: all of it.
    pub(super) parts: Option<(Vec<Steps>, DynamicMessage)>,
    /// What was sent, read as a whole.
    pub(super) whole: Params<S>,
    /// What is wrong with that.
    pub(super) wrong: Violations,
}

impl<M, S> Merge<S> for Masked<M, S>
where
    M: Message + Default + fmt::Debug,
    S: Clone + fmt::Debug + Send + Sync,
{
    fn wanted(&self, stored: Option<&Params<S>>, wrong: &mut Violations) -> Params<S> {
        let (Some(stored), Some((parts, sent))) = (stored, &self.parts) else {
            wrong.extend(self.wrong.clone());
            return self.whole.clone();
        };
        let before = self.table.dynamic(&(self.table.outwards)(stored));
        let mut after = before.clone();
        for steps in parts {
            below::take(&mut after, Some(sent), steps);
        }
        // What no path has touched is not read again: whatever reading would make of it, it stays.
        let is_untouched = before.get_field_by_name(SPEC) == after.get_field_by_name(SPEC);
        if is_untouched {
            after.clear_field_by_name(SPEC);
        }
        let after: M = after
            .transcode_to()
            .expect("a message is what its descriptor says");
        let wanted = (self.table.inwards)(&after, wrong);
        if is_untouched {
            let spec = stored.spec.clone();
            return Params { spec, ..wanted };
        }
        wanted
    }

    fn recheck(&self, stored: &Params<S>, wrong: &mut Violations) {
        (self.table.inwards)(&(self.table.outwards)(stored), wrong);
    }

    fn means(&self, path: &str) -> bool {
        let Some((parts, _)) = &self.parts else {
            return true;
        };
        parts.iter().any(|steps| {
            let steps = steps.iter().map(ToString::to_string);
            steps.zip(path.split('.')).all(|(step, part)| step == part)
        })
    }

    fn is_kept(&self, field: &str, stored: &Params<S>, wanted: &Params<S>) -> bool {
        let below = field.strip_prefix(self.table.field);
        let path = below.and_then(|below| below.strip_prefix('.'));
        let row = self.table.rows().into_iter().find(|row| {
            let rest = path.and_then(|path| path.strip_prefix(row.path.as_str()));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        row.is_some_and(|row| {
            let [stored, wanted] = [stored, wanted].map(|params| {
                let message = self.table.dynamic(&(self.table.outwards)(params));
                below::value(&message, &row.steps)
            });
            below::is_same(stored.as_ref(), wanted.as_ref(), field)
        })
    }
}
