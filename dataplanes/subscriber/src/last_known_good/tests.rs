use std::path::Path;

use portolan_model::{StoreId, Uid};
use proptest::prelude::*;

use super::*;
use crate::key::ObjectKey;
use crate::store_copy::{Body, StoreCopy};

/// One change: which object, and its body or nothing. Every fourth body can't be read.
type Row = (u8, Option<u8>);

fn changes(rows: &[Row]) -> Changes {
    let change = |(number, body): &Row| {
        let key = ObjectKey {
            kind: 3,
            uid: Uid::from_random(u128::from(*number)),
        };
        (key, body.map(self::body))
    };
    rows.iter().map(change).collect()
}

fn body(number: u8) -> Body {
    if number.is_multiple_of(4) {
        return Body::from([0, number]);
    }
    // Field 2 of a Service: its name, of one letter.
    Body::from([0x12, 1, b'a' + number % 26])
}

fn empty() -> StoreCopy {
    StoreCopy::empty(StoreId::from_random(7))
}

/// Nothing, at a revision.
fn nothing_at(revision: u64) -> StoreCopy {
    StoreCopy {
        revision: Revision(revision),
        ..empty()
    }
}

fn rewrite(files: &mut LastKnownGood, held: &StoreCopy) {
    let new = files.begin(held).unwrap();
    files.finish(new).unwrap();
}

fn encode(held: &StoreCopy) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = image::write(held, &mut |message| {
        bytes.extend_from_slice(&record::encode(message));
        Ok(())
    });
    written.unwrap();
    bytes
}

/// Writes a state and batches; the states after each, and what is on disk.
fn record(dir: &Path, batches: &[Vec<Row>]) -> (Vec<StoreCopy>, Vec<u8>) {
    let (mut files, found) = LastKnownGood::open(dir).unwrap();
    assert!(found.is_none());
    let mut held = empty();
    held.apply(&changes(&[(1, Some(1)), (2, Some(2))]), Revision(5));
    rewrite(&mut files, &held);
    let mut states = vec![held.clone()];
    for rows in batches {
        let (from, to) = (held.revision, held.revision.next());
        let changes = changes(rows);
        held.apply(&changes, to);
        files.append(from, to, &changes).unwrap();
        states.push(held.clone());
    }
    drop(files);
    (states, std::fs::read(files::state(dir, 1)).unwrap())
}

fn reopen(dir: &Path) -> Option<StoreCopy> {
    LastKnownGood::open(dir).unwrap().1
}

fn any_batches() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (0..6_u8, prop::option::of(any::<u8>()));
    prop::collection::vec(prop::collection::vec(row, 0..4), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_file_cut_anywhere_holds_some_earlier_state(batches in any_batches()) {
        let dir = tempfile::tempdir().unwrap();
        let (states, bytes) = record(dir.path(), &batches);
        let reopened = reopen(dir.path());
        prop_assert_eq!(reopened.as_ref(), states.last());
        let mut reached = 0;
        for length in 0..=bytes.len() {
            let found = image::read(&bytes[..length]).map(|image| image.held);
            let Some(found) = found else {
                prop_assert_eq!(reached, 0, "a longer file never holds less");
                continue;
            };
            let state = states.iter().position(|state| *state == found);
            prop_assert!(state.is_some_and(|state| state >= reached), "cut at {}", length);
            reached = state.unwrap_or(reached);
        }
        prop_assert_eq!(reached, states.len() - 1);
    }

    #[test]
    fn a_broken_byte_leaves_some_earlier_state_or_none(
        batches in any_batches(), at in any::<prop::sample::Index>(), flip in 1..=255_u8
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (states, mut bytes) = record(dir.path(), &batches);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Some(image) = image::read(&bytes) {
            prop_assert!(states.contains(&image.held));
        }
    }

    #[test]
    fn random_bytes_are_no_state(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(image::read(&bytes).is_none());
    }

    #[test]
    fn an_image_is_the_state_with_what_can_be_read_of_it(batches in any_batches()) {
        let mut held = empty();
        for (rows, to) in batches.iter().zip(1..) {
            held.apply(&changes(rows), Revision(to));
        }
        let found = image::read(&encode(&held)).unwrap().held;
        prop_assert_eq!(&found.objects, &held.objects);
        prop_assert_eq!(
            (found.revision, found.digest, found.views()),
            (held.revision, held.digest, held.views())
        );
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (states, bytes) = record(dir.path(), &[vec![(3, Some(3))], vec![(4, Some(5))]]);
    std::fs::write(files::state(dir.path(), 1), &bytes[..bytes.len() - 1]).unwrap();
    let (mut files, found) = LastKnownGood::open(dir.path()).unwrap();
    let mut held = found.unwrap();
    assert_eq!(held, states[1]);
    let again = changes(&[(4, Some(6))]);
    files.append(held.revision, Revision(8), &again).unwrap();
    held.apply(&again, Revision(8));
    drop(files);
    assert_eq!(reopen(dir.path()), Some(held));
}

#[test]
fn a_broken_image_gives_way_to_the_one_before_which_is_kept_until_there_is_a_better() {
    let dir = tempfile::tempdir().unwrap();
    let (states, _) = record(dir.path(), &[vec![(3, Some(3))]]);
    let (mut files, held) = LastKnownGood::open(dir.path()).unwrap();
    let mut newer = held.unwrap();
    newer.apply(&changes(&[(3, None)]), Revision(7));
    rewrite(&mut files, &newer);
    drop(files);
    assert_eq!(files::generations(dir.path()).unwrap(), [2, 1]);
    assert_eq!(reopen(dir.path()), Some(newer.clone()));

    std::fs::write(files::state(dir.path(), 2), b"broken").unwrap();
    let (mut files, held) = LastKnownGood::open(dir.path()).unwrap();
    assert_eq!(held.as_ref(), states.last());
    assert!(!files.has_journal(), "what follows goes to a new file");
    rewrite(&mut files, &newer);
    drop(files);
    assert_eq!(files::generations(dir.path()).unwrap(), [3, 1]);
    assert_eq!(reopen(dir.path()), Some(newer));
}

#[test]
fn no_state_at_all_is_an_empty_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(files::state(dir.path(), 4), b"broken").unwrap();
    assert_eq!(reopen(dir.path()), None);
}

