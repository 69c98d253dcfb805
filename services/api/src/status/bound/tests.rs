use http::HeaderMap;
use portolan_model::{Precondition, Reason, Refusal, Violation};
use tonic_types::StatusExt;

use super::super::{from_refusal, unavailable};
use super::{REASONS, TEXT};

/// What common proxies let through, less what is not a status's own: the date, the trace, what a proxy adds.
const BLOCK: usize = 7680;

/// As HTTP/2 counts headers (RFC 9113, 6.5.2).
fn block(headers: &HeaderMap) -> usize {
    let sizes = headers.iter().map(|(k, v)| k.as_str().len() + v.len() + 32);
    sizes.sum()
}

fn sent(status: &tonic::Status) -> usize {
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).expect("it is encoded");
    block(&headers)
}

/// Of every kind that carries texts, with texts like this one.
fn refusals(text: &str, reasons: usize) -> Vec<Refusal> {
    let text = || text.to_owned();
    let violation = |i| Violation {
        field: format!("requests[{i}].{}", text()),
        description: text(),
    };
    let precondition = |i| Precondition {
        kind: Reason::NodePortQuarantined,
        subject: format!("requests[{i}].{}", text()),
        description: text(),
        holder: Some(format!("{}/{}/{}", text(), text(), text())),
    };
    let violations: Vec<_> = (0..reasons).map(violation).collect();
    vec![
        Refusal::Invalid {
            violations: violations.clone(),
        },
        Refusal::Immutable { violations },
        Refusal::Precondition {
            reason: Reason::NodePortQuarantined,
            preconditions: (0..reasons).map(precondition).collect(),
        },
        Refusal::NotFound {
            resource: format!("{}/{}/{}", text(), text(), text()),
            remedy: text(),
        },
        Refusal::AlreadyExists { resource: text() },
        Refusal::Exhausted {
            reason: Reason::ClusterIpExhausted,
            subject: text(),
            description: text(),
            used: u64::MAX,
            quarantined: u64::MAX,
            capacity: u64::MAX,
        },
        Refusal::Conflict {
            reason: Reason::EtagMismatch,
            description: text(),
        },
    ]
}

#[test]
fn the_largest_refusals_pass_through_proxies_and_say_how_much_is_left_out() {
    for letter in ["x", " ", "{", "ü", "€", "🦀", "\n"] {
        for length in [1, 30, 100, TEXT, 5000] {
            for reasons in [1, 2, 7, REASONS, REASONS + 10] {
                let text = letter.repeat(length / letter.len() + 1);
                for refusal in refusals(&text, reasons) {
                    let status = from_refusal(&refusal);
                    let what = format!("{reasons} × {length} of {letter:?}: {status:?}");
                    assert!(sent(&status) <= BLOCK, "{} bytes: {what}", sent(&status));
                    let details = status.get_error_details();
                    let bad = details.bad_request().map(|b| b.field_violations.len());
                    let failed = details.precondition_failure().map(|f| f.violations.len());
                    let Some(told) = bad.or(failed) else { continue };
                    assert!(told > 0, "{what}");
                    let info = details.error_info().expect("there always is one");
                    let left_out = info.metadata.get("left_out").map(String::as_str);
                    let rest = reasons - told;
                    let said = (rest > 0).then(|| rest.to_string());
                    assert_eq!(left_out, said.as_deref(), "{what}");
                    // The message is shortened before details are.
                    let end = status.message().rsplit_once("… and at least ");
                    let more = end.map_or("0", |(_, end)| end.trim_end_matches(" more"));
                    let more: usize = more.parse().expect("a number of reasons");
                    assert!((rest..reasons).contains(&more), "{more} more: {what}");
                }
            }
        }
    }
}

#[test]
fn fifty_ports_that_are_wrong_are_all_told() {
    let violation = |i| Violation {
        field: format!("service.spec.ports[{i}].port"),
        description: "0 is not between 1 and 65535".to_owned(),
    };
    let violations = (150..200).map(violation).collect();
    let status = from_refusal(&Refusal::Invalid { violations });
    let told = status.get_details_bad_request().expect("it names fields");
    assert_eq!(told.field_violations.len(), REASONS);
}

#[test]
fn what_is_short_is_told_in_full() {
    for refusal in refusals("must be 1 to 65535, not 0", 10) {
        assert_eq!(from_refusal(&refusal).message(), refusal.to_string());
    }
}

#[test]
fn a_message_that_is_too_long_is_cut() {
    let status = unavailable("STORE_UNAVAILABLE", &"ü".repeat(10_000));
    assert!(sent(&status) <= BLOCK, "{} bytes", sent(&status));
    assert!(status.message().ends_with("ü…"));
}
