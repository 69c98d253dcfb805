//! Cases about the stream itself, each a sequence of frames and what has to come of it.

mod changes;
mod endings;
mod opening;
mod rejections;
mod reports;
mod snapshots;

use std::pin::Pin;

use portolan_lab::{Member, Service, ready};

use crate::Broken;
use crate::capabilities::Declared;
use crate::trial::Trial;

/// What a case comes to.
type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

/// A case: its name, what it needs beyond every plugin, and how it runs.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Why it does not concern a plugin that declares this.
    pub(crate) left_out: fn(&Declared) -> Option<&'static str>,
    pub(crate) run: for<'a> fn(&'a mut Trial) -> Running<'a>,
}

fn everybody(_: &Declared) -> Option<&'static str> {
    None
}

fn who_probes(declared: &Declared) -> Option<&'static str> {
    (!declared.probes).then_some("probes are not declared")
}

fn who_lacks_something(declared: &Declared) -> Option<&'static str> {
    let can = &declared.can;
    let lacks = !can.affinity || can.protocols.len() < 3;
    (!lacks).then_some("there is nothing that it can't do")
}

/// By a Service that changes, and was carried before.
fn who_can_be_outgrown(declared: &Declared) -> Option<&'static str> {
    let can = &declared.can;
    let lacks = !can.source_ranges || !can.affinity;
    (!lacks).then_some("source ranges and affinity are both declared")
}

macro_rules! cases {
    ($($group:ident: [$($case:ident for $whom:ident),* $(,)?];)*) => {
        &[$($(Case {
            name: stringify!($case),
            left_out: $whom,
            run: |trial| Box::pin($group::$case(trial)),
        }),*),*]
    };
}

/// Every case, in the order in which a plugin is written.
pub(crate) const CASES: &[Case] = cases! {
    opening: [
        a_stream_opens_with_a_hello for everybody,
        sessions_grow_across_streams_and_restarts for everybody,
        a_stream_goes_on_from_what_is_held for everybody,
        another_store_is_not_taken_for_the_own_one for everybody,
    ];
    snapshots: [
        nothing_of_a_snapshot_counts_before_its_end for everybody,
        what_is_not_in_a_snapshot_is_gone for everybody,
        a_snapshot_with_a_wrong_digest_is_not_taken for everybody,
    ];
    changes: [
        batches_lead_from_state_to_state for everybody,
        batches_in_one_go_are_all_applied for everybody,
        parts_of_a_batch_wait_for_the_rest for everybody,
        what_is_held_already_is_skipped_and_overlap_is_harmless for everybody,
        a_gap_is_noticed for everybody,
        a_bookmark_with_another_digest_is_noticed for everybody,
        a_bookmark_moves_the_revision for everybody,
        kinds_of_later_releases_count_in_the_digest for everybody,
        hints_are_followed_while_they_are_valid for everybody,
    ];
    rejections: [
        what_can_not_be_carried_is_listed_and_the_rest_is_carried for who_lacks_something,
        what_grows_beyond_the_plugin_is_closed for who_can_be_outgrown,
    ];
    reports: [
        a_crash_leaves_what_was_called_durable for everybody,
        heartbeats_come_as_asked for everybody,
        workloads_of_the_own_node_are_probed_and_reported for who_probes,
        a_report_that_is_not_answered_is_sent_again_in_full for who_probes,
    ];
    endings: [
        without_a_server_everything_stays for everybody,
        a_server_that_hangs_up_is_called_at_growing_intervals for everybody,
        a_restarted_plugin_serves_before_it_is_welcomed for everybody,
        a_resync_is_followed_by_another_stream for everybody,
        a_drain_is_followed_after_its_pause for everybody,
    ];
};

/// Service number `n` with these members.
fn service(n: u8, members: &[&'static str]) -> Service {
    let members: Vec<Member> = members.iter().map(|host| ready(host)).collect();
    Service::new(n, &members)
}