#[test]
fn durable_follows_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = LastKnownGood::open(dir.path()).unwrap();
    rewrite(&mut files, &nothing_at(1));
    files
        .append(Revision(1), Revision(2), &Changes::new())
        .unwrap();
    assert_eq!(files.durable(), Revision(1));
    let syncing = files.syncing().unwrap().unwrap();
    files
        .append(Revision(2), Revision(3), &Changes::new())
        .unwrap();
    files.synced(syncing.wait()).unwrap();
    assert_eq!(
        files.durable(),
        Revision(2),
        "what was added meanwhile waits"
    );
}

#[test]
fn a_journal_that_was_replaced_on_its_way_to_the_disk_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = LastKnownGood::open(dir.path()).unwrap();
    rewrite(&mut files, &nothing_at(1));
    let add = |files: &mut LastKnownGood, to| {
        let added = files.append(Revision(to - 1), Revision(to), &Changes::new());
        added.unwrap();
    };
    add(&mut files, 2);
    let syncing = files.syncing().unwrap().unwrap();
    rewrite(&mut files, &nothing_at(3));
    add(&mut files, 4);
    files.synced(syncing.wait()).unwrap();
    assert_eq!(files.durable(), Revision(3));
    assert!(files.has_journal());
}

#[test]
fn a_long_journal_asks_for_a_new_image() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = LastKnownGood::open(dir.path()).unwrap();
    rewrite(&mut files, &nothing_at(1));
    let key = ObjectKey {
        kind: 3,
        uid: Uid::from_random(1),
    };
    let big = Changes::from([(key, Some(Body::from(vec![1; 600 << 10])))]);
    files.append(Revision(1), Revision(2), &big).unwrap();
    assert!(!files.is_long());
    files.append(Revision(2), Revision(3), &big).unwrap();
    assert!(files.is_long());
}

#[test]
fn a_directory_serves_one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = LastKnownGood::open(dir.path()).unwrap();
    let second = LastKnownGood::open(dir.path()).map(|_| ()).unwrap_err();
    assert!(matches!(second, StateDirError::Locked(_)), "{second}");
    drop(first);
    assert!(LastKnownGood::open(dir.path()).is_ok());
}

#[test]
fn sessions_grow_even_if_the_clock_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let next = |unix_ms| {
        let (mut files, _) = LastKnownGood::open(dir.path()).unwrap();
        let (session, written) = files.next_session(unix_ms);
        written.unwrap();
        session
    };
    assert_eq!(next(1_000), 1_000);
    assert_eq!(next(1_000), 1_001);
    assert_eq!(next(5), 1_002);
    assert_eq!(next(2_000), 2_000);
    std::fs::write(dir.path().join("session"), "?").unwrap();
    assert_eq!(next(3_000), 3_000);
}

#[test]
fn sessions_grow_even_if_they_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = LastKnownGood::open(dir.path()).unwrap();
    std::fs::create_dir(dir.path().join("session")).unwrap();
    let (first, written) = files.next_session(7);
    assert!(written.is_err());
    assert_eq!((first, files.next_session(7).0), (7, 8));
}
