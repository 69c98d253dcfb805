//! Asking for something, picking something, and refusing it: once for everything that Services claim.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use portolan_model::alloc::{Occupancy, Pick};
use portolan_model::{
    Change, Claim, ClaimOwner, ClaimState, Claimed, Object, Precondition, Reason, Refusal, State,
};

use super::super::draft::Draft;
use super::quarantine::{cap, time_left};

/// Where something that Services claim comes from. An implementation knows what is in it, and the words for that.
pub(in super::super) trait Pool {
    /// What is picked.
    type Item: Copy;

    /// What its refusals say.
    const WORDS: Words;

    /// What a claim is about.
    fn claimed(item: Self::Item) -> Claimed;

    /// All of its kind that are not free.
    fn occupied(state: &State) -> &Occupancy;

    /// The same, with what will be asked for later in the same operation: picks keep away from both.
    fn avoided(draft: &Draft) -> Cow<'_, Occupancy>;

    /// All of its kind that were released, but are not free.
    fn quarantined(state: &State) -> impl Iterator<Item = Self::Item>;

    /// Whether something may be had from this pool.
    fn contains(&self, item: Self::Item) -> bool;

    /// How many there are, free or not.
    fn capacity(&self) -> u64;

    /// How many of them are in a set.
    fn count(&self, occupied: &Occupancy) -> u64;

    /// One that is not in a set; the seed decides where the search begins.
    fn search(&self, occupied: &Occupancy, seed: u128) -> Pick<Self::Item>;

    /// The ranges, as the subject of a refusal.
    fn subject(&self) -> String;

    /// Why something can't be had that is not in the pool.
    fn explain_outside(&self, state: &State, item: Self::Item) -> String;

    /// Why nothing can be picked any more.
    fn explain_full(&self, counts: &Counts) -> String;

    /// Why what was asked for can't be had; `None` if it can.
    fn blocker(
        &self,
        draft: &Draft,
        field: &str,
        item: Self::Item,
        owner: &ClaimOwner,
    ) -> Option<Precondition> {
        let claim = draft.state().claim(Self::claimed(item));
        // What is held stays held, wherever ranges have gone since.
        if claim.is_some_and(|claim| claim.is_held_by(owner)) {
            return None;
        }
        let blocked = |kind, description| Precondition {
            kind,
            subject: field.to_owned(),
            description,
            holder: None,
        };
        if !self.contains(item) {
            return Some(blocked(
                Reason::Range,
                self.explain_outside(draft.state(), item),
            ));
        }
        let claim = claim?;
        let (claimed, service) = (claim.claimed, claim.owner.key());
        match claim.state {
            _ if claim.owner.uid == owner.uid => None,
            ClaimState::Held => {
                let description = format!(
                    "{claimed} is held by Service {service}; ask for {}, or leave it out",
                    Self::WORDS.another
                );
                Some(blocked(Self::WORDS.in_use, description).held_by(claim.owner))
            }
            // A Service that comes back under its old name takes up where it was.
            ClaimState::Quarantined { .. } if service == owner.key() => None,
            ClaimState::Quarantined { released_at, .. } => {
                let left = time_left(self.cap(draft.state()), *released_at, draft.now());
                let description = format!(
                    "{claimed} was released by Service {service}, and nodes may still forward for it; it is free at the latest in {left}"
                );
                Some(blocked(Self::WORDS.quarantined, description))
            }
        }
    }

    /// Picks something free, and claims it.
    fn pick(&self, draft: &mut Draft, owner: &ClaimOwner) -> Result<Self::Item, Refusal> {
        let seed = draft.random();
        let Pick::Free(item) = self.search(&Self::avoided(draft), seed) else {
            return Err(self.exhausted(draft));
        };
        let claimed = Self::claimed(item);
        claim(draft, claimed, owner);
        draft.picked(claimed);
        Ok(item)
    }

    /// The refusal to pick, with the exact counts.
    fn exhausted(&self, draft: &Draft) -> Refusal {
        let waiting = Self::quarantined(draft.state()).filter(|item| self.contains(*item));
        let quarantined = waiting.count() as u64;
        let counts = Counts {
            used: self.count(&Self::avoided(draft)) - quarantined,
            quarantined,
            capacity: self.capacity(),
        };
        Refusal::Exhausted {
            reason: Self::WORDS.exhausted,
            subject: self.subject(),
            description: self.explain_full(&counts),
            used: counts.used,
            quarantined: counts.quarantined,
            capacity: counts.capacity,
        }
    }

    /// How long what was released into it may wait at most.
    fn cap(&self, state: &State) -> Duration {
        cap(self.count(Self::occupied(state)), self.capacity())
    }
}

/// What the refusals of a pool say.
pub(in super::super) struct Words {
    /// The reason if somebody holds what was asked for.
    pub(super) in_use: Reason,
    /// The reason if it was released, but is not free.
    pub(super) quarantined: Reason,
    /// The reason if there is nothing to pick.
    pub(super) exhausted: Reason,
    /// What to ask for instead.
    pub(super) another: &'static str,
}

/// How full a pool is.
pub(in super::super) struct Counts {
    used: u64,
    quarantined: u64,
    capacity: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in use, {} released but not yet free, of {}",
            self.used, self.quarantined, self.capacity
        )
    }
}

/// Claims what nothing blocks. A no-op if the owner holds it already.
pub(in super::super) fn claim(draft: &mut Draft, claimed: Claimed, owner: &ClaimOwner) {
    let known = draft.state().claim(claimed);
    if !known.is_some_and(|claim| claim.is_held_by(owner)) {
        assign(draft, claimed, owner);
    }
}

/// Writes that the owner holds it, whatever was written of it.
pub(in super::super) fn assign(draft: &mut Draft, claimed: Claimed, owner: &ClaimOwner) {
    let before = draft.state().claim(claimed).map(Object::from);
    let after = Claim {
        claimed,
        owner,
        state: &ClaimState::Held,
    };
    draft.apply(Change {
        before,
        after: Some(after.into()),
    });
}
