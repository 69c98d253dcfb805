//! Endpoints by the thousand are written as fast as the server takes them: no node that reads has to start over, and in the
//! end each holds what is listed.
//!
//! `portolan-bench -- C4` has the same with a thousand nodes, and measures it.

use std::collections::BTreeSet;
use std::time::Duration;

use portolan_model::Uid;
use portolan_model::view::ViewKind;
use portolan_proto::v1;
use portolan_proto::v1::endpoint_api_client::EndpointApiClient;
use portolan_tests::api::{NAMESPACE, Services, block_on, channel, service};
use portolan_tests::{Node, Server, Store, get};
use tokio::task::JoinSet;

const NODES: usize = 60;
/// As many as are committed together.
const SERVICES: usize = 32;
/// Of each Service.
const ENDPOINTS: u16 = 200;
/// Every endpoint is another one in each.
const ROUNDS: u16 = 3;
/// Of a node, from the last write until it has that.
const PATIENCE: Duration = Duration::from_mins(1);

fn name(number: usize) -> String {
    format!("s{number}")
}

/// Gives one Service other endpoints; the revision that did.
async fn replace(url: String, number: usize, round: u16) -> u64 {
    let endpoint = |i: u16| v1::Endpoint {
        spec: Some(v1::EndpointSpec {
            address: format!("192.{round}.{}.{}", i / 200, 1 + i % 200),
            ports: vec![v1::EndpointPort {
                port: 8080,
                ..v1::EndpointPort::default()
            }],
            ..v1::EndpointSpec::default()
        }),
        ..v1::Endpoint::default()
    };
    let request = v1::ReplaceEndpointsRequest {
        service: format!("{NAMESPACE}/services/{}", name(number)),
        source: "test".to_owned(),
        endpoints: (0..ENDPOINTS).map(endpoint).collect(),
        ..v1::ReplaceEndpointsRequest::default()
    };
    let mut client = EndpointApiClient::new(channel(&url));
    let replaced = client.replace_endpoints(request).await;
    replaced.expect("the write is right").into_inner().revision
}

/// The newest revision of writes that were sent together.
async fn newest(mut writes: JoinSet<u64>) -> u64 {
    let mut newest = 0;
    while let Some(revision) = writes.join_next().await {
        newest = newest.max(revision.expect("a write"));
    }
    newest
}

/// The identities of all endpoints that are listed.
async fn listed(url: &str) -> BTreeSet<String> {
    let mut client = EndpointApiClient::new(channel(url));
    let mut request = v1::ListEndpointsRequest {
        parent: NAMESPACE.to_owned(),
        page_size: 1000,
        ..v1::ListEndpointsRequest::default()
    };
    let mut all = BTreeSet::new();
    loop {
        let page = client.list_endpoints(request.clone()).await;
        let page = page.expect("a list").into_inner();
        all.extend(page.endpoints.into_iter().map(|endpoint| endpoint.uid));
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

/// The identities of all endpoints that a node holds.
fn held(node: &Node) -> BTreeSet<String> {
    let kind = ViewKind::Endpoint as i32;
    let endpoints = node.objects.keys().filter(|(of, _)| *of == kind);
    let uid = |uid: &[u8]| Uid::from_slice(uid).expect("16 bytes").to_string();
    endpoints.map(|(_, it)| uid(it)).collect()
}

/// Nodes that hold what there is.
async fn connect(url: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let node = Node::connect(url, &format!("n{number}")).await;
        let mut node = node.expect("a stream");
        // It counts once it has its snapshot.
        node.reach(1).await.expect("the stream begins");
        nodes.push(node);
    }
    nodes
}

/// Replaces all endpoints again and again; the last revision.
async fn write(url: &str) -> u64 {
    let mut revision = 0;
    for round in 0..ROUNDS {
        let mut writes = JoinSet::new();
        for number in 0..SERVICES {
            writes.spawn(replace(url.to_owned(), number, round));
        }
        revision = newest(writes).await;
    }
    revision
}

async fn burst(url: &str) {
    let mut services = Services::at(url);
    for number in 0..SERVICES {
        let created = services.create(&name(number), service(80)).await;
        created.expect("a Service");
    }
    let mut readers = JoinSet::new();
    let (last, told) = tokio::sync::watch::channel(0);
    for mut node in connect(url).await {
        let mut told = told.clone();
        readers.spawn(async move {
            node.follow(&mut told).await.expect("the stream goes on");
            node
        });
    }
    last.send_replace(write(url).await);
    let want = listed(url).await;
    assert_eq!(want.len(), SERVICES * usize::from(ENDPOINTS));
    let done = tokio::time::timeout(PATIENCE, readers.join_all()).await;
    let done = done.expect("every node has the last write");
    for node in &done {
        assert!(held(node) == want, "what is held, and what is listed");
        assert!(node.objects == done[0].objects, "every body");
    }
}

fn survive(store: &Store) {
    let server = Server::start(None, store, &[]);
    block_on(burst(&server.url()));
    let page = get(server.http(), "/metrics").expect("a page of metrics");
    let samples = |what: &str| {
        let prefix = format!("portolan_distributor_{what}_total");
        let lines = page.lines().filter(|line| line.starts_with(&prefix));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let snapshots = |(reason, count): (&str, usize)| {
        format!("portolan_distributor_snapshots_total{{reason=\"{reason}\"}} {count}")
    };
    let mut found = samples("snapshots");
    found.sort();
    // Each node began with one, and none had another.
    let want = [
        ("holds_nothing", NODES),
        ("other_store", 0),
        ("too_old", 0),
        ("unknown", 0),
    ];
    assert_eq!(found, want.map(snapshots));
    assert_eq!(samples("resyncs"), Vec::<String>::new());
}

#[test]
fn a_burst_has_no_node_start_over_in_memory() {
    survive(&Store::Memory);
}

#[test]
fn a_burst_has_no_node_start_over_in_sqlite() {
    survive(&Store::Sqlite);
}
