//! Changes in transactions: as many in each as fit, and fewer where the kernel refuses one.

use crate::BATCH;

/// Changes that go into one transaction, until it is full.
#[derive(Debug)]
pub struct Part<C> {
    changes: Vec<C>,
    elements: usize,
}

impl<C> Default for Part<C> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            elements: 0,
        }
    }
}

impl<C> Part<C> {
    /// Adds a change of about so many elements. Where it does not fit, the part so far comes back, to be committed; a change
    /// that is larger than a transaction is a part of its own.
    pub fn add(&mut self, change: C, elements: usize) -> Option<Vec<C>> {
        let is_full = !self.changes.is_empty() && self.elements + elements > BATCH;
        let full = is_full.then(|| std::mem::take(self).changes);
        self.elements += elements;
        self.changes.push(change);
        full
    }

    /// What is left at the end.
    pub fn rest(self) -> Vec<C> {
        self.changes
    }
}

/// A part on its way into the kernel: whole or, where the kernel refuses, by halves, until the change that it refuses is alone.
#[derive(Debug)]
pub struct Bisection<C> {
    waiting: Vec<Vec<C>>,
    repeated: bool,
}

impl<C> Bisection<C> {
    /// Begins with all of a part.
    pub fn of(part: Vec<C>) -> Self {
        let mut waiting = vec![part];
        waiting.retain(|part| !part.is_empty());
        Self {
            waiting,
            repeated: false,
        }
    }

    /// What is to be committed next.
    pub fn next_part(&mut self) -> Option<Vec<C>> {
        self.waiting.pop()
    }

    /// Whether a part that was refused may still be tried again as it is. Somebody may have changed our tables: once that is
    /// mended it was not these changes' fault, but once is enough.
    pub fn may_repeat(&self) -> bool {
        !self.repeated
    }

    /// Tries a part again as it is.
    pub fn repeat(&mut self, part: Vec<C>) {
        self.repeated = true;
        self.waiting.push(part);
    }

    /// Halves a part that was refused; a change that was alone comes back.
    pub fn halve(&mut self, mut part: Vec<C>) -> Option<C> {
        if part.len() == 1 {
            return part.pop();
        }
        let second = part.split_off(part.len() / 2);
        self.waiting.extend([second, part]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_takes_what_fits_and_what_is_larger_is_alone() {
        let mut part = Part::default();
        let sizes = [400, 500, 200, 3000, 1];
        let mut parts: Vec<_> = sizes.iter().filter_map(|n| part.add(*n, *n)).collect();
        parts.push(part.rest());
        assert_eq!(parts, [vec![400, 500], vec![200], vec![3000], vec![1]]);
    }

    #[test]
    fn what_the_kernel_refuses_is_found_and_all_else_is_committed_in_order() {
        let is_bad = |change: &u32| [3, 6].contains(change);
        let mut bisection = Bisection::of((0..8).collect());
        let (mut committed, mut refused, mut tries) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = bisection.next_part() {
            tries += 1;
            if !part.iter().any(is_bad) {
                committed.extend(part);
            } else if bisection.may_repeat() {
                bisection.repeat(part);
            } else {
                refused.extend(bisection.halve(part));
            }
        }
        assert_eq!(committed, [0, 1, 2, 4, 5, 7]);
        assert_eq!(refused, [3, 6]);
        assert_eq!(tries, 12, "all, all again, and halves");
    }

    #[test]
    fn nothing_is_no_transaction() {
        assert_eq!(Bisection::<u8>::of(Vec::new()).next_part(), None);
    }
}
