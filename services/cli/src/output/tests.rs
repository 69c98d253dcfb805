use portolan_proto::v1;
use prost_types::Timestamp;

use super::table::Table;
use super::{document, header, row};
use crate::kind::Kind;
use crate::kinds::service::describe::service as describe_service;
use crate::kinds::workload::describe::workload as describe_workload;
use crate::manifest::{self, Item, Reading, Scope};
use crate::object::Object;

mod fields;
mod properties;

/// 2024-05-01T10:00:00Z, and three minutes and four seconds later.
const CREATED: i64 = 1_714_557_600;
const NOW: i64 = CREATED + 184;

fn created() -> Timestamp {
    Timestamp {
        seconds: CREATED,
        nanos: 5,
    }
}

fn now() -> Timestamp {
    Timestamp {
        seconds: NOW,
        nanos: 0,
    }
}

/// What is in the manifest, as a server would send it back.
fn stored(text: &str) -> Object {
    let scope = Scope {
        cluster: "default".into(),
        namespace: None,
    };
    let Reading::Manifest(manifest) = manifest::read("f", text, &scope).remove(0) else {
        panic!("{text}");
    };
    match manifest.item {
        Item::Service(service) => Object::Service(v1::Service {
            create_time: Some(created()),
            ..service
        }),
        Item::Workload(workload) => Object::Workload(v1::Workload {
            create_time: Some(created()),
            ..workload
        }),
        Item::Namespace(request) => Object::Namespace(v1::Namespace {
            create_time: Some(created()),
            ..request.namespace.unwrap()
        }),
        Item::Node(node) => Object::Node(node),
        Item::Cluster(request) => Object::Cluster(request.cluster.unwrap()),
        Item::ServiceCidr(range) => Object::ServiceCidr(range),
        Item::Endpoints(request) => Object::Endpoint(v1::Endpoint {
            name: format!(
                "{}-endpoint",
                request.service.replace("services", "endpoints")
            ),
            create_time: Some(created()),
            ..request.endpoints[0].clone()
        }),
    }
}

fn service(name: &str, spec: &str) -> Object {
    stored(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}"
    ))
}

fn table(kind: Kind, wide: bool, objects: &[Object]) -> String {
    let mut table = Table::new(header(kind, wide));
    for object in objects {
        table.push(row(object, wide, now()));
    }
    table.render(&mut Vec::new(), true)
}

#[test]
fn services_look_as_in_kubectl() {
    let mut balanced = service(
        "balanced",
        "type: LoadBalancer, clusterIP: 10.96.0.4, ports: [{port: 443}]",
    );
    let Object::Service(inner) = &mut balanced else {
        unreachable!()
    };
    let ingress = ["203.0.113.10", "203.0.113.9"].map(|ip| v1::LoadBalancerIngress {
        ip: ip.to_owned(),
        hostname: String::new(),
    });
    inner.status = Some(v1::ServiceStatus {
        load_balancer: Some(v1::LoadBalancerStatus {
            ingress: ingress.to_vec(),
        }),
        ..v1::ServiceStatus::default()
    });
    let services = [
        service(
            "web",
            "clusterIP: 10.96.0.1, selector: {app: web, tier: api}, ports: [{name: a, port: 80}, {name: b, port: 53, protocol: UDP}]",
        ),
        service(
            "front",
            "type: NodePort, clusterIP: 10.96.0.2, ports: [{port: 80, nodePort: 30080}]",
        ),
        service("headless", "clusterIP: None, selector: {app: web}"),
        service("db", "type: ExternalName, externalName: db.example.com"),
        service(
            "pending",
            "type: LoadBalancer, clusterIP: 10.96.0.3, ports: [{port: 443}]",
        ),
        balanced,
    ];
    assert_eq!(
        table(Kind::Service, false, &services),
        "\
NAME       TYPE           CLUSTER-IP   EXTERNAL-IP        PORT(S)         AGE
web        ClusterIP      10.96.0.1    <none>             80/TCP,53/UDP   3m4s
front      NodePort       10.96.0.2    <none>             80:30080/TCP    3m4s
headless   ClusterIP      None         <none>             <none>          3m4s
db         ExternalName   <none>       db.example.com     <none>          3m4s
pending    LoadBalancer   10.96.0.3    <pending>          443/TCP         3m4s
balanced   LoadBalancer   10.96.0.4    203.0.113.10,...   443/TCP         3m4s
"
    );
    assert_eq!(
        table(Kind::Service, true, &[services[0].clone(), services[5].clone()]),
        "\
NAME       TYPE           CLUSTER-IP   EXTERNAL-IP                PORT(S)         AGE    SELECTOR
web        ClusterIP      10.96.0.1    <none>                     80/TCP,53/UDP   3m4s   app=web,tier=api
balanced   LoadBalancer   10.96.0.4    203.0.113.10,203.0.113.9   443/TCP         3m4s   <none>
"
    );
}

