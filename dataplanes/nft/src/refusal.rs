//! What is told of a frontend that could not be programmed.

use std::fmt::Display;

use portolan_dataplane::{Frontend, FrontendKey, Rejected, RejectionCode};
use portolan_netlink::NetlinkError;

/// The word for what the kernel answered.
pub fn code(error: &NetlinkError) -> RejectionCode {
    match error.errno() {
        // EPERM, EACCES
        Some(1 | 13) => RejectionCode::PermissionDenied,
        // ENOMEM, ENFILE, ENOSPC
        Some(12 | 23 | 28) => RejectionCode::LimitExceeded,
        // EAFNOSUPPORT
        Some(97) => RejectionCode::FamilyUnavailable,
        _ => RejectionCode::Internal,
    }
}

/// A frontend that is rejected, and why. Without the frontend, which went meanwhile, its Service is not named.
pub fn rejected(
    key: FrontendKey,
    frontend: Option<&Frontend>,
    code: RejectionCode,
    why: impl Display,
) -> Rejected {
    let service = frontend.map_or_else(String::new, |frontend| frontend.service.to_string());
    Rejected {
        key,
        code,
        message: format!("{service} at {key}: {why}"),
    }
}

/// A frontend whose transaction the kernel refused.
pub fn refused(key: FrontendKey, frontend: Option<&Frontend>, error: &NetlinkError) -> Rejected {
    let why = format_args!("{error}; it is tried again");
    rejected(key, frontend, code(error), why)
}
