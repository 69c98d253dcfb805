//! What settings no longer allow stays as long as it is sent back unchanged: who changes a label need not mend an address.
//! Nodes are not told of it meanwhile, and everybody can see why.

use portolan_proto::v1;
use portolan_tests::api::block_on;
use tonic::{Response, Status};

use crate::cluster::{Cluster, texts};
use crate::expect::{FAILED, assert_refused};
use crate::specs::{cluster_ip, headless};
use crate::stores::ControlPlane;

on_every_store!(
    s_a_workload_stays_where_a_range_came_over_it_and_says_so,
    s_a_workload_stays_where_endpoint_ranges_no_longer_reach,
    s_endpoints_written_by_hand_stay_where_ranges_no_longer_reach,
);

fn read(cluster: &Cluster, name: &str) -> v1::Workload {
    let request = v1::GetWorkloadRequest {
        name: format!("{}/workloads/{name}", cluster.namespace()),
        ..v1::GetWorkloadRequest::default()
    };
    let read = block_on(cluster.workloads().get_workload(request));
    read.expect("the workload").into_inner()
}

/// A write of everything, as it was read or changed since.
fn put(cluster: &Cluster, workload: v1::Workload) -> Result<v1::Workload, Status> {
    let request = v1::UpdateWorkloadRequest {
        workload: Some(workload),
        update_mask: Some(prost_types::FieldMask {
            paths: texts(&["*"]),
        }),
        ..v1::UpdateWorkloadRequest::default()
    };
    block_on(cluster.workloads().update_workload(request)).map(Response::into_inner)
}

fn narrow(cluster: &Cluster, range: &str) {
    let spec = v1::ClusterSpec {
        endpoint_ranges: texts(&[range]),
        ..v1::ClusterSpec::default()
    };
    let request = v1::UpdateClusterRequest {
        cluster: Some(v1::Cluster {
            name: cluster.name.clone(),
            spec: Some(spec),
            ..v1::Cluster::default()
        }),
        ..v1::UpdateClusterRequest::default()
    };
    block_on(cluster.clusters().update_cluster(request)).expect("narrower ranges");
}

fn condition(conditions: &[v1::Condition], kind: &str) -> Option<(bool, String, String)> {
    let found = conditions.iter().find(|c| c.r#type == kind)?;
    let holds = found.status() == v1::ConditionStatus::True;
    Some((holds, found.reason.clone(), found.message.clone()))
}

fn of_workload(cluster: &Cluster, name: &str) -> Option<(bool, String, String)> {
    let status = read(cluster, name).status.expect("a status");
    condition(&status.conditions, "NotAdmitted")
}

/// Unchanged and with another label it may stay; with another address it may not.
fn assert_ratchet(cluster: &Cluster, name: &str, other: &str, allowed: &str) {
    let stored = read(cluster, name);
    let revision = stored.revision;
    let same = put(cluster, stored.clone()).expect("unchanged");
    assert_eq!(same.revision, revision, "nothing was written");
    let mut labelled = stored.clone();
    labelled.etag.clear();
    labelled
        .labels
        .insert("tier".to_owned(), "front".to_owned());
    let after = put(cluster, labelled.clone()).expect("another label");
    assert_eq!(after.labels, labelled.labels);
    assert_eq!(after.spec, stored.spec);
    let moved = |address: &str| {
        let mut moved = labelled.clone();
        let spec = moved.spec.as_mut().expect("a specification");
        spec.addresses = texts(&[address]);
        put(cluster, moved)
    };
    let reason = assert_refused(other, moved(other), FAILED, "workload.spec.addresses[0]");
    assert_eq!(reason, "RANGE");
    moved(allowed).expect("an address that is allowed");
    let back = stored.spec.expect("a specification").addresses;
    let back = moved(&back[0]);
    assert_refused("back again", back, FAILED, "workload.spec.addresses[0]");
}

fn s_a_workload_stays_where_a_range_came_over_it_and_says_so(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("web-1", &[("app", "web")], &["10.244.1.1"]);
    assert_eq!(of_workload(&cluster, "web-1"), None);
    // Over an endpoint it is refused, but this workload is nobody's yet.
    let range = cluster.add_range("late", &["10.244.0.0/16"]);
    range.expect("a range over a workload");
    cluster.created("web", headless());
    let (holds, reason, message) = of_workload(&cluster, "web-1").expect("a condition");
    assert_eq!((holds, reason.as_str()), (true, "AddressNotAllowed"));
    for part in ["10.244.1.1", "ServiceCIDR 10.244.0.0/16"] {
        assert!(message.contains(part), "no {part} in {message}");
    }
    let status = cluster.get("web").status.expect("a status");
    let (holds, reason, message) =
        condition(&status.conditions, "EndpointsResolved").expect("a condition");
    assert_eq!(
        (holds, reason.as_str()),
        (false, "NotAdmitted"),
        "{message}"
    );
    let request = v1::ExplainServiceRequest {
        name: cluster.service_name("web"),
        ..v1::ExplainServiceRequest::default()
    };
    let said = block_on(cluster.services().explain_service(request)).expect("an explanation");
    let said = said.into_inner().findings;
    let finding = said.iter().find(|f| f.code == "ENDPOINT_NOT_ADMITTED");
    let finding = finding.unwrap_or_else(|| panic!("{said:?}"));
    assert!(finding.cause.contains("workload web-1"), "{finding:?}");
    let name = format!("{}/workloads/web-1", cluster.namespace());
    assert_eq!(finding.subjects, [name]);
    assert_ratchet(&cluster, "web-1", "10.244.1.2", "10.245.1.1");
    assert_eq!(of_workload(&cluster, "web-1"), None, "it moved");
}

fn s_a_workload_stays_where_endpoint_ranges_no_longer_reach(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.workload("web-1", &[("app", "web")], &["10.244.1.1"]);
    narrow(&cluster, "10.245.0.0/16");
    assert_ratchet(&cluster, "web-1", "10.246.1.2", "10.245.1.1");
}

fn s_endpoints_written_by_hand_stay_where_ranges_no_longer_reach(plane: &'static ControlPlane) {
    let cluster = plane.single();
    cluster.created("web", cluster_ip());
    let at = |address: &str, weight| v1::EndpointSpec {
        address: address.to_owned(),
        ports: vec![v1::EndpointPort {
            port: 8080,
            ..v1::EndpointPort::default()
        }],
        weight,
        ..v1::EndpointSpec::default()
    };
    let write = |specs: Vec<_>| cluster.write_endpoints("web", "Endpoints/web", specs);
    let old = || at("10.244.1.1", None);
    let revision = write(vec![old()]).expect("allowed then").revision;
    narrow(&cluster, "10.245.0.0/16");
    let kept = write(vec![old()]).expect("unchanged").revision;
    assert!(kept <= revision + 1, "nothing was written but the ranges");
    write(vec![old(), at("10.245.1.1", None)]).expect("beside one that is allowed");
    let other = write(vec![old(), at("10.246.1.1", None)]);
    assert_refused("another one", other, FAILED, "endpoints[1].spec.address");
    write(vec![at("10.245.1.1", None)]).expect("it goes");
    assert_refused(
        "back again",
        write(vec![old()]),
        FAILED,
        "endpoints[0].spec.address",
    );
}
