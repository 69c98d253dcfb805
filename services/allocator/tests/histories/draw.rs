//! Choices made from bytes: what makes them up may be a random source, a shrinking test or a fuzzer.

/// Bytes that decide one step of a history. Where they end, everything is the first of its choices: the usual case.
pub(crate) struct Draw<'a>(&'a [u8]);

/// Bytes per step. A step has its own, so that leaving one out or changing it leaves the others as they are.
pub(crate) const STEP: usize = 64;

impl<'a> Draw<'a> {
    /// From the bytes of a step.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// True once in `times`; never without bytes.
    pub(crate) fn once_in(&mut self, times: u8) -> bool {
        self.below(times) == times - 1
    }

    /// One of a list.
    pub(crate) fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[usize::from(self.byte()) % list.len()].clone()
    }

    /// One of a list that may be empty.
    pub(crate) fn any<T>(&mut self, list: Vec<T>) -> Option<T> {
        let n = usize::from(self.byte());
        let count = list.len().max(1);
        list.into_iter().nth(n % count)
    }

    /// `value` once in `times`.
    pub(crate) fn maybe<T>(&mut self, times: u8, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.once_in(times).then(|| value(self))
    }
}
