//! How many slots a pool has, and whose each one is: the same for equal pools, wherever and whenever it is worked out.

use portolan_dataplane::Backend;
use portolan_model::Uid;

use crate::class::COUNTS;

/// Weights up to here in all get a slot each: shares are exact.
const EXACT: u64 = 32;
/// Slots a backend needs so that one more or less is at most 1 % of its share.
const FINE: u64 = 100;

/// For each slot the index of its backend. Every backend has at least one; `None` if there are more backends than slots.
pub(crate) fn slots(backends: &[Backend]) -> Option<Vec<usize>> {
    let shares = shares(backends);
    let total: u64 = shares.iter().sum();
    if total <= EXACT {
        let shares = shares.iter().enumerate();
        return Some(
            shares
                .flat_map(|(index, share)| (0..*share).map(move |_| index))
                .collect(),
        );
    }
    let least = shares.iter().min().copied().unwrap_or(1);
    let wanted = FINE * total.div_ceil(least);
    let enough = COUNTS
        .iter()
        .find(|count| u64::from(**count) >= wanted && u64::from(**count) > EXACT);
    let most = COUNTS.last().expect("there are counts");
    let count = usize::try_from(*enough.unwrap_or(most)).ok()?;
    let quotas = quotas(&shares, total, count)?;
    Some(fill(backends, &quotas, count))
}

/// Weights without their common divisor.
fn shares(backends: &[Backend]) -> Vec<u64> {
    let weights: Vec<_> = backends
        .iter()
        .map(|backend| u64::from(backend.weight.max(1)))
        .collect();
    let divisor = weights.iter().copied().fold(0, common_divisor).max(1);
    weights.iter().map(|weight| weight / divisor).collect()
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Slots by largest remainder, at least one each; `None` if there are too few.
fn quotas(shares: &[u64], total: u64, count: usize) -> Option<Vec<usize>> {
    if shares.len() > count {
        return None;
    }
    let part = |share: u64| u128::from(share) * count as u128;
    let whole = |share| usize::try_from(part(share) / u128::from(total)).unwrap_or(count);
    let mut quotas: Vec<_> = shares.iter().map(|share| whole(*share).max(1)).collect();
    let mut order: Vec<_> = (0..shares.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(part(shares[*index]) % u128::from(total)));
    let given: usize = quotas.iter().sum();
    for index in order.into_iter().cycle().take(count.saturating_sub(given)) {
        quotas[index] += 1;
    }
    // Those that got their one although their share is less had it from the largest.
    for _ in count..given {
        let largest = (0..quotas.len()).max_by_key(|index| quotas[*index])?;
        quotas[largest] -= 1;
    }
    Some(quotas)
}

/// As Maglev does (Eisenbud et al., 2016): in turns, each backend takes the next free slot of a permutation of its own. When
/// one comes or goes, few slots of the others change.
fn fill(backends: &[Backend], quotas: &[usize], count: usize) -> Vec<usize> {
    const FREE: usize = usize::MAX;
    let mut slots = vec![FREE; count];
    let mut left = quotas.to_vec();
    let mut turns: Vec<_> = backends
        .iter()
        .map(|backend| {
            let hash = hash(backend.endpoint);
            // `count` is a power of two, so any odd step visits every slot.
            let start = usize::try_from(hash >> 32).unwrap_or(0) % count;
            (
                start,
                (usize::try_from(hash & 0xffff_ffff).unwrap_or(0) | 1) % count,
            )
        })
        .collect();
    let mut free = count;
    while free > 0 {
        for (index, (at, step)) in turns.iter_mut().enumerate() {
            if left[index] == 0 {
                continue;
            }
            while slots[*at] != FREE {
                *at = (*at + *step) % count;
            }
            slots[*at] = index;
            left[index] -= 1;
            free -= 1;
        }
    }
    slots
}

/// FNV-1a and the finalizer of splitmix64: the same on every machine, in every version.
pub(crate) fn hash(uid: Uid) -> u64 {
    let fnv = uid
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool(weights: &[u32]) -> Vec<Backend> {
        let backend = |(index, weight): (usize, &u32)| Backend {
            endpoint: Uid::from_random(u128::try_from(index).unwrap() << 64 | 0x4d),
            address: [10, 0, 0, 1].into(),
            port: 80,
            weight: *weight,
        };
        weights.iter().enumerate().map(backend).collect()
    }

    fn share(slots: &[usize], of: usize) -> f64 {
        let own = slots.iter().filter(|slot| **slot == of).count();
        f64::from(u32::try_from(own).unwrap()) / f64::from(u32::try_from(slots.len()).unwrap())
    }

    proptest! {
        #[test]
        fn shares_are_within_one_percent(weights in prop::collection::vec(1u32..6, 1..60)) {
            let slots = slots(&pool(&weights)).unwrap();
            prop_assert!(COUNTS.contains(&u32::try_from(slots.len()).unwrap()));
            let total = f64::from(weights.iter().sum::<u32>());
            for (index, weight) in weights.iter().enumerate() {
                let wanted = f64::from(*weight) / total;
                prop_assert!((share(&slots, index) / wanted - 1.0).abs() <= 0.0101, "{index}: {slots:?}");
            }
        }
    }

    #[test]
    fn few_are_exact_and_many_have_a_slot_each() {
        for (name, weights, slots_wanted) in [
            ("one", vec![5], 1),
            ("three alike", vec![7, 7, 7], 3),
            ("weights", vec![1, 2, 3], 6),
            ("a hundred", vec![1; 100], 16_384),
            ("very uneven", vec![1, 1_000_000], 65_536),
        ] {
            let slots = slots(&pool(&weights)).unwrap();
            assert_eq!(slots.len(), slots_wanted, "{name}");
            assert!(
                (0..weights.len()).all(|index| slots.contains(&index)),
                "{name}"
            );
        }
        assert_eq!(slots(&pool(&vec![1; 70_000])), None);
        assert_eq!(slots(&[]), Some(Vec::new()));
    }

    #[test]
    fn few_slots_change_hands_when_one_leaves() {
        let all = pool(&[1; 100]);
        let before = slots(&all).unwrap();
        let after = slots(&all[..99]).unwrap();
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| **before != 99 && before != after);
        let moved = moved.count();
        assert!(
            moved * 100 < before.len() * 15,
            "{moved} of {}",
            before.len()
        );
    }
}
