//! Filters and orders over a small state.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Filter, Kept, Listed, Order};
use crate::{
    ClusterIps, Endpoint, Event, EventType, Labels, Meta, Name, Node, NodeSpec, Object, Origin,
    Revision, Scoped, Service, ServiceSpec, ServiceType, State, Timestamp, Uid, Workload,
    WorkloadSpec,
};

fn meta(name: &str, created: i64, labels: &[(&str, &str)]) -> Meta {
    let seed = name.bytes().fold(1, |sum, b| sum * 31 + u128::from(b));
    let pairs = labels.iter();
    Meta {
        name: Name::trusted(name),
        uid: Uid::from_random(seed << 64),
        generation: 1,
        labels: pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        annotations: Labels::new(),
        created_at: Timestamp(created),
        updated_at: Timestamp(1000 - created),
        created_in: Revision(1),
        revision: Revision(1),
    }
}

fn service(path: &str, created: i64, labels: &[(&str, &str)], spec: ServiceSpec) -> Service {
    let (namespace, name) = path.split_once('/').unwrap();
    Service {
        meta: meta(name, created, labels),
        namespace: Name::trusted(namespace),
        spec,
    }
}

fn endpoint(service: &Service, name: &str, ready: bool) -> Endpoint {
    Endpoint {
        name: Name::trusted(name),
        namespace: service.namespace.clone(),
        uid: Uid::from_random(7),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        revision: Revision(1),
        service: service.meta.name.clone(),
        service_uid: service.meta.uid,
        origin: Origin::Source("Endpoints/x".to_owned()),
        address: "192.0.2.1".parse().unwrap(),
        ports: Vec::new(),
        node: Some(Name::trusted("n1")),
        zone: "a".to_owned(),
        hostname: None,
        ready,
        serving: true,
        terminating: false,
        weight: 1,
    }
}

fn of(kind: ServiceType, address: &str) -> ServiceSpec {
    let addresses = Some(address).filter(|text| !text.is_empty());
    let addresses = addresses.map(|text| text.parse().unwrap());
    ServiceSpec {
        kind,
        cluster_ips: ClusterIps::Addresses(addresses.into_iter().collect()),
        ..ServiceSpec::default()
    }
}

/// Services a/api, a/web, a-b/web and b/db; a/web has a ready endpoint, b/db one that is not.
fn world() -> State {
    use ServiceType::{ClusterIP, LoadBalancer, NodePort};
    let tier = ("example.com/tier", "front");
    let headless = ServiceSpec {
        cluster_ips: ClusterIps::None,
        ..ServiceSpec::default()
    };
    let services = [
        service("a/api", 30, &[("app", "api")], of(NodePort, "10.0.0.1")),
        service(
            "a/web",
            10,
            &[("app", "web"), tier],
            of(ClusterIP, "fd00::1"),
        ),
        service(
            "a-b/web",
            20,
            &[("app", "web")],
            of(LoadBalancer, "10.0.0.2"),
        ),
        service("b/db", 10, &[("app", "")], headless),
    ];
    let endpoints = [
        endpoint(&services[1], "web.x", true),
        endpoint(&services[3], "db.x", false),
    ];
    let workload = |name: &str, node: &str, draining| Workload {
        meta: meta(name, 1, &[]),
        namespace: Name::trusted("a"),
        spec: WorkloadSpec {
            addresses: vec!["192.0.2.1".parse().unwrap()],
            node: Some(Name::trusted(node)),
            draining,
            reported_ready: Some(name == "up"),
            ..WorkloadSpec::default()
        },
        probe_generation: 1,
        readiness: None,
    };
    let workloads = [
        workload("up", "n1", false),
        workload("down", "n2", false),
        workload("drained", "n1", true),
    ];
    let node = Node {
        meta: meta("n9", 1, &[("rack", "r1")]),
        spec: NodeSpec {
            zone: "a".to_owned(),
            dataplane: "nftables".to_owned(),
            ..NodeSpec::default()
        },
        session: 1,
    };
    let objects = services.map(Object::from).into_iter();
    let objects = objects
        .chain(endpoints.map(Object::from))
        .chain(workloads.map(Object::from))
        .chain([Object::from(node)]);
    State::from_objects(Revision(1), objects)
}

/// `namespace/name` of what fits.
fn found<T: Kept>(filter: &str) -> Result<Vec<String>, String> {
    let state = world();
    let filter = Filter::<T>::parse(filter)?;
    let all = state.after::<T>(None, None);
    let fitting = all.filter(|it| filter.matches(&state, it));
    Ok(fitting.map(|it| it.sort_key().to_string()).collect())
}

