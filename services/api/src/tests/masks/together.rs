//! Parts of one field that several write at once, and parts of what is not there.

use futures_util::future::join_all;
use tonic::Code;

use super::*;

const WRITERS: usize = 100;

fn label(i: usize) -> v1::UpdateWorkloadRequest {
    let labels = BTreeMap::from([
        (format!("writer-{i}"), i.to_string()),
        ("app".to_owned(), "not mine".to_owned()),
    ]);
    update(&[&format!("labels.writer-{i}")], labels, None)
}

fn update(
    paths: &[&str],
    labels: BTreeMap<String, String>,
    probe: Option<v1::Probe>,
) -> v1::UpdateWorkloadRequest {
    v1::UpdateWorkloadRequest {
        workload: Some(v1::Workload {
            name: within("workloads"),
            labels,
            spec: Some(v1::WorkloadSpec {
                addresses: vec!["192.0.2.1".to_owned()],
                readiness_probe: probe,
                ..v1::WorkloadSpec::default()
            }),
            ..v1::Workload::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..v1::UpdateWorkloadRequest::default()
    }
}

async fn created(server: &Server) -> v1::Workload {
    let message = v1::Workload {
        labels: [("app".to_owned(), "web".to_owned())].into(),
        ..update(&[], BTreeMap::new(), None).workload.unwrap()
    };
    Masked::create(server, message).await
}

#[tokio::test]
async fn everybody_keeps_the_labels_of_all_others() {
    let server = Server::start().await;
    created(&server).await;
    let writes = (0..WRITERS).map(|i| server.api.update_workload(Request::new(label(i))));
    for written in join_all(writes).await {
        written.unwrap();
    }
    let mut expected: BTreeMap<_, _> = (0..WRITERS)
        .map(|i| (format!("writer-{i}"), i.to_string()))
        .collect();
    expected.insert("app".to_owned(), "web".to_owned());
    assert_eq!(v1::Workload::get(&server).await.labels, expected);
}

#[tokio::test]
async fn what_is_created_is_taken_as_a_whole() {
    let server = Server::start().await;
    let labels =
        BTreeMap::from([("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let mut request = update(&["labels.a"], labels.clone(), None);
    let absent = server
        .api
        .update_workload(Request::new(request.clone()))
        .await;
    assert_eq!(absent.unwrap_err().code(), Code::NotFound);
    request.allow_missing = true;
    server
        .api
        .update_workload(Request::new(request))
        .await
        .unwrap();
    assert_eq!(v1::Workload::get(&server).await.labels, labels);
}

#[tokio::test]
async fn what_does_not_fit_what_is_there_is_refused_on_the_requests_field() {
    let server = Server::start().await;
    let before = created(&server).await;
    let probe = v1::Probe {
        period_seconds: 5,
        ..v1::Probe::default()
    };
    let path = "spec.readiness_probe.period_seconds";
    let request = update(&[path], BTreeMap::new(), Some(probe));
    let refused = server.api.update_workload(Request::new(request)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["workload.spec.readiness_probe"]);
    let bad = BTreeMap::from([("a".to_owned(), "no value!".to_owned())]);
    let request = update(&["labels.a"], bad, None);
    let refused = server.api.update_workload(Request::new(request)).await;
    let refused = fields(&refused.unwrap_err());
    assert!(refused[0].starts_with("workload.labels"), "{refused:?}");
    assert_eq!(v1::Workload::get(&server).await, before);
}

#[tokio::test]
async fn what_is_not_named_is_not_looked_at() {
    let server = Server::start().await;
    created(&server).await;
    for path in ["labels.writer-1", "labels", "spec.hostname"] {
        let mut request = update(&[path], BTreeMap::new(), None);
        let spec = request.workload.as_mut().unwrap().spec.as_mut().unwrap();
        spec.addresses = vec!["no address".to_owned()];
        let written = server.api.update_workload(Request::new(request)).await;
        let spec = written.unwrap().into_inner().spec.unwrap();
        assert_eq!(spec.addresses, ["192.0.2.1"], "{path}");
    }
}

#[tokio::test]
async fn an_etag_of_before_is_too_old_for_a_part_too() {
    let server = Server::start().await;
    let before = created(&server).await;
    let mut request = label(1);
    request.workload.as_mut().unwrap().etag = before.etag.clone();
    server
        .api
        .update_workload(Request::new(request.clone()))
        .await
        .unwrap();
    let refused = server.api.update_workload(Request::new(request)).await;
    assert_eq!(refused.unwrap_err().code(), Code::Aborted);
}
