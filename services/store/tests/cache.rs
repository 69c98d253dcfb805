//! What the cache keeps of the log.

use std::sync::Arc;

use portolan_model::{
    Change, Digest, Labels, Meta, Name, Namespace, NamespaceSpec, Record, Revision, State,
    Timestamp, Uid, limits,
};
use portolan_store::{Cache, Commit, Loaded, Write};

/// A namespace with annotations of this many octets.
fn namespace(number: u64, octets: usize) -> Change {
    let mut namespace = Namespace {
        meta: Meta {
            name: Name::trusted(format!("n{number}")),
            uid: Uid::from_random(number.into()),
            generation: 1,
            labels: Labels::new(),
            annotations: Labels::new(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            created_in: Revision(1),
            revision: Revision(1),
        },
        spec: NamespaceSpec::default(),
    };
    let filling = ("filling".to_owned(), "x".repeat(octets));
    namespace.meta.annotations.extend([filling]);
    Change::create(namespace)
}

/// How many of so many commits of this size are kept.
fn kept(commits: u64, octets: usize) -> usize {
    let loaded = Loaded {
        revision: Revision::ZERO,
        objects: Vec::new(),
        tail: Vec::new(),
    };
    let cache = Cache::new(Name::trusted("default"), Uid::from_random(1), loaded);
    let mut state = State::default();
    for number in 1..=commits {
        // The cache believes its own commits, so nothing has to be hashed.
        let revision = Revision(number);
        state.set_revision(revision);
        let change = namespace(number, octets);
        let records = vec![Record::of(&change)];
        let commit = Commit {
            revision,
            token: Uid::from_random(1),
            committed_at: Timestamp(0),
            traceparent: String::new(),
            digest: Digest::EMPTY,
            changes: vec![change],
        };
        let write = Write {
            commit: Arc::new(commit),
            records,
            audit: Vec::new(),
        };
        cache.publish_own(&write, state.clone());
    }
    let mut from = Revision::ZERO;
    loop {
        match cache.commits_after(from) {
            Ok(commits) => return commits.len(),
            Err(compacted) => from = compacted.oldest,
        }
    }
}

#[test]
fn the_log_in_memory_is_bounded_in_octets() {
    for (case, commits, octets, most) in [
        ("small ones", 300, 10, 300),
        (
            "large ones",
            300,
            256 << 10,
            limits::TAIL.value / (256 << 10),
        ),
        ("one larger than all", 2, limits::TAIL.value, 1),
    ] {
        let kept = kept(commits, octets);
        assert!(
            kept <= most && kept * 10 >= most * 9,
            "{case}: {kept} of {most}"
        );
    }
}