#[test]
fn filters_choose_services() {
    for (filter, want) in [
        ("", "a/api a/web a-b/web b/db"),
        ("  ", "a/api a/web a-b/web b/db"),
        ("labels.app = \"web\"", "a/web a-b/web"),
        ("labels.app=web", "a/web a-b/web"),
        ("labels.app = 'web'", "a/web a-b/web"),
        ("labels.app != web", "a/api b/db"),
        ("labels.\"example.com/tier\" != front", "a/api a-b/web b/db"),
        ("labels.app:*", "a/api a/web a-b/web b/db"),
        ("labels.app = \"\"", "b/db"),
        ("labels.\"example.com/tier\":*", "a/web"),
        ("labels:app", "a/api a/web a-b/web b/db"),
        ("labels:\"example.com/tier\"", "a/web"),
        ("labels:none", ""),
        (
            "NOT labels.\"example.com/tier\" = front",
            "a/api a-b/web b/db",
        ),
        ("type = NODE_PORT", "a/api"),
        ("type = NodePort", "a/api"),
        ("type = SERVICE_TYPE_LOAD_BALANCER", "a-b/web"),
        ("type != CLUSTER_IP", "a/api a-b/web"),
        ("namespace = a", "a/api a/web"),
        ("namespace = a*", "a/api a/web a-b/web"),
        ("name = *b", "a/web a-b/web b/db"),
        ("name:p", "a/api"),
        ("headless", "b/db"),
        ("headless = false", "a/api a/web a-b/web"),
        ("has_endpoints = true", "a/web b/db"),
        ("has_endpoints", "a/web b/db"),
        ("NOT has_endpoints", "a/api a-b/web"),
        ("-has_endpoints", "a/api a-b/web"),
        ("has_endpoints AND NOT ready", "b/db"),
        ("cluster_ip = fd00::1", "a/web"),
        ("cluster_ip:10.0.0.2", "a-b/web"),
        ("cluster_ip = 10.0.0.*", "a/api a-b/web"),
        ("cluster_ip:*", "a/api a/web a-b/web"),
        ("name = web AND namespace = a", "a/web"),
        ("name = web namespace = a", "a/web"),
        ("name = api OR name = db", "a/api b/db"),
        // OR binds tighter than AND (AIP-160).
        ("namespace = a name = web OR name = db", "a/web"),
        (
            "namespace = a AND (name = web OR name = api)",
            "a/api a/web",
        ),
        ("(namespace = a AND name = web) OR name = db", "a/web b/db"),
        ("NOT (name = web OR name = db)", "a/api"),
    ] {
        let names = found::<Service>(filter).map(|found| found.join(" "));
        assert_eq!(names, Ok(want.to_owned()), "{filter}");
    }
}

#[test]
fn filters_choose_other_resources() {
    for (what, found, want) in [
        ("node", found::<Workload>("node = n1"), "a/drained a/up"),
        ("ready", found::<Workload>("ready"), "a/up"),
        ("not", found::<Workload>("NOT ready"), "a/down a/drained"),
        ("draining", found::<Workload>("draining"), "a/drained"),
        ("service", found::<Endpoint>("service = db"), "b/db.x"),
        (
            "zone",
            found::<Endpoint>("zone = a node = n1 ready"),
            "a/web.x",
        ),
        (
            "source",
            found::<Endpoint>("source:* AND NOT workload:*"),
            "a/web.x b/db.x",
        ),
        (
            "plane",
            found::<Node>("dataplane = nftables labels.rack = r1"),
            "/n9",
        ),
    ] {
        assert_eq!(
            found.map(|found| found.join(" ")),
            Ok(want.to_owned()),
            "{what}"
        );
    }
}

#[test]
fn a_mistake_names_its_place_and_what_is_known() {
    for (filter, place, hint) in [
        ("colour = red", 1, "known are name, namespace"),
        (
            "ready AND colour = red",
            11,
            "\"colour\" is no field of a Service",
        ),
        ("create_time = 1", 1, "no field"),
        ("type = PORT", 8, "known are CLUSTER_IP, NODE_PORT"),
        ("ready = yes", 9, "true or false"),
        ("name", 5, "=, != or : is missing"),
        ("name =", 7, "a value is expected"),
        ("name = \"web", 8, "never closed"),
        ("(name = web", 12, "a ) is missing"),
        ("name = web)", 11, "nothing to close"),
        ("name = web OR", 14, "a field is expected"),
        ("name = web AND", 15, "a field is expected"),
        ("= web", 1, "a field is expected, not '='"),
        ("labels = web", 10, "labels.KEY = VALUE"),
        (
            "labels.example.com/tier = x",
            1,
            "labels.\"example.com/tier\"",
        ),
        ("name.first = x", 1, "name has no fields"),
        ("name = a, name = b", 9, "a field is expected, not ','"),
    ] {
        let error = found::<Service>(filter).expect_err(filter);
        let at = format!("at character {place}: ");
        assert!(
            error.starts_with(&at) && error.contains(hint),
            "{filter}: {error}"
        );
    }
    let deep = "(".repeat(100);
    assert!(
        found::<Service>(&deep)
            .unwrap_err()
            .contains("nested deeper")
    );
    let long = "ready ".repeat(1000);
    assert!(
        found::<Service>(&long)
            .unwrap_err()
            .contains("at most 2048")
    );
}

