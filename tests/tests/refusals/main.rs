//! Every refusal, with its code, reason and details, as a client in Rust, grpcurl and the operator's command show it.
//!
//! ```text
//! Row --> tonic: code, ErrorInfo, details | grpcurl: the same, printed | portolan: the field in YAML's words, and the line
//! ```

mod call;
mod complete;
mod ended;
mod large;
mod queue;
mod row;
mod special;
mod stream;
mod usual;

use call::by_tonic;
use portolan_proto::v1::{self, cluster_api_client::ClusterApiClient};
use portolan_tests::api::{block_on, channel};
use portolan_tests::{Server, Store};
use row::Row;

/// Of all tables.
fn all_rows() -> impl Iterator<Item = &'static Row> {
    let tables = [stream::ROWS, special::ROWS];
    usual::rows().chain(tables.into_iter().flatten())
}

/// How far the default cluster's history has come.
fn revision(server: &Server<'_>) -> u64 {
    let request = v1::GetClusterRequest {
        name: "clusters/default".to_owned(),
        ..v1::GetClusterRequest::default()
    };
    let cluster = block_on(ClusterApiClient::new(channel(&server.url())).get_cluster(request));
    let status = cluster.expect("the cluster is there").into_inner().status;
    status.expect("it has a status").head_revision
}

#[test]
fn what_is_refused_says_so_to_every_client_and_changes_nothing() {
    let server = Server::start(None, &Store::Sqlite, &usual::FLAGS);
    for (method, request) in usual::SETUP {
        let done = by_tonic(&server.url(), method, request);
        done.unwrap_or_else(|status| panic!("{request}: {status:?}"));
    }
    let before = revision(&server);
    for row in usual::rows() {
        row.check(&server);
        assert_eq!(revision(&server), before, "{}", row.name);
    }
}
