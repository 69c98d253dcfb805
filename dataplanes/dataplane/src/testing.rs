//! For tests: dataplanes without a mechanism, and the conformance kit for those that have one.
//!
//! ```text
//! portolan_dataplane::conformance!(MyDataplane::new);
//! ```
//! expands to one named test a case. What is tested follows from the declared [`crate::Capabilities`]; there is no list of
//! exceptions. Frontends and backends get addresses of their own within 127.0.0.0/8, and real sockets talk to them, so
//! the kit needs no privileges; a dataplane that does runs it where it has them.

pub mod affinity;
mod client;
pub mod contract;
mod echo;
mod fake;
mod faulty;
mod lab;
pub mod traffic;

use portolan_model::Name;

use crate::{NodeState, Views};
pub use fake::FakeDataplane;
pub use faulty::FaultyDataplane;
pub use lab::{Lab, backend, frontend, frontend_key, node_state, pool, tcp};

/// Every case of the kit, for what the function makes.
#[macro_export]
macro_rules! conformance {
    ($make:expr) => {
        $crate::contract!($make);
        $crate::conformance_cases!(
            $make,
            $crate::testing::on_this_machine,
            affinity: [
                a_client_keeps_its_backend_whatever_happens_to_others,
                a_client_of_a_removed_backend_moves_once,
                a_client_is_free_after_its_timeout,
            ]
        );
        $crate::conformance_cases!(
            $make,
            $crate::testing::on_this_machine,
            traffic: [
                every_backend_is_reached_by_its_weight,
                new_connections_leave_a_replaced_backend_and_established_ones_live_on,
                udp_clients_follow_a_replaced_backend,
                without_a_backend_clients_are_refused_at_once,
                a_removed_frontend_refuses_while_others_serve,
                a_half_closed_connection_is_still_answered,
                large_payloads_pass_unharmed,
                node_port_and_virtual_address_lead_to_the_same_service,
                tcp_and_udp_on_one_port_are_different_services,
                sources_inside_use_their_own_list,
                ipv6_is_served_if_declared,
            ]
        );
    };
}

/// The cases that send no traffic: also for dataplanes without a mechanism. They run on this machine, or where the
/// second argument runs a future: a function that waits for its end.
#[macro_export]
macro_rules! contract {
    ($make:expr) => {
        $crate::contract!($make, $crate::testing::on_this_machine);
    };
    ($make:expr, $run:path) => {
        $crate::conformance_cases!(
            $make,
            $run,
            contract: [
                applying_twice_changes_nothing,
                what_is_observed_is_what_was_applied,
                removing_what_is_absent_is_fine,
                one_bad_frontend_neither_stops_others_nor_loses_its_last_good_version,
                what_is_beyond_it_is_listed_and_not_carried,
                cleanup_removes_everything_and_can_be_followed_by_more,
            ]
        );
    };
}

/// One test a case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($make:expr, $run:path, $group:ident: [$($case:ident),* $(,)?]) => {
        $(
            #[test]
            fn $case() {
                $run(async {
                    let lab = $crate::testing::Lab::new(($make)()).await;
                    $crate::testing::$group::$case(lab).await;
                });
            }
        )*
    };
}

/// Runs a case here and now.
pub fn on_this_machine(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime needs descriptors and threads only");
    runtime.block_on(case);
}

impl Views {
    /// What a node should carry for all Services. Should two claim the same key, the one with the lower uid has it.
    pub fn desired_all(&self, node: &Name) -> NodeState {
        let mut state = NodeState::new();
        for uid in self.services() {
            for (key, frontend) in self.desired(node, uid) {
                state.entry(key).or_insert(frontend);
            }
        }
        state
    }
}