const WORKLOAD: &str = "
apiVersion: portolan/v1
kind: Workload
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec:
  addresses: [10.1.0.5]
  node: node-a
  ports: [{name: http, port: 8080}]
  readinessProbe: {httpGet: {path: /ready, port: http, httpHeaders: [{name: X-A, value: ''}]}, periodSeconds: 5}
  reportedReady: false
";

const SLICE: &str = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
ports: [{name: sql, port: 5432}]
endpoints: [{addresses: [10.0.0.1], nodeName: node-a, conditions: {ready: false, serving: true, terminating: true}}]
";

fn cluster() -> v1::Cluster {
    v1::Cluster {
        name: "clusters/default".into(),
        create_time: Some(created()),
        ..v1::Cluster::default()
    }
}

fn range() -> v1::ServiceCidr {
    v1::ServiceCidr {
        name: "clusters/default/serviceCidrs/kubernetes".into(),
        create_time: Some(created()),
        spec: Some(v1::ServiceCidrSpec {
            cidrs: vec!["10.96.0.0/12".into()],
        }),
        status: Some(v1::ServiceCidrStatus {
            usage: vec![v1::RangeUsage {
                used: 3,
                capacity: 1_048_574,
                ..v1::RangeUsage::default()
            }],
            state: v1::ServiceCidrState::Ready.into(),
            ..v1::ServiceCidrStatus::default()
        }),
        ..v1::ServiceCidr::default()
    }
}

fn node() -> v1::Node {
    v1::Node {
        name: "clusters/default/nodes/node-a".into(),
        create_time: Some(created()),
        spec: Some(v1::NodeSpec {
            addresses: vec!["192.0.2.1".into()],
            dataplane: "userspace".into(),
            ..v1::NodeSpec::default()
        }),
        status: Some(v1::NodeStatus {
            connected: true,
            attempted_revision: 42,
            ..v1::NodeStatus::default()
        }),
        ..v1::Node::default()
    }
}

