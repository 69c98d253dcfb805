//! Lists: what fits, in order, page by page, as of one revision.

use portolan_proto::v1;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use v1::cluster_api_server::ClusterApi;
use v1::endpoint_api_server::EndpointApi;
use v1::event_api_server::EventApi;
use v1::namespace_api_server::NamespaceApi;
use v1::node_api_server::NodeApi;
use v1::service_api_server::ServiceApi;
use v1::service_cidr_api_server::ServiceCidrApi;
use v1::workload_api_server::WorkloadApi;

use super::{NAMESPACE, Server, fields, why};

fn request(filter: &str, order_by: &str) -> v1::ListServicesRequest {
    v1::ListServicesRequest {
        parent: NAMESPACE.to_owned(),
        page_size: 7,
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        ..v1::ListServicesRequest::default()
    }
}

async fn page(
    server: &Server,
    request: &v1::ListServicesRequest,
) -> Result<v1::ListServicesResponse, Status> {
    let listed = server
        .api
        .list_services(Request::new(request.clone()))
        .await;
    listed.map(tonic::Response::into_inner)
}

/// All pages; something happens between them. Every page shows the same revision, which comes first.
async fn pages(
    server: &Server,
    mut request: v1::ListServicesRequest,
    mut between: impl AsyncFnMut(),
) -> (u64, Vec<v1::Service>) {
    let mut all = Vec::new();
    let mut revision = None;
    loop {
        let page = page(server, &request).await.unwrap();
        assert_eq!(*revision.get_or_insert(page.revision), page.revision);
        all.extend(page.services);
        if page.next_page_token.is_empty() {
            return (page.revision, all);
        }
        request.page_token = page.next_page_token;
        between().await;
    }
}

fn names(services: &[v1::Service]) -> Vec<&str> {
    services.iter().map(last_part).collect()
}

