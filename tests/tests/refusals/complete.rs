//! Every reason in the code is in a table here, or says where it is proven.

use std::collections::BTreeSet;
use std::path::Path;

use portolan_tests::repository;

use crate::all_rows;

/// Where refusals are made: all words in capitals there are reasons.
const SOURCES: [&str; 8] = [
    "services/model/src/reason.rs",
    "services/allocator/src",
    "services/api/src/status.rs",
    "services/api/src/status",
    "services/api/src/watch.rs",
    "services/api/src/watch",
    "services/server/src/directory.rs",
    "services/api/src/node_sync/readiness.rs",
];

/// What no client of a server can bring about at will: the reason, the file that proves it, and what it says there.
const ELSEWHERE: [(&str, &str, &str); 12] = [
    // No client makes these: it asks for what reflection lists, in messages of that shape, and counts its own time.
    (
        "METHOD_UNKNOWN",
        "services/api/src/tests/errors.rs",
        "METHOD_UNKNOWN",
    ),
    (
        "MESSAGE_MALFORMED",
        "services/api/src/tests/errors.rs",
        "MESSAGE_MALFORMED",
    ),
    (
        "MESSAGE_TOO_LARGE",
        "services/api/src/tests/errors.rs",
        "MESSAGE_TOO_LARGE",
    ),
    (
        "DEADLINE_EXCEEDED",
        "services/api/src/requests/tests.rs",
        "DEADLINE_EXCEEDED",
    ),
    // Nor does it leave a request half sent, or ask for too much at once.
    (
        "REQUEST_HALF_SENT",
        "services/api/src/requests/tests.rs",
        "REQUEST_HALF_SENT",
    ),
    (
        "SERVER_BUSY",
        "services/api/src/requests/tests.rs",
        "SERVER_BUSY",
    ),
    (
        "UNEXPLAINED",
        "services/api/src/status/complete/tests.rs",
        "UNEXPLAINED",
    ),
    // Never a status: it ends a report, and the node sends it in full.
    (
        "SESSION_FENCED",
        "services/allocator/src/decide/tests/endpoints.rs",
        "SESSION_FENCED",
    ),
    // The answer to a commit has to be lost, and the store must stay away.
    (
        "OUTCOME_UNKNOWN",
        "services/allocator/tests/committer.rs",
        "SubmitError::Unknown",
    ),
    // More streams than a process may have.
    (
        "TOO_MANY_STREAMS",
        "services/distributor/src/tests/presence.rs",
        "NotAdmitted::TooMany",
    ),
    // A node has to read nothing for a minute.
    (
        "STREAM_STUCK",
        "services/distributor/src/tests.rs",
        "Ending::Stuck",
    ),
    // Two streams of one node at once.
    (
        "STREAM_REPLACED",
        "services/distributor/src/tests.rs",
        "Ending::Replaced",
    ),
];

fn words(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            words(&entry.expect("an entry").path(), found);
        }
        return;
    }
    let is_test = path.components().any(|c| c.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    if is_test {
        return;
    }
    let text = std::fs::read_to_string(path).expect("a source");
    let literals = text.split('"').skip(1).step_by(2);
    let capitals =
        |word: &&str| word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    found.extend(literals.filter(capitals).map(str::to_owned));
}

#[test]
fn every_reason_in_the_code_has_a_row() {
    let mut found = BTreeSet::new();
    for source in SOURCES {
        words(&repository().join(source), &mut found);
    }
    let mut known: BTreeSet<_> = all_rows().map(|row| row.reason.to_owned()).collect();
    for (reason, file, part) in ELSEWHERE {
        let text = std::fs::read_to_string(repository().join(file)).expect(file);
        assert!(text.contains(part), "{file} says nothing of {part}");
        assert!(known.insert(reason.to_owned()), "{reason} has a row");
    }
    assert!(found.len() > 30, "the sources have moved: {found:?}");
    assert_eq!(found, known);
}
