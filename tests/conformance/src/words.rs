//! What was sent and what came, in plain words: identities and digests in hexadecimal, a line each.

use portolan_proto::node::v1 as wire;

/// Characters of what a case says of a failure.
const LONGEST: usize = 600;

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

/// A resume point, or that there is none.
pub(crate) fn resume(resume: Option<&wire::Resume>) -> String {
    resume.map_or_else(
        || "left out".to_owned(),
        |at| {
            let (store, digest) = (hex(&at.store_id), hex(&at.digest));
            format!("store {store}, revision {}, digest {digest}", at.revision)
        },
    )
}

/// An object by kind and uid.
pub(crate) fn reference(reference: Option<&wire::ObjectRef>) -> String {
    reference.map_or_else(
        || "nothing".to_owned(),
        |named| format!("{} {}", named.kind().as_str_name(), hex(&named.uid)),
    )
}

/// A rejection.
pub(crate) fn rejection(rejection: &wire::Rejection) -> String {
    let named = reference(rejection.r#ref.as_ref());
    format!("{named} as {} ({})", rejection.code, rejection.message)
}

/// A health report, without its items.
pub(crate) fn report(report: Option<&wire::HealthReport>) -> String {
    let of = |report: &wire::HealthReport| {
        let full = if report.full { "full" } else { "not full" };
        format!("seq {}, {full}, {} items", report.seq, report.items.len())
    };
    report.map_or_else(|| "none".to_owned(), of)
}

/// What is said of one workload.
pub(crate) fn health(item: Option<&wire::WorkloadHealth>) -> String {
    let of = |item: &wire::WorkloadHealth| {
        let uid = hex(&item.workload_uid);
        let (generation, serving) = (item.probe_generation, item.serving);
        format!("workload {uid}, probe_generation {generation}, serving {serving}")
    };
    item.map_or_else(|| "none".to_owned(), of)
}

/// What a case's panic says, in one line: of a comparison what was due and what came.
pub(crate) fn one_line(panic: &str) -> String {
    let text = compared(panic).unwrap_or_else(|| panic.to_owned());
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What `assert_eq!` says: a first line with its message, then `left`, which came, and `right`, which was due.
fn compared(panic: &str) -> Option<String> {
    let rest = panic.strip_prefix("assertion `left == right` failed")?;
    let (told, values) = rest.split_once("\n  left: ")?;
    let (came, due) = values.split_once("\n right: ")?;
    let told = told
        .strip_prefix(": ")
        .map_or_else(String::new, |told| format!("{told}: "));
    Some(format!("{told}{due} was due, it is {came}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_one_line_of_plain_words() {
        for (panic, line) in [
            ("a\n  was due", "a was due"),
            (
                "assertion `left == right` failed: by b\n  left: 2\n right: 1",
                "by b: 1 was due, it is 2",
            ),
            (
                "assertion `left == right` failed\n  left: 2\n right: 1",
                "1 was due, it is 2",
            ),
        ] {
            assert_eq!(one_line(panic), line);
        }
        assert_eq!(one_line(&"x".repeat(9_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn identities_and_digests_are_hexadecimal() {
        let at = wire::Resume {
            store_id: vec![0, 255],
            revision: 7,
            digest: vec![0x1f; 2],
        };
        assert_eq!(resume(Some(&at)), "store 00ff, revision 7, digest 1f1f");
        let named = wire::ObjectRef {
            kind: wire::Kind::Service.into(),
            uid: vec![0xab],
        };
        assert_eq!(reference(Some(&named)), "KIND_SERVICE ab");
    }
}
