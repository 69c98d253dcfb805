//! The newest frames, for streams to follow.

use std::collections::VecDeque;
use std::sync::Arc;

use portolan_model::limits::RING;
use portolan_model::{Digest, Revision};

use crate::frame::Frame;
use crate::start::SnapshotCause;

/// Frames kept.
const MAX_FRAMES: usize = 4096;

/// A contiguous run of frames, numbered from the first that there ever was. It ends at the newest state.
pub(crate) struct Ring {
    frames: VecDeque<Arc<Frame>>,
    /// Number of the first frame kept.
    first: u64,
    bytes: usize,
    /// The state that the first frame kept follows.
    base: (Revision, Digest),
}

/// What is at a position.
pub(crate) enum Entry {
    /// This.
    Frame(Arc<Frame>),
    /// Nothing yet.
    Nothing,
    /// It was there, once.
    Gone,
}

impl Ring {
    /// An empty one, at a state.
    pub(crate) fn new(base: (Revision, Digest)) -> Self {
        Self {
            frames: VecDeque::new(),
            first: 0,
            bytes: 0,
            base,
        }
    }

    /// Appends, and lets the oldest go. The newest frame stays whatever its size.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes += frame.bytes.len();
        self.frames.push_back(Arc::new(frame));
        while self.frames.len() > MAX_FRAMES || (self.bytes > RING.value && self.frames.len() > 1) {
            let Some(oldest) = self.frames.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes.len();
            self.first += 1;
            self.base = oldest.to();
        }
    }

    /// The position after the newest frame.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// The newest state.
    pub(crate) fn head(&self) -> (Revision, Digest) {
        self.frames.back().map_or(self.base, |frame| frame.to())
    }

    /// Whether a position can still be followed.
    pub(crate) fn reaches(&self, position: u64) -> bool {
        position >= self.first
    }

    /// What is at a position.
    pub(crate) fn get(&self, position: u64) -> Entry {
        let Some(index) = position.checked_sub(self.first) else {
            return Entry::Gone;
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.frames
            .get(index)
            .map_or(Entry::Nothing, |frame| Entry::Frame(frame.clone()))
    }

    /// Where a node goes on that holds this state. `None` if the state is too old, unknown, or was never projected on
    /// its own, so that its digest can't be compared.
    pub(crate) fn position_after(&self, state: (Revision, Digest)) -> Option<u64> {
        if state == self.base {
            return Some(self.first);
        }
        let index = self.frames.partition_point(|frame| frame.to().0 < state.0);
        let frame = self.frames.get(index).filter(|frame| frame.passes(state))?;
        let is_end = frame.to().0 == state.0;
        Some(self.first + index as u64 + u64::from(is_end))
    }

    /// Why nobody goes on from a revision that has no position.
    pub(crate) fn cause(&self, revision: Revision) -> SnapshotCause {
        if revision < self.base.0 {
            SnapshotCause::TooOld
        } else {
            SnapshotCause::Unknown
        }
    }

    /// Frames that end within (after, upto], the newest first.
    pub(crate) fn ending_within(
        &self,
        after: Revision,
        upto: Revision,
    ) -> impl Iterator<Item = &Arc<Frame>> {
        let newest_first = self.frames.iter().rev();
        newest_first
            .skip_while(move |frame| frame.to().0 > upto)
            .take_while(move |frame| frame.to().0 > after)
    }
}
