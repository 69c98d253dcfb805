//! Writing an object: the same steps for all nouns.
//!
//! ```text
//! put:    merge --> parent, conditions --> rules --> check --> write --> follow
//! delete: conditions --> release --> delete --> follow
//! ```

use std::sync::Arc;

use portolan_model::{Change, Key, Meta, Object, Refusal, Resource};

use super::asked::{Asked, present};
use super::decided::Decided;
use super::draft::Draft;
use super::preconditions::check_delete;
use crate::{Delete, Outcome, Put, Verb, Write};

pub(super) fn act<N: Decided>(
    draft: &mut Draft,
    write: &Write<N::Key, N::Spec>,
) -> Result<Outcome, Refusal>
where
    Object: From<Arc<N>>,
{
    match write {
        Write::Put { key, put } => self::put::<N>(draft, key, put),
        Write::Delete { key, delete } => self::delete::<N>(draft, key, delete),
    }
}

/// Creates or changes an object.
pub(super) fn put<N: Decided>(
    draft: &mut Draft,
    key: &N::Key,
    put: &Put<N::Spec>,
) -> Result<Outcome, Refusal>
where
    Object: From<Arc<N>>,
{
    let asked = Asked::<N>::of(draft, key, put)?;
    write(draft, asked)
}

/// Writes what is asked for, unless something is wrong with it or it is there.
pub(super) fn write<N: Decided>(draft: &mut Draft, asked: Asked<'_, N>) -> Result<Outcome, Refusal>
where
    Object: From<Arc<N>>,
{
    asked.check_rules()?;
    let before = asked.before.clone();
    N::check(draft, asked.key, &asked.wanted.spec, before.as_deref())?;
    let verb = asked.verb();
    let warnings = N::warnings(&asked.wanted.spec);
    let written = match before {
        Some(before) if verb == Verb::Unchanged => before,
        _ => {
            let meta = asked.meta(draft);
            apply(draft, asked, &meta)
        }
    };
    Ok(Outcome {
        warnings,
        ..draft.outcome(verb, vec![written.into()])
    })
}

/// Applies what is asked for, and what follows from it.
pub(super) fn apply<N: Decided>(draft: &mut Draft, asked: Asked<'_, N>, meta: &Meta) -> Arc<N>
where
    Object: From<Arc<N>>,
{
    let (key, before) = (asked.key, asked.before.clone());
    let after = asked.made(draft, meta);
    draft.apply(Change {
        before: before.clone().map(Into::into),
        after: Some(after.clone().into()),
    });
    N::follow(draft, key, before.as_deref(), Some(&after));
    after
}

/// Deletes an object.
pub(super) fn delete<N: Decided>(
    draft: &mut Draft,
    key: &N::Key,
    delete: &Delete,
) -> Result<Outcome, Refusal>
where
    Object: From<Arc<N>>,
{
    match found::<N>(draft, key, delete)? {
        Some(before) => Ok(remove(draft, key, before)),
        None => Ok(draft.outcome(Verb::Unchanged, Vec::new())),
    }
}

/// What a delete is about, if its conditions hold; `None`: it is not there, and that is fine.
pub(super) fn found<N: Resource>(
    draft: &Draft,
    key: &N::Key,
    delete: &Delete,
) -> Result<Option<Arc<N>>, Refusal> {
    let before = draft.state().find::<N>(key).cloned();
    let present = before.as_deref().map(present);
    let exists = check_delete(&key.resource(N::KIND.collection()), present, delete)?;
    Ok(before.filter(|_| exists))
}

/// Deletes an object whatever the conditions.
pub(super) fn remove<N: Decided>(draft: &mut Draft, key: &N::Key, before: Arc<N>) -> Outcome
where
    Object: From<Arc<N>>,
{
    N::release(draft, &before);
    draft.apply(Change::delete(before.clone()));
    N::follow(draft, key, Some(&before), None);
    draft.outcome(Verb::Deleted, vec![before.into()])
}
