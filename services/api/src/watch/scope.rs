//! What a watch is about, and what a commit means to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_model::query::{Filter, Kept};
use portolan_model::{Name, Revision, Scoped, State};
use portolan_proto::v1::WatchEventType;
use portolan_store::Commit;

/// Resources of an initial state that are looked up at once.
const PART: usize = 256;

/// One event, before it is put into its message.
pub(crate) struct WatchEvent<T> {
    pub(crate) event_type: WatchEventType,
    /// None for BOOKMARK and SYNCED.
    pub(crate) object: Option<Arc<T>>,
    /// Everything up to here was delivered with this event; zero if more of its revision follows.
    pub(crate) revision: Revision,
}

impl<T> WatchEvent<T> {
    /// Nothing older is missing.
    pub(crate) fn bookmark(revision: Revision) -> Self {
        Self {
            event_type: WatchEventType::Bookmark,
            object: None,
            revision,
        }
    }

    /// Type and revision, in the words of the wire.
    pub(crate) fn words(&self) -> (i32, u64) {
        (self.event_type.into(), self.revision.0)
    }
}

/// Which resources a watch is about.
pub(crate) struct Scope<T: 'static> {
    pub(crate) namespace: Option<Name>,
    pub(crate) filter: Filter<T>,
}

/// A resource before and after a commit.
type Sides<T> = (Option<Arc<T>>, Option<Arc<T>>);

impl<T: Kept> Scope<T> {
    /// Whether changes of other objects matter, too.
    pub(crate) fn is_derived(&self) -> bool {
        self.filter.is_derived()
    }

    /// What there is behind a key.
    pub(crate) fn fitting<'a>(
        &'a self,
        state: &'a State,
        after: Option<&Scoped>,
    ) -> impl Iterator<Item = &'a Arc<T>> {
        let rest = state.after(self.namespace.as_ref(), after);
        rest.filter(|it: &&Arc<T>| self.filter.matches(state, it))
    }

    /// Some of what there is behind a key, as if it were new, and the key that more of it is behind; after the last part comes
    /// that this is all.
    pub(crate) fn initial(
        &self,
        state: &State,
        after: Option<&Scoped>,
    ) -> (Vec<WatchEvent<T>>, Option<Scoped>) {
        let mut events: Vec<_> = self
            .fitting(state, after)
            .take(PART)
            .map(|it| WatchEvent {
                event_type: WatchEventType::Added,
                object: Some(it.clone()),
                revision: Revision::ZERO,
            })
            .collect();
        if events.len() == PART {
            let last = events.last().and_then(|event| event.object.as_ref());
            let last = last.map(|it| it.sort_key());
            return (events, last);
        }
        events.push(WatchEvent {
            event_type: WatchEventType::Synced,
            object: None,
            revision: state.revision(),
        });
        (events, None)
    }

    /// The net effect of a commit on each resource, in order of their keys. The states before and after it are needed
    /// by filters that are derived.
    pub(crate) fn events(
        &self,
        commit: &Commit,
        states: Option<(&State, &State)>,
    ) -> Vec<WatchEvent<T>> {
        let mut net = net(commit);
        let nothing = State::default();
        let (before, after) = states.unwrap_or((&nothing, &nothing));
        if states.is_some() {
            for change in &commit.changes {
                let touched = T::touched(before, change).into_iter();
                for it in touched.chain(T::touched(after, change)) {
                    let same = || (Some(it.clone()), Some(it.clone()));
                    net.entry(it.sort_key()).or_insert_with(same);
                }
            }
        }
        let mut events = Vec::new();
        for (old, new) in net.into_values() {
            let old = old.filter(|it| self.admits(before, it));
            let new = new.filter(|it| self.admits(after, it));
            events.extend(told(old, new));
        }
        // A watch that is cut before the last of them resumes before all of them.
        if let Some(last) = events.last_mut() {
            last.revision = commit.revision;
        }
        events
    }

    fn admits(&self, state: &State, it: &Arc<T>) -> bool {
        let within = |namespace: &Name| it.sort_key().namespace == *namespace;
        self.namespace.as_ref().is_none_or(within) && self.filter.matches(state, it)
    }
}

/// What a watch tells of a resource that was one thing before a commit and is another after it. A new one that has taken
/// the name of an old one is another resource.
fn told<T: Kept>(old: Option<Arc<T>>, new: Option<Arc<T>>) -> Vec<WatchEvent<T>> {
    let event = |event_type, object| WatchEvent {
        event_type,
        object: Some(object),
        revision: Revision::ZERO,
    };
    match (old, new) {
        (Some(old), Some(new)) if Arc::ptr_eq(&old, &new) => Vec::new(),
        (Some(old), Some(new)) if old.uid() != new.uid() => vec![
            event(WatchEventType::Deleted, old),
            event(WatchEventType::Added, new),
        ],
        (Some(_), Some(new)) => vec![event(WatchEventType::Modified, new)],
        (None, Some(new)) => vec![event(WatchEventType::Added, new)],
        (Some(old), None) => vec![event(WatchEventType::Deleted, old)],
        (None, None) => Vec::new(),
    }
}

/// Each resource that a commit concerns, before and after it.
fn net<T: Kept>(commit: &Commit) -> BTreeMap<Scoped, Sides<T>> {
    let mut net: BTreeMap<_, Sides<T>> = BTreeMap::new();
    for change in commit.changes.iter().filter(|c| c.kind() == T::KIND) {
        let side = |object: &Option<_>| object.as_ref().and_then(T::of).cloned();
        let (old, new) = (side(&change.before), side(&change.after));
        let Some(key) = new.as_ref().or(old.as_ref()).map(|it| it.sort_key()) else {
            continue;
        };
        net.entry(key).or_insert((old, None)).1 = new;
    }
    net
}
