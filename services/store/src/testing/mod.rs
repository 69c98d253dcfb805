//! The conformance suite: what [`Store`] promises, as one named test per promise.
//!
//! ```text
//! conformance!(harness)  -->  mod conformance { #[tokio::test] async fn revisions_are_dense_and_start_at_one() … }
//! ```
//! `harness` is an async function that gives a [`Harness`] with a fresh, empty store.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case of a test suite panics to fail"
)]

pub mod compaction;
pub mod events;
pub mod fixtures;
pub mod log;
pub mod node_reports;
pub mod random;
pub mod tables;
pub mod transaction;
mod writer;

use std::future::Future;

use crate::Store;

pub use writer::{Refused, Writer, draft};

/// Makes handles of one store.
pub trait Harness: Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// Whether what was committed outlives the process that holds the store.
    const PERSISTENT: bool;

    /// Another handle of the same store, as independent of the others as can be: another replica's, if there may be
    /// replicas.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Opens the store again after every handle was dropped, as a restarted process would.
    fn restart(&mut self) -> impl Future<Output = Self::Store> + Send;
}

/// Runs every case against the store of a harness.
#[macro_export]
macro_rules! conformance {
    ($harness:ident) => {
        $crate::conformance! { $harness;
            log::revisions_are_dense_and_start_at_one,
            log::a_reader_never_sees_a_revision_before_the_one_below_it,
            log::concurrent_writers_neither_lose_nor_duplicate,
            log::reading_with_a_limit_keeps_commits_whole,
            log::the_heads_tell_the_end_of_every_log,
            log::clusters_do_not_see_each_other,
            log::a_commit_is_read_back_exactly,
            log::the_clock_never_goes_back_behind_the_last_commit,
            transaction::rolling_back_leaves_nothing_and_consumes_no_revision,
            transaction::dropping_a_transaction_rolls_back_and_frees_the_lock,
            transaction::a_commit_at_a_taken_revision_fails,
            transaction::a_commit_that_leaves_a_gap_fails,
            transaction::a_claim_has_one_owner,
            transaction::a_writer_that_pauses_loses_its_turn,
            tables::loading_equals_replaying_the_log,
            tables::the_tail_is_contiguous_and_ends_at_the_head,
            tables::an_object_may_be_deleted_and_created_in_one_commit,
            tables::an_object_may_come_and_go_in_one_commit,
            tables::every_kind_is_read_back_exactly,
            tables::a_large_commit_works,
            tables::a_restart_keeps_what_the_store_promises_to_keep,
            compaction::compaction_is_told_and_keeps_the_newest_commit,
            compaction::compaction_is_bounded_and_ends,
            compaction::a_time_is_found_in_the_log,
            events::equal_events_are_counted_up,
            events::events_are_bounded,
            events::events_are_found_below_a_resource,
            node_reports::an_older_session_never_overwrites_a_newer_one,
            node_reports::another_uid_replaces_the_row_of_its_predecessor,
            node_reports::a_forgotten_node_has_no_row,
            node_reports::a_forgotten_cluster_has_no_reports,
            random::random_changes_lead_to_the_same_tables_as_their_replay,
        }
    };
    ($harness:ident; $($noun:ident::$case:ident),* $(,)?) => {
        mod conformance {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::testing::$noun::$case(super::$harness().await).await;
                }
            )*
        }
    };
}
