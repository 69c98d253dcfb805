//! Watches and streams that the server ends.

use std::io::Write;
use std::process::Command;

use nix::sys::signal::Signal;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::{FILE_DESCRIPTOR_SET, v1};
use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::{NAMESPACE, block_on, channel};
use portolan_tests::{Node, Process, Server, Store, eventually, holds};
use tempfile::NamedTempFile;
use tonic_types::StatusExt;

use crate::call::{by_tonic, json};
use crate::row::Row;
use crate::special::{NODE_DELETED, RELOADED, ROWS, SHUTTING_DOWN, psql};

/// Watches through tonic and grpcurl at once, until `end` ends both.
fn end_watches(row: &Row, server: &mut Server<'_>, end: impl FnOnce(&mut Server<'_>)) {
    let files = descriptors();
    let mut command = Command::new(portolan_tests::tool("grpcurl"));
    command.arg("-plaintext");
    for file in &files {
        command.arg("-protoset").arg(file.path());
    }
    command.args(["-d", &json(row.request), &server.api().to_string()]);
    command.arg("portolan.v1.ServiceAPI/WatchServices");
    let mut curl = Process::start("grpcurl", command);
    eventually("grpcurl watches", || {
        holds(curl.said().contains("SYNCED"), curl.said())
    });
    let mut watch = block_on(service_watch(&server.url()));
    end(server);
    let status = block_on(async {
        loop {
            if let Err(status) = watch.message().await {
                return status;
            }
        }
    });
    row.check_status(&status);
    eventually("grpcurl ends", || {
        holds(curl.ended().is_some(), curl.said())
    });
    row.check_printed(&curl.said());
}

/// What grpcurl asks reflection for otherwise, at the end too: details it can't read it does not print, and a server
/// that has ended answers nothing.
fn descriptors() -> [NamedTempFile; 2] {
    let sets = [FILE_DESCRIPTOR_SET, tonic_types::pb::FILE_DESCRIPTOR_SET];
    sets.map(|set| {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(set).expect("it can be written");
        file
    })
}

/// A watch of Services that was told of all there is.
async fn service_watch(url: &str) -> tonic::Streaming<v1::WatchServicesResponse> {
    let request = v1::WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        ..v1::WatchServicesRequest::default()
    };
    let watch = ServiceApiClient::new(channel(url))
        .watch_services(request)
        .await;
    let mut watch = watch.expect("a watch").into_inner();
    loop {
        let message = watch.message().await.expect("it goes on");
        if message.expect("it goes on").r#type() == v1::WatchEventType::Synced {
            return watch;
        }
    }
}

#[test]
fn a_watch_of_a_server_that_ends() {
    let mut server = Server::start(None, &Store::Sqlite, &[]);
    end_watches(&ROWS[SHUTTING_DOWN], &mut server, |server| {
        server.process.signal(Signal::SIGTERM);
    });
}

#[test]
fn a_watch_of_a_store_that_somebody_wrote_into() {
    let url = block_on(fresh_database()).expect("a database");
    let mut server = Server::start(None, &Store::Postgres(url.clone()), &[]);
    psql(
        &url,
        "INSERT INTO ip_claims (cluster, address, owner_uid, owner, state) VALUES ('default', '10.96.0.7', gen_random_uuid(), 'default/nobody', 'held')",
    );
    end_watches(&ROWS[RELOADED], &mut server, |server| {
        let request = "{'parent': 'NS', 'serviceId': 'web', 'service': {'spec': {'clusterIPs': ['10.96.0.7'], 'ports': [{'port': 80}]}}}";
        let status = by_tonic(&server.url(), "ServiceAPI/CreateService", request);
        let info = status.expect_err("taken").get_details_error_info();
        assert_eq!(info.expect("a reason").reason, "CLUSTER_IP_IN_USE");
    });
}

#[test]
fn the_stream_of_a_node_that_is_deleted() {
    let server = Server::start(None, &Store::Sqlite, &[]);
    let status = block_on(async {
        let mut node = Node::connect(&server.url(), "n1").await.expect("a stream");
        node.reach(1).await.expect("a snapshot");
        let (url, deleted) = (server.url(), "{'name': 'clusters/default/nodes/n1'}");
        let delete = move || by_tonic(&url, "NodeAPI/DeleteNode", deleted);
        std::thread::spawn(delete)
            .join()
            .expect("it ends")
            .expect("it is deleted");
        node.reach(u64::MAX).await.expect_err("the stream ends")
    });
    ROWS[NODE_DELETED].check_status(&status);
}
