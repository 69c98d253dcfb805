//! Who of a pool gets the next connection.

use std::fmt;
use std::str::FromStr;

use portolan_dataplane::ServiceRef;

/// A scheduler of the kernel.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheduler {
    /// In turn, whatever the weight
    Rr,
    /// In turn, by weight
    #[default]
    Wrr,
    /// Whoever has fewest connections through this node, whatever the weight
    Lc,
    /// Whoever has fewest connections through this node for its weight
    Wlc,
    /// By a hash of the client's address
    Sh,
    /// By a hash of the client's address that moves few clients when a pool changes (Maglev)
    Mh,
}

impl Scheduler {
    /// Its name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Sh => "sh",
            Self::Mh => "mh",
        }
    }

    /// Whether it has to be told to pass over real servers of weight 0.
    pub(crate) fn hashes(self) -> bool {
        matches!(self, Self::Sh | Self::Mh)
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A Service, or one of its ports, with a scheduler of its own: `NAMESPACE/NAME[:PORT]=SCHEDULER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    namespace: String,
    name: String,
    port: Option<String>,
    scheduler: Scheduler,
}

impl FromStr for Exception {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is not of the form NAMESPACE/NAME[:PORT]=SCHEDULER");
        let (service, scheduler) = text.split_once('=').ok_or_else(form)?;
        let (namespace, rest) = service.split_once('/').ok_or_else(form)?;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (name, Some(port.to_owned())),
            None => (rest, None),
        };
        if namespace.is_empty() || name.is_empty() {
            return Err(form());
        }
        let scheduler = clap::ValueEnum::from_str(scheduler, false)
            .map_err(|_| format!("{scheduler:?} is none of rr, wrr, lc, wlc, sh, mh"))?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port,
            scheduler,
        })
    }
}

/// The node's scheduler, and those of Services that want another.
#[derive(Clone, Debug, Default)]
pub struct Schedulers {
    /// The scheduler of Services that no exception names.
    pub default: Scheduler,
    /// The first that fits counts.
    pub exceptions: Vec<Exception>,
}

impl Schedulers {
    pub(crate) fn of(&self, service: &ServiceRef) -> Scheduler {
        let fits = |exception: &&Exception| {
            exception.namespace == service.namespace.as_str()
                && exception.name == service.name.as_str()
                && exception
                    .port
                    .as_ref()
                    .is_none_or(|port| *port == service.port)
        };
        let exception = self.exceptions.iter().find(fits);
        exception.map_or(self.default, |exception| exception.scheduler)
    }
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::frontend;

    use super::*;

    #[test]
    fn a_service_has_the_first_scheduler_that_fits() {
        let parse = |text: &&str| text.parse::<Exception>().expect("an exception");
        let service = frontend(1, &[]).service;
        for (name, exceptions, wanted) in [
            ("none", &[][..], Scheduler::Wrr),
            ("the Service", &["default/service-1=lc"], Scheduler::Lc),
            ("its port", &["default/service-1:main=mh"], Scheduler::Mh),
            (
                "another port",
                &["default/service-1:other=mh"],
                Scheduler::Wrr,
            ),
            ("another Service", &["default/service-2=lc"], Scheduler::Wrr),
            (
                "the first",
                &["default/service-1:main=sh", "default/service-1=lc"],
                Scheduler::Sh,
            ),
        ] {
            let schedulers = Schedulers {
                default: Scheduler::Wrr,
                exceptions: exceptions.iter().map(parse).collect(),
            };
            assert_eq!(schedulers.of(&service), wanted, "{name}");
        }
    }

    #[test]
    fn what_is_no_exception_is_refused_with_a_reason() {
        for text in ["", "a=rr", "a/b", "/b=rr", "a/=rr", "a/b=fo"] {
            let refused = text.parse::<Exception>().expect_err("it is refused");
            assert!(
                refused.contains("form") || refused.contains("wrr"),
                "{text}: {refused}"
            );
        }
    }
}
