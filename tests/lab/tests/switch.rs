//! A node changes its dataplane under traffic: the new one carries everything before the old one lets go, and the old one
//! is removed once its last connection is over (94 of the conformance checklist).

mod switching;

use portolan_lab::{Family, Lab};
use portolan_nftables::{NftablesDataplane, Options};
use portolan_userspace::UserspaceDataplane;
use switching::switch;

fn nftables() -> NftablesDataplane {
    NftablesDataplane::new(Options::default()).expect("root may program nftables")
}

fn there_and_back(family: Family) {
    let lab = Lab::new(family, UserspaceDataplane::new);
    let lab = switch(lab, nftables);
    let mut lab = switch(lab, UserspaceDataplane::new);
    let left = lab
        .network
        .node("n1")
        .machine
        .execute(&["nft", "list", "ruleset"], "");
    assert_eq!(left, "", "nothing of nftables is left");
    lab.carry(&[]);
}

#[test]
fn from_userspace_to_nftables_and_back_with_ipv4() {
    there_and_back(Family::V4);
}

#[test]
fn from_userspace_to_nftables_and_back_with_ipv6() {
    there_and_back(Family::V6);
}
