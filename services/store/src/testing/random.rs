//! Random histories. The seed is in every message, so that a failure can be run again.

use std::collections::BTreeMap;

use portolan_model::{Change, Kind, Object};

use super::fixtures::{address, cluster, endpoint, ip_claim, port_claim, quarantined, service};
use super::tables::assert_tables_equal_replay;
use super::{Harness, Writer};
use crate::Store;

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// Everything that exists, as a history goes on.
type Objects = BTreeMap<(Kind, String), Object>;

fn random_object(random: &mut Random) -> Object {
    let holder = ["a", "b", "c"][usize::try_from(random.next(3)).expect("below 3")];
    let n = u16::try_from(random.next(5)).expect("below 5");
    match random.next(4) {
        0 => service(&format!("s{n}"), 1 + random.next(50)).into(),
        1 => endpoint(&format!("e{n}"), random.next(2) == 0).into(),
        2 => {
            let mut claim = ip_claim(address(n), holder);
            if random.next(2) == 0 {
                claim.state = quarantined();
            }
            claim.into()
        }
        _ => port_claim(30_000 + n, holder).into(),
    }
}

/// One step: creates, replaces or deletes.
fn random_change(random: &mut Random, objects: &mut Objects) -> Change {
    let object = random_object(random);
    let key = (object.kind(), object.path());
    let before = objects.remove(&key);
    let after = (before.is_none() || random.next(3) > 0).then_some(object);
    if let Some(after) = &after {
        objects.insert(key, after.clone());
    }
    Change { before, after }
}

/// I4 and I5 over random histories, with commits now and then forgotten by their writer.
pub async fn random_changes_lead_to_the_same_tables_as_their_replay<H: Harness>(harness: H) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut objects = Objects::new();
    let handles = [harness.open().await, harness.open().await];
    let mut writers = handles
        .clone()
        .map(|handle| Writer::new(handle, &cluster()));
    for _ in 0..40 {
        let writer = &mut writers[usize::try_from(random.next(2)).expect("below 2")];
        if random.next(5) == 0 {
            drop(writer.lock().await.expect("lock"));
        }
        let size = 1 + random.next(12);
        let changes = (0..size)
            .map(|_| random_change(&mut random, &mut objects))
            .collect();
        writer.put(changes).await;
        let tables = assert_tables_equal_replay(&handles[0]).await;
        assert_eq!(tables.digest(), writer.state().digest(), "seed {seed}");
    }
    let mut loaded = handles[1].load(&cluster(), 1).await.expect("load").objects;
    loaded.sort_by_key(|object| (object.kind(), object.path()));
    assert_eq!(
        loaded,
        objects.into_values().collect::<Vec<_>>(),
        "seed {seed}"
    );
}
