//! The scratch: 32 bits that a flow's first packet carries from rule to rule, in `skb->priority` (decision 24).
//!
//! ```text
//!  class     31 ............ 14 | 13 12 | 10      | 9      | 8        | 7 ... 0
//!            0                  | kind  | AFFINE  | SPLIT  | GUARDED  | pick
//!  slot      31 ... 26 | 25      | 24 = 0 | 15 ... 0
//!  identity  timeout   | INSIDE  | 24 = 1 | 23 ... 0: of the endpoint's uid
//! ```

/// What becomes of a packet: refused, dropped, or which `pick_N` chooses its slot.
pub(crate) const PICK: u32 = 0xff;
/// Only clients in `allowed` may use the frontend.
pub(crate) const GUARDED: u32 = 1 << 8;
/// Sources inside use another pool.
pub(crate) const SPLIT: u32 = 1 << 9;
/// Clients keep their backend.
pub(crate) const AFFINE: u32 = 1 << 10;
/// Whose source address is replaced: one of [`Kind`].
pub(crate) const KIND: u32 = 3 << 12;

/// Marks the slots and identities of the pool for sources inside.
pub(crate) const INSIDE: u32 = 1 << 25;
/// Tells identities from slots.
const IDENTITY: u32 = 1 << 24;
/// Index into [`TIMEOUTS`], from 1 on.
pub(crate) const TIMEOUT: u32 = 0x3f << TIMEOUT_SHIFT;
const TIMEOUT_SHIFT: u32 = 26;

/// Pick of a pool whose clients are refused.
pub(crate) const REFUSE: u32 = 0;
/// Pick of a pool whose clients hear nothing.
pub(crate) const DROP: u32 = 1;
/// The picks of [`COUNTS`] follow.
const FIRST_COUNT: u32 = 2;

/// Whose source address is replaced by the node's, so that answers come back this way.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Everybody's: an external address with a Cluster policy may lead to another node.
    Always = 1 << 12,
    /// All but those that reach a backend directly: a `ClusterIP`.
    NotWorkloads = 2 << 12,
    /// The node's own: an external address with a Local policy.
    Node = 3 << 12,
}

/// Numbers of slots that there is a chain for: exact up to 32, then powers of two at which every share is within 1 %.
pub(crate) const COUNTS: [u32; 37] = counts();

const fn counts() -> [u32; 37] {
    let mut counts = [0; 37];
    let mut n = 0;
    while n < 37 {
        counts[n as usize] = if n < 32 { n + 1 } else { 4096 << (n - 32) };
        n += 1;
    }
    counts
}

/// The pick of a number of slots.
pub(crate) fn pick(slots: u32) -> u32 {
    let index = COUNTS.iter().position(|count| *count == slots);
    let index = index.expect("pools are filled up to one of the counts");
    FIRST_COUNT + u32::try_from(index).expect("37 counts")
}

/// Seconds that a client can be remembered for. A rule's timeout is fixed, so there is a rule for each of these; what lies
/// between is rounded up.
pub(crate) const TIMEOUTS: [u32; 60] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 60, 75, 90, 100, 120,
    150, 180, 200, 240, 300, 360, 400, 450, 500, 600, 720, 900, 1000, 1200, 1500, 1800, 2400, 2700,
    3000, 3600, 4500, 5400, 6300, 7200, 9000, 10_800, 14_400, 18_000, 21_600, 28_800, 36_000,
    43_200, 57_600, 72_000, 86_400,
];

/// The bits of the timeout that is at least so many seconds, or the longest.
pub(crate) fn timeout(seconds: u32) -> u32 {
    let index = TIMEOUTS.partition_point(|timeout| *timeout < seconds);
    timeout_bits(index.min(TIMEOUTS.len() - 1))
}

/// The bits of a timeout by its index.
pub(crate) fn timeout_bits(index: usize) -> u32 {
    (u32::try_from(index).expect("60 timeouts") + 1) << TIMEOUT_SHIFT
}

/// An endpoint's identity within a frontend, from 24 bits of its uid's hash.
pub(crate) fn identity(hash: u64) -> u32 {
    IDENTITY | u32::try_from(hash >> 40).expect("24 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_kept_or_rounded_up_by_a_half_at_most() {
        assert!(TIMEOUTS.is_sorted() && TIMEOUTS.len() < 64);
        for pair in TIMEOUTS.windows(2).filter(|pair| pair[0] >= 10) {
            assert!(pair[1] * 2 <= pair[0] * 3, "{pair:?}");
        }
        for (seconds, kept) in [
            (1, 1),
            (11, 12),
            (10_800, 10_800),
            (86_399, 86_400),
            (90_000, 86_400),
        ] {
            let index = usize::try_from(timeout(seconds) >> TIMEOUT_SHIFT).unwrap() - 1;
            assert_eq!(TIMEOUTS[index], kept, "{seconds}");
        }
    }

    #[test]
    fn fields_do_not_overlap() {
        let class = PICK | GUARDED | SPLIT | AFFINE | KIND;
        assert_eq!(class.count_ones(), 13);
        assert_eq!(TIMEOUT & INSIDE & IDENTITY, 0);
        assert!(COUNTS.iter().all(|count| count - 1 < IDENTITY));
        assert!(pick(*COUNTS.last().unwrap()) <= PICK);
        assert_eq!(identity(u64::MAX) & !IDENTITY, 0x00ff_ffff);
    }
}
