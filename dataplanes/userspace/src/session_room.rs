//! Room for sessions: most of it goes to whoever comes first, a part is shared out equally among all frontends.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One in this many sessions is of the part that is shared out.
const SHARED_OUT: usize = 8;

/// How many sessions there may be, and how many frontends have to get along.
#[derive(Debug)]
pub(crate) struct SessionRoom {
    most: usize,
    frontends: AtomicUsize,
}

impl SessionRoom {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            frontends: AtomicUsize::new(0),
        }
    }

    /// One more frontend has a part.
    pub(crate) fn enter(&self) {
        self.frontends.fetch_add(1, Ordering::Relaxed);
    }

    /// Its part is the others' again.
    pub(crate) fn leave(&self) {
        self.frontends.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a frontend with `own` sessions of `all` may have no other. It has half of all at most, so that a flood of it
    /// leaves others theirs, and its own part whatever the others do. That is one session at least: where there are more
    /// frontends than sessions to share out, `all` may get larger than the most by one a frontend, as sockets of theirs do.
    pub(crate) fn is_full(&self, own: usize, all: usize) -> bool {
        let shared_out = self.most / SHARED_OUT;
        let frontends = self.frontends.load(Ordering::Relaxed).max(1);
        let part = (shared_out / frontends).max(1);
        let has_its_part = own >= part;
        has_its_part && (own >= self.most / 2 || all >= self.most - shared_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_kept_out_by_others() {
        for (case, frontends, own, all, full) in [
            ("alone, the first", 1, 0, 0, false),
            ("alone, below half", 1, 399, 399, false),
            ("alone, half", 1, 400, 400, true),
            (
                "two have the common part, a third has none",
                3,
                0,
                700,
                false,
            ),
            ("and takes its own", 3, 32, 732, false),
            ("and no more", 3, 33, 733, true),
            (
                "a busy one does not touch what is shared out",
                3,
                350,
                700,
                true,
            ),
            ("a thousand frontends have one each", 1000, 0, 800, false),
            ("and no more", 1000, 1, 801, true),
        ] {
            let room = SessionRoom::new(800);
            (0..frontends).for_each(|_| room.enter());
            assert_eq!(room.is_full(own, all), full, "{case}");
        }
    }

    #[test]
    fn who_leaves_gives_back_its_part() {
        let room = SessionRoom::new(800);
        (0..4).for_each(|_| room.enter());
        assert!(room.is_full(25, 700));
        (0..2).for_each(|_| room.leave());
        assert!(!room.is_full(25, 700));
    }
}
