//! What an operator may choose, in the packet lab, which needs root.

use portolan_lab::Target::ClusterIp;
use portolan_lab::{Family, Lab, Service, ready};
use portolan_nftables::{NftablesDataplane, Options};

fn masquerading() -> NftablesDataplane {
    let options = Options {
        masquerade_all: true,
    };
    NftablesDataplane::new(options).expect("root may program nftables")
}

/// Checklist 55; without the option pods keep their source (53).
fn c55_a_pods_source_is_replaced(family: Family) {
    let mut lab = Lab::new(family, masquerading);
    let web = Service::new(1, &["a", "c"].map(ready));
    lab.carry(std::slice::from_ref(&web));
    let at = lab.at(&web, ClusterIp);
    lab.assert_seen_as("b", at, &["a", "c"], lab.address("n1"));
}

#[test]
fn c55_with_masquerade_all_a_pods_source_is_replaced_v4() {
    c55_a_pods_source_is_replaced(Family::V4);
}

#[test]
fn c55_with_masquerade_all_a_pods_source_is_replaced_v6() {
    c55_a_pods_source_is_replaced(Family::V6);
}
