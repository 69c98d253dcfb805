//! The lab's cases for a foreign plugin.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use portolan_lab::cases::lacks;
use portolan_lab::{Family, Lab, cases};

use crate::capabilities::Declared;
use crate::foreign::{Foreign, Setup};
use crate::words::one_line;
use crate::{Broken, Launch, Rule};

macro_rules! table {
    (; $($group:ident: [$($case:ident),* $(,)?];)*) => {
        &[$($((stringify!($case), cases::$group::$case::<Foreign> as fn(Lab<Foreign>))),*),*]
    };
}

/// A case by its name.
pub(crate) type Case = (&'static str, fn(Lab<Foreign>));

/// All of them.
pub(crate) const CASES: &[Case] = portolan_lab::for_each_packet_case!([table]);

/// Cases that look where the stream does not lead.
const BEYOND_THE_STREAM: [(&str, &str); 3] = [
    (
        "c91_",
        "the plugin's own timer restores what is deleted by hand",
    ),
    (
        "c93_",
        "cleaning up is asked for on the plugin's command line",
    ),
    (
        "c96_",
        "what a change writes is seen inside the plugin only",
    ),
];

/// Why a case is left out.
pub(crate) fn left_out(case: &str, declared: &Declared) -> Option<String> {
    let mut beyond = BEYOND_THE_STREAM.iter();
    if let Some((_, why)) = beyond.find(|(start, _)| case.starts_with(start)) {
        return Some((*why).to_owned());
    }
    let lacking = lacks(case, &declared.can)?;
    Some(format!("{lacking} is not among the declared capabilities"))
}

/// Runs a case in one family.
pub(crate) fn run(
    launch: &Launch,
    declared: &Declared,
    family: Family,
    (name, case): Case,
) -> Result<(), Broken> {
    let setup = Arc::new(Setup::new(launch.clone(), declared.clone()));
    let plugins = Arc::clone(&setup);
    let make = move || Foreign::new(Arc::clone(&plugins));
    let outcome = catch_unwind(AssertUnwindSafe(|| case(Lab::new(family, make))));
    outcome.map_err(|payload| match payload.downcast::<Broken>() {
        Ok(broken) => *broken,
        Err(other) => {
            let text = other.downcast_ref::<String>().cloned();
            let text = text.or_else(|| other.downcast_ref::<&str>().map(|&text| text.to_owned()));
            let text = text.unwrap_or_default();
            Broken::new(rule(name), format!("{}{}", one_line(&text), setup.said()))
        }
    })
}

/// The rule that a case is about.
fn rule(case: &str) -> Rule {
    let number = cases_number(case);
    match number {
        25 | 35 | 62 => Rule::ForwardNodePort,
        29 => Rule::ForwardWeight,
        30 | 31 => Rule::ForwardSource,
        42 | 43 | 52 => Rule::ForwardEmpty,
        45..=50 | 56..=58 | 98 => Rule::ForwardFlags,
        53 | 54 => Rule::ForwardInside,
        60 => Rule::ForwardSourceRanges,
        44 | 61 | 65 => Rule::ForwardForeign,
        68..=72 => Rule::ForwardAffinity,
        51 | 82..=87 => Rule::ForwardEstablished,
        89 | 92 => Rule::RestartAdopts,
        _ => Rule::ForwardAddress,
    }
}

fn cases_number(case: &str) -> u8 {
    let numbers = portolan_lab::checklist::numbers(case);
    numbers.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::FakeDataplane;
    use portolan_model::Protocol;

    use super::*;

    /// Names of the cases that are left out, beside those that no stream leads to.
    fn without(change: impl Fn(&mut Declared)) -> Vec<&'static str> {
        let can = FakeDataplane::everything();
        let mut declared = Declared { can, probes: true };
        change(&mut declared);
        let beyond = |case: &str| {
            BEYOND_THE_STREAM
                .iter()
                .any(|(start, _)| case.starts_with(start))
        };
        let all = CASES.iter().map(|(name, _)| *name);
        let left = all.filter(|name| !beyond(name) && left_out(name, &declared).is_some());
        left.map(|name| name.split_once('_').map_or(name, |(number, _)| number))
            .collect()
    }

    #[test]
    fn what_is_not_declared_decides_what_is_left_out() {
        assert_eq!(without(|_| {}), [""; 0]);
        assert_eq!(
            without(|declared| declared.can.inside = false),
            ["c53", "c54", "c58"]
        );
        let no_udp = without(|declared| declared.can.protocols.retain(|p| *p != Protocol::Udp));
        assert_eq!(no_udp, ["c41", "c82", "c83", "c84", "c85", "c88"]);
    }
}
