//! What a status may carry. Its message and details end an answer as headers, of which common proxies take about 8 KiB
//! in all, and clients 16.

use portolan_model::{Precondition, Refusal, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Bytes of the message in `grpc-message`, where most bytes that are no letter take three.
const MESSAGE: usize = 1536;
/// The same where more reasons fit if the message is short.
const BRIEF: usize = 512;
/// Bytes of both: the message, and `grpc-status-details-bin`, which repeats it and is in base64, a third longer.
const CARRIED: usize = 6656;
/// Bytes of one text within them. The most that are in details with a single reason, seven, must fit.
const TEXT: usize = 480;
/// Nobody reads more of them.
const REASONS: usize = 50;
const CUT: char = '…';

/// A status whose message is cut where there is no room for more.
pub(super) fn status(code: Code, message: &str, details: ErrorDetails) -> Status {
    Status::with_error_details(code, within(message, MESSAGE), details)
}

/// A text as details may carry it.
pub(super) fn clip(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT - CUT.len_utf8());
    format!("{}{CUT}", &text[..end])
}

/// Tells of as many of a refusal's reasons as there is room for, the first ones, and how many are left out: at the end
/// of the message, and as `left_out` in ErrorInfo. Programs read details, so the message is what is shortened first.
pub(super) fn fitting(
    refusal: &Refusal,
    explain: impl Fn(&Refusal) -> (Code, ErrorDetails) + Copy,
) -> Status {
    let all = reasons(refusal);
    let [message, brief] = [MESSAGE, BRIEF].map(|limit| summary(refusal, limit));
    let fewer = (2..=all.min(REASONS)).rev();
    let attempts = fewer.flat_map(|kept| [(kept, &message), (kept, &brief)]);
    let statuses = attempts
        .map(|(kept, message)| told_of(&first(refusal, kept), message, all - kept, explain));
    let mut fitting = statuses.filter(|status| carried(status) <= CARRIED);
    fitting.next().unwrap_or_else(|| {
        let left_out = all.saturating_sub(1);
        told_of(&first(refusal, 1), &message, left_out, explain)
    })
}

/// As many reasons as there is room for, at least one, and how many more there are.
fn summary(refusal: &Refusal, limit: usize) -> String {
    let all = reasons(refusal);
    let fewer = (2..=all.min(REASONS)).rev();
    let mut messages =
        fewer.map(|kept| format!("{}{}", first(refusal, kept), left_out(all - kept)));
    let fits = messages.find(|message| encoded(message) <= limit);
    fits.unwrap_or_else(|| {
        let rest = left_out(all.saturating_sub(1));
        within(&first(refusal, 1).to_string(), limit - encoded(&rest)) + &rest
    })
}

/// Bytes of both headers.
fn carried(status: &Status) -> usize {
    encoded(status.message()) + status.details().len().div_ceil(3) * 4
}

fn told_of(
    told: &Refusal,
    message: &str,
    left_out: usize,
    explain: impl Fn(&Refusal) -> (Code, ErrorDetails),
) -> Status {
    let (code, mut details) = explain(told);
    if let (Some(info), 1..) = (details.error_info().cloned(), left_out) {
        let mut metadata = info.metadata;
        metadata.insert("left_out".to_owned(), left_out.to_string());
        details.set_error_info(info.reason, info.domain, metadata);
    }
    status(code, message, details)
}

/// "At least", since who collects them stops at some number, too.
fn left_out(reasons: usize) -> String {
    match reasons {
        0 => String::new(),
        reasons => format!("; {CUT} and at least {reasons} more"),
    }
}

/// How many reasons it gives, where there can be several.
fn reasons(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::Invalid { violations } | Refusal::Immutable { violations } => violations.len(),
        Refusal::Precondition { preconditions, .. } => preconditions.len(),
        _ => 1,
    }
}

/// The same for its first reasons alone, each told briefly.
fn first(refusal: &Refusal, kept: usize) -> Refusal {
    let brief = |violations: &[Violation]| {
        let brief = |v: &Violation| Violation {
            field: clip(&v.field),
            description: clip(&v.description),
        };
        violations.iter().take(kept).map(brief).collect()
    };
    match refusal {
        Refusal::Invalid { violations } => Refusal::Invalid {
            violations: brief(violations),
        },
        Refusal::Immutable { violations } => Refusal::Immutable {
            violations: brief(violations),
        },
        Refusal::Precondition {
            reason,
            preconditions,
        } => {
            let brief = |p: &Precondition| Precondition {
                kind: p.kind,
                subject: clip(&p.subject),
                description: clip(&p.description),
                holder: p.holder.clone(),
            };
            Refusal::Precondition {
                reason: *reason,
                preconditions: preconditions.iter().take(kept).map(brief).collect(),
            }
        }
        other => other.clone(),
    }
}

/// As much of a text as takes at most `limit` bytes when it is encoded.
fn within(text: &str, limit: usize) -> String {
    if encoded(text) <= limit {
        return text.to_owned();
    }
    let mut room = limit - cost(CUT);
    let fits = |c: &char| {
        let rest = room.checked_sub(cost(*c));
        room = rest.unwrap_or(0);
        rest.is_some()
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{start}{CUT}")
}

fn encoded(text: &str) -> usize {
    text.chars().map(cost).sum()
}

/// Bytes of a character in `grpc-message`, whose value is percent-encoded (tonic's set).
fn cost(c: char) -> usize {
    match c {
        ' ' | '"' | '#' | '%' | '<' | '>' | '`' | '?' | '{' | '}' => 3,
        c if c.is_ascii_graphic() => 1,
        c => 3 * c.len_utf8(),
    }
}

#[cfg(test)]
mod tests;
