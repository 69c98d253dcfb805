//! What a dataplane could not do, told by Service as the server knows it.

use std::collections::BTreeMap;

use portolan_dataplane::{FrontendKey, RejectionCode};
use portolan_model::Uid;
use portolan_model::view::{ViewKey, ViewKind};
use portolan_subscriber::Reason;

/// A frontend that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whose frontend it is, or was if it should be gone.
    pub(crate) service: Uid,
    pub(crate) code: RejectionCode,
    pub(crate) message: String,
}

/// One reason for each Service. A real failure goes before what the dataplane can't do at all: it has a remedy here.
pub(crate) fn by_service(failures: &BTreeMap<FrontendKey, Failure>) -> BTreeMap<ViewKey, Reason> {
    let mut services: BTreeMap<Uid, Vec<&Failure>> = BTreeMap::new();
    for failure in failures.values() {
        services.entry(failure.service).or_default().push(failure);
    }
    let reason = |(service, mut failures): (Uid, Vec<&Failure>)| {
        failures.sort_by_key(|failure| failure.code == RejectionCode::UnsupportedFeature);
        let others = failures.len() - 1;
        let first = &failures[0].message;
        let message = if others == 0 {
            first.clone()
        } else {
            format!("{first} (and {others} more of its frontends)")
        };
        let reason = Reason {
            code: failures[0].code.as_str(),
            message,
        };
        (ViewKey::new(ViewKind::Service, service), reason)
    };
    services.into_iter().map(reason).collect()
}

#[cfg(test)]
mod tests {
    use portolan_model::Protocol;

    use super::*;

    #[test]
    fn a_service_has_one_reason_and_a_failure_goes_before_a_lack() {
        let row = |port, service, code, message: &str| {
            let key = FrontendKey {
                address: [10, 96, 0, 1].into(),
                port,
                protocol: Protocol::Tcp,
            };
            let failure = Failure {
                service: Uid::from_random(service),
                code,
                message: message.to_owned(),
            };
            (key, failure)
        };
        let told = by_service(&BTreeMap::from([
            row(1, 1, RejectionCode::UnsupportedFeature, "no SCTP"),
            row(2, 1, RejectionCode::PortInUse, "taken"),
            row(3, 2, RejectionCode::UnsupportedFeature, "no IPv6"),
        ]));
        let told: Vec<_> = told.into_values().map(|r| (r.code, r.message)).collect();
        assert!(told.contains(&(
            "PORT_IN_USE",
            "taken (and 1 more of its frontends)".to_owned()
        )));
        assert!(told.contains(&("UNSUPPORTED_FEATURE", "no IPv6".to_owned())));
    }
}
