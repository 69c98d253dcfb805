//! No number of the checklist is without a case, and no case without a number.

use portolan_lab::cases::CASES;
use portolan_lab::checklist::{SECTIONS, Shown, cases, numbers, shown};

#[test]
fn every_number_has_a_case_or_a_reason() {
    for number in SECTIONS.into_iter().flatten() {
        let count = cases(number).count();
        match shown(number) {
            Shown::Packets => assert!(count > 0, "{number} has no case"),
            Shown::By(what) | Shown::Waits(what) => {
                assert_eq!(
                    count, 0,
                    "{number} has a case; it is also said of it: {what}"
                );
                assert!(!what.is_empty());
            }
        }
    }
}

#[test]
fn every_case_carries_its_number() {
    for (group, case) in CASES {
        let numbers = numbers(case);
        assert!(!numbers.is_empty(), "{group}::{case}");
        for number in numbers {
            let known = SECTIONS.iter().any(|section| section.contains(&number));
            assert!(known, "{group}::{case}: {number}");
        }
    }
}