fn last_part(service: &v1::Service) -> &str {
    service.name.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn all_pages_show_the_revision_of_the_first_whatever_happens_between_them() {
    let server = Server::start().await;
    for i in 0..20 {
        let app = if i % 2 == 0 { "even" } else { "odd" };
        server
            .put_service(&format!("s{i:02}"), &[("app", app)])
            .await;
    }
    for (name, ready) in [("p1", true), ("p2", false), ("p3", true)] {
        server.put_pair(name, ready).await;
    }
    for (filter, order_by) in [
        ("", ""),
        ("", "name desc"),
        ("", "create_time desc"),
        ("", "update_time, name desc"),
        ("labels.app = even", ""),
        ("NOT labels.app = even", "create_time"),
        ("name = *1* OR ready", ""),
        ("has_endpoints = false", "name desc"),
    ] {
        let all = v1::ListServicesRequest {
            page_size: 1000,
            ..request(filter, order_by)
        };
        let (revision, want) = pages(&server, all, async || {}).await;
        let mut round = 0;
        let (shown, found) = pages(&server, request(filter, order_by), async || {
            round += 1;
            server
                .put_service("s03", &[("app", "even"), ("round", &round.to_string())])
                .await;
            server.put_service("a-new", &[("app", "even")]).await;
            server.delete_service("s05").await;
            server
                .put_workload("p1", &[("app", "p1")], round % 2 == 0)
                .await;
        })
        .await;
        let row = format!("{filter} by {order_by}");
        assert_eq!((shown, names(&found)), (revision, names(&want)), "{row}");
        let plain = |service: &v1::Service| (service.labels.clone(), service.revision);
        assert!(found.iter().map(plain).eq(want.iter().map(plain)), "{row}");
        // As it was before.
        server.delete_service("a-new").await;
        server.put_service("s03", &[("app", "odd")]).await;
        server.put_service("s05", &[("app", "odd")]).await;
        server.put_workload("p1", &[("app", "p1")], true).await;
    }
}

#[tokio::test]
async fn orders_sort_across_pages() {
    let server = Server::start().await;
    for name in ["m", "z", "a", "q", "b", "y", "c", "x", "d"] {
        server.put_service(name, &[]).await;
    }
    for (order_by, want) in [
        ("", "a b c d m q x y z"),
        ("name desc", "z y x q m d c b a"),
        ("create_time", "m z a q b y c x d"),
        ("create_time desc, name", "d x c y b q a z m"),
    ] {
        let small = v1::ListServicesRequest {
            page_size: 2,
            ..request("", order_by)
        };
        let (_, found) = pages(&server, small, async || {}).await;
        assert_eq!(names(&found).join(" "), want, "{order_by}");
    }
}

#[tokio::test]
async fn a_token_of_other_arguments_is_refused() {
    let server = Server::start().await;
    for i in 0..9 {
        server.put_service(&format!("s{i}"), &[]).await;
    }
    let first = request("name = s*", "create_time");
    let token = page(&server, &first).await.unwrap().next_page_token;
    let with = |change: fn(&mut v1::ListServicesRequest)| {
        let mut request = v1::ListServicesRequest {
            page_token: token.clone(),
            ..first.clone()
        };
        change(&mut request);
        request
    };
    let fits = with(|request| request.page_size = 2);
    assert_eq!(page(&server, &fits).await.unwrap().services.len(), 2);
    for (what, request) in [
        ("filter", with(|request| request.filter.clear())),
        ("order", with(|request| request.order_by.clear())),
        (
            "parent",
            with(|request| request.parent = "clusters/default/namespaces/-".to_owned()),
        ),
    ] {
        let refused = page(&server, &request).await.expect_err(what);
        assert_eq!(fields(&refused), ["page_token"], "{what}");
    }
    let other = v1::ListWorkloadsRequest {
        parent: NAMESPACE.to_owned(),
        filter: first.filter.clone(),
        order_by: first.order_by.clone(),
        page_token: token.clone(),
        ..v1::ListWorkloadsRequest::default()
    };
    let other = server.api.list_workloads(Request::new(other)).await;
    assert_eq!(fields(&other.unwrap_err()), ["page_token"]);
}

#[tokio::test]
async fn a_list_whose_revision_is_no_longer_kept_has_to_start_again() {
    let server = Server::start().await;
    for i in 0..9 {
        server.put_service(&format!("s{i}"), &[]).await;
    }
    let mut request = request("", "");
    request.page_token = page(&server, &request).await.unwrap().next_page_token;
    assert!(page(&server, &request).await.is_ok());
    server.flood().await;
    let compacted = page(&server, &request).await.unwrap_err();
    assert_eq!(
        why(&compacted),
        (Code::OutOfRange, "REVISION_COMPACTED".to_owned())
    );
    let metadata = compacted.get_details_error_info().unwrap().metadata;
    let oldest: u64 = metadata["oldest_revision"].parse().unwrap();
    assert!(oldest > 9 && oldest < server.revision(), "{oldest}");
}

/// Asks every list, and tells which rows said what.
macro_rules! ask_all {
    ($server:ident, $filter:expr, $order_by:expr; $($list:ident($request:ident $($parent:expr)?)),*) => {
        vec![$({
            let request = v1::$request {
                $(parent: $parent.to_owned(),)?
                filter: $filter.to_owned(),
                order_by: $order_by.to_owned(),
                ..v1::$request::default()
            };
            let listed = $server.api.$list(Request::new(request)).await;
            (stringify!($list), listed.map(|_| ()))
        }),*]
    };
}

async fn everywhere(
    server: &Server,
    filter: &str,
    order_by: &str,
) -> Vec<(&'static str, Result<(), Status>)> {
    let cluster = "clusters/default";
    ask_all!(server, filter, order_by;
        list_services(ListServicesRequest NAMESPACE), list_workloads(ListWorkloadsRequest NAMESPACE),
        list_endpoints(ListEndpointsRequest NAMESPACE), list_nodes(ListNodesRequest cluster),
        list_namespaces(ListNamespacesRequest cluster), list_service_cidrs(ListServiceCidrsRequest cluster),
        list_events(ListEventsRequest cluster), list_clusters(ListClustersRequest))
}

#[tokio::test]
async fn every_list_says_what_is_wrong_with_filter_and_order() {
    let server = Server::start().await;
    for (list, listed) in everywhere(&server, "colour = red", "colour").await {
        let refused = listed.expect_err(list);
        assert_eq!(fields(&refused), ["filter", "order_by"], "{list}");
        let message = refused.message();
        assert!(message.contains("at character 1: "), "{list}: {message}");
        assert_eq!(message.matches("known are").count(), 2, "{list}: {message}");
    }
    for (list, listed) in everywhere(&server, "", "").await {
        listed.expect(list);
    }
}

#[tokio::test]
async fn no_list_shows_several_clusters_at_once() {
    let server = Server::start().await;
    let parents = ["clusters/-", "clusters/-/namespaces/-"];
    for (list, listed) in ask_all!(server, "", "";
        list_services(ListServicesRequest parents[1]), list_workloads(ListWorkloadsRequest parents[1]),
        list_endpoints(ListEndpointsRequest parents[1]), list_nodes(ListNodesRequest parents[0]),
        list_namespaces(ListNamespacesRequest parents[0]), list_events(ListEventsRequest parents[0]),
        list_service_cidrs(ListServiceCidrsRequest parents[0]))
    {
        let refused = listed.expect_err(list);
        assert_eq!(fields(&refused), ["parent"], "{list}");
        assert!(
            refused.message().contains("ListClusters"),
            "{list}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn small_lists_are_filtered_and_paged_too() {
    let server = Server::start().await;
    server.cluster("east").await;
    server.cluster("west").await;
    let list = async |filter: &str, page_token: &str| {
        let request = v1::ListClustersRequest {
            page_size: 2,
            page_token: page_token.to_owned(),
            filter: filter.to_owned(),
            order_by: "name desc".to_owned(),
        };
        let listed = server.api.list_clusters(Request::new(request)).await;
        let page = listed.unwrap().into_inner();
        let names: Vec<_> = page.clusters.into_iter().map(|c| c.name).collect();
        (names.join(" "), page.next_page_token)
    };
    let (first, token) = list("", "").await;
    let (second, end) = list("", &token).await;
    assert_eq!(
        (first.as_str(), second.as_str(), end.as_str()),
        ("clusters/west clusters/east", "clusters/default", "")
    );
    assert_eq!(
        list("name = *st", "").await.0,
        "clusters/west clusters/east"
    );
}

#[tokio::test]
async fn events_go_back_page_by_page_and_can_be_chosen() {
    let server = Server::start().await;
    for i in 0..5 {
        server.put_service(&format!("s{i}"), &[]).await;
    }
    let ask = async |below: &str, filter: &str, order_by: &str, page_token: &str| {
        let request = v1::ListEventsRequest {
            parent: format!("clusters/default{below}"),
            page_size: 2,
            page_token: page_token.to_owned(),
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
        };
        server.api.list_events(Request::new(request)).await
    };
    let list = async |filter: &str, order_by: &str, page_token: &str| {
        let listed = ask("", filter, order_by, page_token).await;
        let page = listed.unwrap().into_inner();
        let object = |event: v1::Event| event.object.rsplit('/').next().unwrap().to_owned();
        let objects: Vec<_> = page.events.into_iter().map(object).collect();
        (objects.join(" "), page.next_page_token)
    };
    // Events are recorded in bulk, a little later.
    let all_there = async {
        while list("object = *s4", "", "").await.0 != "s4" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::DEADLINE, all_there)
        .await
        .unwrap();
    let mut token = String::new();
    for want in ["s3 s4", "s1 s2", "s0"] {
        let (objects, next) = list("", "", &token).await;
        assert_eq!(objects, want);
        token = next;
    }
    assert_eq!(token, "");
    assert_eq!(list("", "object", "").await.0, "s0 s1");
    assert_eq!(
        list("reason = ClusterIPAllocated object = *s2", "", "")
            .await
            .0,
        "s2"
    );
    assert_eq!(list("type = WARNING", "", "").await.0, "");
    for all in ["/namespaces/-", "/namespaces/default/services/-"] {
        let listed = ask(all, "", "object", "").await.unwrap().into_inner();
        assert!(listed.events[0].object.ends_with("services/s0"), "{all}");
    }
    let mixed = ask("/namespaces/-/services/s1", "", "", "").await;
    assert_eq!(fields(&mixed.unwrap_err()), ["parent"]);
}
