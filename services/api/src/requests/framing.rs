//! Where a gRPC message begins and ends within a body: a flag, four octets of length, and as many octets of message.

/// How far a body has come.
#[derive(Default)]
pub(super) struct Framing {
    head: [u8; 5],
    /// Octets of the head that are there.
    known: usize,
    /// Octets that the message still lacks.
    lacking: usize,
}

impl Framing {
    /// More of the body.
    pub(super) fn feed(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.lacking > 0 {
                let taken = data.len().min(self.lacking);
                self.lacking -= taken;
                data = &data[taken..];
                continue;
            }
            let taken = data.len().min(self.head.len() - self.known);
            self.head[self.known..self.known + taken].copy_from_slice(&data[..taken]);
            self.known += taken;
            data = &data[taken..];
            if self.known == self.head.len() {
                let [_, length @ ..] = self.head;
                // A length beyond the address space is refused by whoever decodes it.
                self.lacking = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.known = 0;
            }
        }
    }

    /// Whether a message has begun that is not complete.
    pub(super) fn is_within(&self) -> bool {
        self.known > 0 || self.lacking > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let body = [
            &[0, 0, 0, 0, 3][..],
            b"abc",
            &[0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 1],
            b"x",
        ]
        .concat();
        let ends = [0, 8, 13, 19];
        for cut in 1..body.len() {
            let mut framing = Framing::default();
            let mut fed = 0;
            for part in body.chunks(cut) {
                framing.feed(part);
                fed += part.len();
                assert_eq!(framing.is_within(), !ends.contains(&fed), "{cut}: {fed}");
            }
        }
    }
}