#[test]
fn only_what_looks_at_other_objects_is_derived() {
    for (filter, derived) in [
        ("", false),
        ("headless", false),
        ("name = web OR has_endpoints", true),
        ("NOT (name = web ready)", true),
    ] {
        let parsed = Filter::<Service>::parse(filter).unwrap();
        assert_eq!(parsed.is_derived(), derived, "{filter}");
    }
}

fn ordered(order: &str) -> Result<String, String> {
    let state = world();
    let order = Order::<Service>::parse(order)?;
    let mut all: Vec<_> = state.after::<Service>(None, None).cloned().collect();
    all.reverse();
    all.sort_by(|a, b| order.compare(&order.position(a), &order.position(b)));
    let names: Vec<_> = all.iter().map(|it| it.key().to_string()).collect();
    Ok(names.join(" "))
}

#[test]
fn orders_sort_and_end_with_the_name() {
    for (order, want) in [
        ("", "a/api a/web a-b/web b/db"),
        ("name", "a/api a/web a-b/web b/db"),
        ("name desc", "b/db a-b/web a/web a/api"),
        ("create_time", "a/web b/db a-b/web a/api"),
        ("create_time asc", "a/web b/db a-b/web a/api"),
        ("create_time desc", "a/api a-b/web a/web b/db"),
        ("create_time, name desc", "b/db a/web a-b/web a/api"),
        (" update_time  desc ,name ", "a/web b/db a-b/web a/api"),
    ] {
        assert_eq!(ordered(order), Ok(want.to_owned()), "{order}");
    }
    for (order, hint) in [
        ("colour", "known are name, create_time, update_time"),
        ("labels", "nothing that a Service can be ordered by"),
        ("name down", "write name, or name desc"),
        ("name desc desc", "write name, or name desc"),
        ("name,", "known are"),
        ("name, name desc", "named twice"),
    ] {
        let error = ordered(order).expect_err(order);
        assert!(error.contains(hint), "{order}: {error}");
    }
}

#[test]
fn events_are_told_apart_by_everything_that_is_counted_together() {
    let event = |reason: &str, count| Event {
        object: "namespaces/a/services/web".to_owned(),
        object_uid: Uid::from_random(1),
        event_type: EventType::Warning,
        reason: reason.to_owned(),
        message: "m".to_owned(),
        component: "allocator".to_owned(),
        count,
        first_at: Timestamp(1),
        last_at: Timestamp(2),
    };
    let filter = Filter::parse("type = Warning reason = Full object = *services/web").unwrap();
    assert!(filter.matches(&State::default(), &event("Full", 1)));
    assert!(!filter.matches(&State::default(), &event("Other", 1)));
    assert_eq!(event("Full", 1).sort_key(), event("Full", 9).sort_key());
    assert_ne!(event("Full", 1).sort_key(), event("Other", 1).sort_key());
}

proptest! {
    /// Whatever is sent: an expression or an error, never a panic, and places lie within the text.
    #[test]
    fn no_text_makes_the_parsers_panic(text in prop_oneof![
        any::<String>(),
        "[a-z.:=!()\"' *\\\\-]{0,40}",
        "((NOT |-)?(name|labels\\.app|ready|type) ?(=|!=|:) ?(web|\\*|true|\"x\") ?(AND|OR|\\)|\\()? ?){0,8}",
    ]) {
        let parsed = Filter::<Service>::parse(&text);
        if let Err(error) = &parsed
            && let Some(rest) = error.strip_prefix("at character ")
        {
            let place = rest.split(':').next().unwrap().parse::<usize>().unwrap();
            prop_assert!(place <= text.chars().count() + 2, "{error}");
        }
        if let Ok(filter) = parsed {
            let state = world();
            for service in state.after::<Service>(None, None) {
                filter.matches(&state, service);
            }
        }
        drop(Order::<Service>::parse(&text));
    }

    /// A negated filter chooses exactly the rest.
    #[test]
    fn not_chooses_the_rest(
        column in prop::sample::select(vec!["name", "namespace", "labels.app", "cluster_ip"]),
        operator in prop::sample::select(vec!["=", "!=", ":"]),
        value in "[a-z*0-9.]{1,4}",
    ) {
        let filter = format!("{column} {operator} {value}");
        let (some, rest) = (found::<Service>(&filter).unwrap(), found::<Service>(&format!("NOT {filter}")).unwrap());
        prop_assert_eq!(some.len() + rest.len(), 4);
        prop_assert!(some.iter().all(|it| !rest.contains(it)));
    }

    /// Keys order as the state does, whatever characters names have.
    #[test]
    fn positions_order_as_keys_do(a in "[a-c.-]{1,3}/[a-c.-]{1,3}", b in "[a-c.-]{1,3}/[a-c.-]{1,3}") {
        let order = Order::<Service>::parse("").unwrap();
        let [a, b] = [a, b].map(|path| Arc::new(service(&path, 1, &[], ServiceSpec::default())));
        let keys: [Scoped; 2] = [a.key(), b.key()];
        let compared = order.compare(&order.position(&a), &order.position(&b));
        prop_assert_eq!(compared, keys[0].cmp(&keys[1]));
    }
}