#[test]
fn the_other_kinds_have_their_own_columns() {
    let rows: &[(Kind, Object, &str)] = &[
        (
            Kind::Workload,
            stored(WORKLOAD),
            "NAME    ADDRESSES   NODE     READY     AGE\nweb-0   10.1.0.5    node-a   Unknown   3m4s\n",
        ),
        (
            Kind::Endpoint,
            stored(SLICE),
            "NAME          SERVICE   ADDRESS    PORTS          READY                 NODE     ORIGIN\n\
             db-endpoint             10.0.0.1   sql:5432/TCP   serving,terminating   node-a   <none>\n",
        ),
        (
            Kind::Namespace,
            stored("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
            "NAME   STATUS   AGE\nshop   Active   3m4s\n",
        ),
        (
            Kind::Node,
            node().into(),
            "NAME     STATUS      DATAPLANE   ADDRESSES   ZONE     REVISION   AGE\n\
             node-a   Connected   userspace   192.0.2.1   <none>   42         3m4s\n",
        ),
        (
            Kind::ServiceCidr,
            range().into(),
            "NAME         CIDRS          USED   CAPACITY   STATE   AGE\n\
             kubernetes   10.96.0.0/12   3      1048574    Ready   3m4s\n",
        ),
        (
            Kind::Cluster,
            cluster().into(),
            "NAME      REVISION   NODES   SERVICE-IPS   NODE-PORTS   AGE\n\
             default   0          0       <none>        <none>       3m4s\n",
        ),
    ];
    for (kind, object, text) in rows {
        assert_eq!(table(*kind, false, std::slice::from_ref(object)), *text);
        assert_eq!(
            row(object, true, now()).len(),
            header(*kind, true).len(),
            "{kind:?}"
        );
    }
}

#[test]
fn a_service_is_written_as_kubernetes_writes_it() {
    let object = service(
        "web",
        "type: NodePort, clusterIP: 10.96.0.1, selector: {'on': 'yes'}, ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]",
    );
    let Object::Service(service) = object else {
        unreachable!()
    };
    let object = Object::Service(v1::Service {
        uid: "0f0e0d0c-0b0a-4908-8706-050403020100".into(),
        generation: 2,
        revision: 17,
        ..service
    });
    assert_eq!(
        document(&object).to_yaml(),
        "\
apiVersion: v1
kind: Service
metadata:
  name: web
  uid: \"0f0e0d0c-0b0a-4908-8706-050403020100\"
  resourceVersion: \"17\"
  creationTimestamp: \"2024-05-01T10:00:00Z\"
  namespace: default
  generation: 2
spec:
  type: NodePort
  selector:
    \"on\": \"yes\"
  clusterIP: 10.96.0.1
  clusterIPs:
  - 10.96.0.1
  ports:
  - name: http
    port: 80
    targetPort: 8080
    nodePort: 30080
"
    );
}

const DESCRIBED: &str = "\
Name:                     web
Namespace:                default
Labels:                   <none>
Annotations:              <none>
Selector:                 app=web
Type:                     ClusterIP
IP:                       10.96.0.1
IPs:                      10.96.0.1
Port:                     http  80/TCP
TargetPort:               web/TCP
Endpoints:                10.1.0.2:8080,10.1.0.3:8080,10.1.0.4:8080 + 1 more... (1 not ready)
Session Affinity:         None
Nodes:                    2 of 3 programmed
Conditions:
  Type         Status   Reason    Message
  Programmed   False    Pending   node-c lags
Events:
  Type      Reason      Age                   From     Message
  Warning   PortInUse   3m4s (x2 over 3m4s)   node-a   node port 30080
";

#[test]
fn describe_shows_a_service_with_its_endpoints_and_events() {
    let Object::Service(mut service) = service(
        "web",
        "clusterIP: 10.96.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]",
    ) else {
        unreachable!()
    };
    service.status = Some(v1::ServiceStatus {
        nodes: 3,
        programmed_nodes: 2,
        conditions: vec![v1::Condition {
            r#type: "Programmed".into(),
            status: v1::ConditionStatus::False.into(),
            reason: "Pending".into(),
            message: "node-c lags".into(),
            ..v1::Condition::default()
        }],
        ..v1::ServiceStatus::default()
    });
    let endpoint = |i: u8| v1::Endpoint {
        spec: Some(v1::EndpointSpec {
            address: format!("10.1.0.{i}"),
            ready: Some(i > 1),
            ports: vec![v1::EndpointPort {
                service_port: "http".into(),
                port: 8080,
                protocol: v1::Protocol::Tcp.into(),
            }],
            ..v1::EndpointSpec::default()
        }),
        ..v1::Endpoint::default()
    };
    let endpoints: Vec<_> = (1..=5).map(endpoint).collect();
    let event = v1::Event {
        r#type: v1::EventType::Warning.into(),
        reason: "PortInUse".into(),
        message: "node port\n30080".into(),
        component: "node-a".into(),
        count: 2,
        first_time: Some(created()),
        last_time: Some(created()),
        ..v1::Event::default()
    };
    assert_eq!(
        describe_service(&service, &endpoints, &[event], now()),
        DESCRIBED
    );
}

#[test]
fn describe_shows_a_workload_with_its_probe() {
    let Object::Workload(workload) = stored(WORKLOAD) else {
        unreachable!()
    };
    let text = describe_workload(&workload, &[], &[], now());
    let probe = "Readiness Probe:          http-get :http/ready delay=0s timeout=1s period=5s #success=1 #failure=3\n";
    assert!(text.contains(probe), "{text}");
    assert!(
        text.ends_with("Conditions:               <none>\nEvents:                   <none>\n"),
        "{text}"
    );
}

#[test]
fn a_workload_that_is_written_is_read_back() {
    let object = stored(WORKLOAD);
    assert_eq!(stored(&document(&object).to_yaml()), object);
}
