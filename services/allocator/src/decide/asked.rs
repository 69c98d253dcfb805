//! What a put asks for, given what is there.
//!
//! What is stored stays legal while it is sent back unchanged, whatever the rules and settings of today say: nobody has
//! to mend an old value in order to change another one (decision 34).

use std::sync::Arc;

use portolan_model::limits::OBJECT;
use portolan_model::{Key, Labels, Meta, NameKey, Refusal, Resource, Violations, octets_of};
use serde::Serialize;

use super::decided::{Decided, check_parent, rules};
use super::draft::Draft;
use super::preconditions::{Present, check_update};
use crate::{Merge, Params, Put, Update, Verb};

/// The whole of what is wanted, and what it takes the place of.
pub(super) struct Asked<'a, N: Decided> {
    pub(super) key: &'a N::Key,
    pub(super) wanted: Params<N::Spec>,
    pub(super) before: Option<Arc<N>>,
    /// Of an update of what is there.
    stored: Option<Stored<'a, N::Spec>>,
}

struct Stored<'a, S> {
    params: Params<S>,
    merge: &'a dyn Merge<S>,
}

impl<'a, N: Decided> Asked<'a, N> {
    /// Merges, and checks the conditions of the request.
    pub(super) fn of(
        draft: &Draft,
        key: &'a N::Key,
        put: &'a Put<N::Spec>,
    ) -> Result<Self, Refusal> {
        match put {
            Put::Create(params) => Self::created(draft, key, params),
            Put::Update {
                update,
                allow_missing,
            } => Self::updated(draft, key, update, *allow_missing),
        }
    }

    /// Of what must not be there.
    pub(super) fn created(
        draft: &Draft,
        key: &'a N::Key,
        params: &Params<N::Spec>,
    ) -> Result<Self, Refusal> {
        check_parent(draft.state(), key)?;
        if draft.state().find::<N>(key).is_some() {
            return Err(Refusal::AlreadyExists {
                resource: key.resource(N::KIND.collection()),
            });
        }
        Ok(Self {
            key,
            wanted: params.clone(),
            before: None,
            stored: None,
        })
    }

    /// Of what is there, unless it may be missing.
    pub(super) fn updated(
        draft: &Draft,
        key: &'a N::Key,
        update: &'a Update<N::Spec>,
        allow_missing: bool,
    ) -> Result<Self, Refusal> {
        let asked = Self::merged(draft, key, &*update.merge)?;
        check_parent(draft.state(), key)?;
        let present = asked.before.as_deref().map(present);
        let path = key.resource(N::KIND.collection());
        check_update(&path, present, &update.preconditions, allow_missing)?;
        Ok(asked)
    }

    fn merged(
        draft: &Draft,
        key: &'a N::Key,
        merge: &'a dyn Merge<N::Spec>,
    ) -> Result<Self, Refusal> {
        let before = draft.state().find::<N>(key).cloned();
        let params = before
            .as_deref()
            .map(|before| Params::of(before.meta(), before.spec()));
        let mut wrong = Violations::new();
        let asked = Self {
            key,
            wanted: merge.wanted(params.as_ref(), &mut wrong),
            before,
            stored: params.map(|params| Stored { params, merge }),
        };
        asked.excuse(&mut wrong);
        if !wrong.is_empty() {
            // It is refused anyway, so with everything that is wrong.
            rules::<N>(&asked.wanted, &mut wrong);
            asked.excuse(&mut wrong);
        }
        wrong.into_result()?;
        Ok(asked)
    }

    /// Refuses what breaks the rules, unless what is there breaks them in the same way and the value is the same.
    pub(super) fn check_rules(&self) -> Result<(), Refusal> {
        let mut wrong = Violations::new();
        rules::<N>(&self.wanted, &mut wrong);
        self.excuse(&mut wrong);
        self.check_size(&mut wrong);
        wrong.into_result()
    }

    /// However masks brought it together. What was larger before may stay as large, or become smaller bit by bit.
    fn check_size(&self, wrong: &mut Violations) {
        let size = size(&self.wanted);
        let stored = self.stored.as_ref();
        if size > OBJECT.value && stored.is_none_or(|stored| size > self::size(&stored.params)) {
            OBJECT.check(N::FIELD, size, wrong);
        }
    }

    fn excuse(&self, wrong: &mut Violations) {
        let Some(Stored { params, merge }) = self.stored.as_ref().filter(|_| !wrong.is_empty())
        else {
            return;
        };
        let mut earlier = Violations::new();
        merge.recheck(params, &mut earlier);
        rules::<N>(params, &mut earlier);
        wrong.retain(|v| {
            let is_old = earlier.iter().any(|old| old == v);
            !(is_old && merge.is_kept(&v.field, params, &self.wanted))
        });
    }

    /// What becomes of the object.
    pub(super) fn verb(&self) -> Verb {
        match &self.stored {
            None => Verb::Created,
            Some(stored) if stored.params == self.wanted => Verb::Unchanged,
            Some(_) => Verb::Configured,
        }
    }

    /// Whether the write itself says what a field shall be; what it says nothing of is as it is stored.
    pub(super) fn means(&self, path: &str) -> bool {
        let stored = self.stored.as_ref();
        stored.is_none_or(|stored| stored.merge.means(path))
    }

    /// Identity and history of what is there, or of something new.
    pub(super) fn meta(&self, draft: &mut Draft) -> Meta {
        match &self.before {
            Some(before) => before.meta().clone(),
            None => draft.new_meta(self.key.name(), Labels::new(), Labels::new()),
        }
    }

    /// The object as it shall be.
    pub(super) fn made(self, draft: &Draft, meta: &Meta) -> Arc<N> {
        let Params {
            labels,
            annotations,
            spec,
        } = self.wanted;
        let before = self.before.as_deref();
        let changed = before.is_some_and(|before| *before.spec() != spec);
        let meta = draft.next_meta(meta, changed, labels, annotations);
        Arc::new(N::made(self.key, meta, spec, before))
    }
}

fn size<S: Serialize>(params: &Params<S>) -> usize {
    octets_of(&params.labels, &params.annotations, &params.spec)
}

/// What conditions are compared with.
pub(super) fn present<N: Resource>(object: &N) -> Present<impl Fn() -> String> {
    Present {
        uid: object.meta().uid,
        etag: || object.etag(),
    }
}
