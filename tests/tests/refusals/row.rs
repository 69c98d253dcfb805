//! What is expected of a refusal, whoever asks.

use portolan_tests::Server;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::call::{by_grpcurl, by_tonic};

/// A refusal.
pub(crate) struct Row {
    /// The situation.
    pub(crate) name: &'static str,
    /// `SERVICE/METHOD`
    pub(crate) method: &'static str,
    /// As [`crate::call::json`] reads it; each message of a stream on its own line.
    pub(crate) request: &'static str,
    pub(crate) code: Code,
    pub(crate) reason: &'static str,
    pub(crate) details: &'static [Detail],
    /// Through the operator's command, where that can ask for it.
    pub(crate) command: Option<Spoken>,
}

/// What goes with the reason.
#[derive(Debug)]
pub(crate) enum Detail {
    /// `BadRequest`: a field of the request.
    Field(&'static str),
    /// `PreconditionFailure`: type and subject.
    Precondition(&'static str, &'static str),
    /// `QuotaFailure`: its subject.
    Quota(&'static str),
    /// `ResourceInfo`: how its name ends.
    Resource(&'static str),
    /// ErrorInfo: key and value of its metadata.
    Metadata(&'static str, &'static str),
    /// `RetryInfo`.
    Retry,
}

/// A command line, its standard input, and how a line of the answer begins.
pub(crate) struct Spoken {
    pub(crate) arguments: &'static [&'static str],
    pub(crate) input: &'static str,
    pub(crate) says: &'static str,
}

impl Row {
    /// Asks through tonic, grpcurl and the command.
    pub(crate) fn check(&self, server: &Server<'_>) {
        let status = by_tonic(&server.url(), self.method, self.request);
        self.check_status(&status.expect_err(self.name));
        self.check_curl(server);
        self.check_command(server);
    }

    pub(crate) fn check_status(&self, status: &Status) {
        let name = self.name;
        assert_eq!(status.code(), self.code, "{name}: {status:?}");
        let details = status.get_error_details();
        let info = details.error_info().expect(name);
        let known = (info.reason.as_str(), info.domain.as_str());
        assert_eq!(
            known,
            (self.reason, portolan_proto::DOMAIN),
            "{name}: {status:?}"
        );
        assert!(!status.message().is_empty(), "{name}");
        for detail in self.details {
            let there = match detail {
                Detail::Field(field) => details
                    .bad_request()
                    .is_some_and(|b| b.field_violations.iter().any(|v| v.field == *field)),
                Detail::Precondition(kind, subject) => {
                    details.precondition_failure().is_some_and(|f| {
                        let mut all = f.violations.iter();
                        all.any(|v| v.r#type == *kind && v.subject == *subject)
                    })
                }
                Detail::Quota(subject) => details
                    .quota_failure()
                    .is_some_and(|q| q.violations.iter().any(|v| v.subject == *subject)),
                Detail::Resource(end) => details
                    .resource_info()
                    .is_some_and(|r| r.resource_name.ends_with(end)),
                Detail::Metadata(key, value) => {
                    info.metadata.get(*key).map(String::as_str) == Some(value)
                }
                Detail::Retry => details.retry_info().is_some(),
            };
            assert!(there, "{name}: no {detail:?} in {details:#?}");
        }
    }

    /// A person at a terminal sees all of it.
    pub(crate) fn check_curl(&self, server: &Server<'_>) {
        self.check_printed(&by_grpcurl(server, self.method, self.request).err);
    }

    pub(crate) fn check_printed(&self, printed: &str) {
        let code = format!("Code: {:?}\n", self.code);
        assert!(
            printed.contains(&code),
            "{}: no {code:?} in {printed}",
            self.name
        );
        // grpcurl sets blanks between its words as it likes.
        let dense = printed.replace("\": \"", "\":\"");
        let reason = format!("\"reason\":\"{}\"", self.reason);
        let mut parts = vec![reason.as_str(), "google.rpc.ErrorInfo"];
        for detail in self.details {
            parts.extend(match detail {
                Detail::Field(field) => ["google.rpc.BadRequest", *field],
                Detail::Precondition(kind, _) => ["google.rpc.PreconditionFailure", *kind],
                Detail::Quota(subject) => ["google.rpc.QuotaFailure", *subject],
                Detail::Resource(end) => ["google.rpc.ResourceInfo", *end],
                Detail::Metadata(key, value) => [*key, *value],
                Detail::Retry => ["google.rpc.RetryInfo", "retryDelay"],
            });
        }
        for part in parts {
            assert!(
                dense.contains(part),
                "{}: no {part:?} in {printed}",
                self.name
            );
        }
    }

    pub(crate) fn check_command(&self, server: &Server<'_>) {
        let Some(spoken) = &self.command else {
            return;
        };
        let said = server.portolan_with(spoken.arguments, spoken.input);
        assert_eq!(said.code, 1, "{}: {said:?}", self.name);
        let start = format!("error: {}", spoken.says);
        let found = said.err.lines().any(|line| line.starts_with(&start));
        assert!(found, "{}: no {start:?} in {:#?}", self.name, said.err);
    }
}
