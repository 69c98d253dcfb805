//! The cases that need packets. The number in a name is the checklist's.

pub mod affinity;
pub mod conntrack;
pub mod datapath;
pub mod external;
pub mod nobody;
pub mod policies;
pub mod robustness;

use portolan_dataplane::{Capabilities, RejectionCode};
use portolan_model::{Family, Protocol};

use crate::{Lab, Plugin, Service};

/// Runs one case in one family. Where the dataplane does not carry the family, its refusal is the case.
pub fn run<D: Plugin>(
    family: Family,
    make: impl Fn() -> D + Send + Sync + 'static,
    case: impl FnOnce(Lab<D>),
) {
    let mut lab = Lab::new(family, make);
    if lab.can().families.contains(&family) {
        return case(lab);
    }
    let carried = lab.carry_what_it_can("n1", &[Service::new(1, &[])]);
    let mut rejected = carried
        .rejected()
        .filter(|r| Family::of(r.key.address) == family);
    let first = rejected.next().expect("the family is rejected");
    assert_eq!(first.code, RejectionCode::UnsupportedFeature);
    assert!(first.message.contains("ipFamilies"), "{}", first.message);
}

/// Cases that are about datagrams; all others are about connections, whatever else they try.
const DATAGRAMS: [&str; 6] = ["c41_", "c82_", "c83_", "c84_", "c85_", "c88_"];

/// Cases that are about sources inside, who use another list than those outside.
const INSIDE: [&str; 3] = ["c53_", "c54_", "c58_"];

/// What a case is about and a plugin does not declare, as its capabilities name it: whoever runs the cases one by one
/// leaves it out.
pub fn lacks(case: &str, can: &Capabilities) -> Option<&'static str> {
    let is_of = |starts: &[&str]| starts.iter().any(|start| case.starts_with(start));
    let carries = |protocol| can.protocols.contains(&protocol);
    let needs = [
        ("PROTOCOL_TCP", true, carries(Protocol::Tcp)),
        ("PROTOCOL_UDP", is_of(&DATAGRAMS), carries(Protocol::Udp)),
        ("inside", is_of(&INSIDE), can.inside),
    ];
    let mut lacking = needs.iter().filter(|(_, needed, has)| *needed && !has);
    lacking.next().map(|(name, ..)| *name)
}

/// Calls a macro with every case: `[callback] arguments` leads to `callback! { arguments; group: [case, …]; … }`.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_packet_case {
    ([$($callback:tt)*] $($arguments:tt)*) => {
        $($callback)*! {
            $($arguments)*;
            datapath: [
                c22_23_pods_and_nodes_reach_a_virtual_address,
                c24_a_member_reaches_the_others_by_the_virtual_address,
                c25_26_27_node_ports_are_reached_from_everywhere,
                c28_an_address_that_no_node_owns_is_reached_from_everywhere,
                c29_every_member_is_reached_by_its_weight,
                c30_a_member_reaches_itself,
                c31_the_source_is_kept_on_the_way_to_another_node,
                c32_traffic_moves_entirely_to_a_replacement,
                c33_services_that_share_members_go_one_by_one,
                c34_removing_one_service_costs_the_others_no_request,
                c35_a_removed_node_port_refuses,
                c36_payloads_beyond_an_mtu_pass_unharmed,
                c37_servers_of_the_nodes_themselves_are_members_like_others,
                c38_39_services_of_other_proxies_are_left_alone,
                c40_members_may_listen_on_different_ports,
                c41_transports_of_one_address_and_port_are_different_services,
            ];
            nobody: [
                c42_without_members_clients_are_refused_at_once,
                c43_with_failed_members_only_clients_are_refused,
                c44_other_ports_refuse_and_other_addresses_are_silent,
                c45_members_that_are_not_ready_serve_only_if_published,
                c46_48_terminating_members_serve_while_there_are_no_others,
                c47_49_terminating_members_serve_on_their_own_node_only,
                c50_ready_elsewhere_and_terminating_here,
                c51_a_ready_member_ends_the_fallback_for_new_flows_only,
                c52_67_silence_while_others_serve_and_refusal_once_nobody_does,
            ];
            policies: [
                c53_sources_and_members_of_all_27_flows,
                c54_without_workload_ranges_pods_are_outside,
                c56_switching_the_external_policy_takes_effect,
                c57_the_internal_local_policy_serves_from_the_same_node_only,
                c58_a_pod_keeps_its_source_towards_a_load_balancer_with_local_policy,
            ];
            external: [
                c60_source_ranges_guard_the_load_balancer_alone,
                c61_an_address_that_is_not_ours_is_not_captured,
                c62_node_ports_answer_at_the_given_addresses,
                c65_nothing_else_of_a_load_balancers_address_is_touched,
            ];
            affinity: [
                c68_a_client_keeps_its_member_at_every_address,
                c69_affinity_is_switched_live,
                c70_affinity_ends_after_idleness,
                c71_clients_of_a_removed_member_move_once,
                c72_affinity_survives_a_restart,
            ];
            conntrack: [
                c82_a_udp_client_follows_a_replaced_member,
                c83_a_udp_client_is_served_once_the_member_is_ready,
                c84_a_udp_client_that_came_first_is_served,
                c85_a_udp_service_recovers_from_having_nobody,
                c86_stale_packets_do_not_end_a_connection,
                c87_a_connection_to_a_removed_member_goes_on,
                c88_among_many_flows_a_udp_change_stays_cheap,
            ];
            robustness: [
                c89_a_restart_is_not_noticed,
                c91_what_is_deleted_by_hand_is_restored,
                c92_what_an_earlier_run_left_is_cleaned,
                c93_what_is_not_ours_is_left_alone,
                c96_a_change_writes_what_it_concerns,
                c98_a_long_random_sequence_ends_where_it_should,
            ];
        }
    };
}

macro_rules! names {
    (; $($group:ident: [$($case:ident),* $(,)?];)*) => {
        &[$($((stringify!($group), stringify!($case))),*),*]
    };
}

/// Every case with its group.
pub const CASES: &[(&str, &str)] = for_each_packet_case!([names]);

/// The whole kit for what the function makes, once a file: the contract, on a machine of its own each, and every case
/// that needs packets, in both families.
#[macro_export]
macro_rules! conformance {
    ($make:expr) => {
        fn dataplane_under_test() -> impl $crate::portolan_dataplane::Dataplane {
            ($make)()
        }
        mod contract {
            $crate::portolan_dataplane::contract!(
                super::dataplane_under_test,
                $crate::on_a_machine_of_its_own
            );
        }
        $crate::for_each_packet_case!([$crate::packet_tests] super::dataplane_under_test);
    };
}

/// Two tests a case.
#[doc(hidden)]
#[macro_export]
macro_rules! packet_tests {
    ($make:expr; $($group:ident: [$($case:ident),* $(,)?];)*) => {
        $($crate::packet_group! { $make; $group: [$($case),*] })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! packet_group {
    ($make:expr; $group:ident: [$($case:ident),*]) => {
        $(
            mod $case {
                #[test]
                fn v4() {
                    $crate::cases::run($crate::Family::V4, $make, $crate::cases::$group::$case);
                }
                #[test]
                fn v6() {
                    $crate::cases::run($crate::Family::V6, $make, $crate::cases::$group::$case);
                }
            }
        )*
    };
}
