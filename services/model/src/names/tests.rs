use super::*;
use crate::view::{EndpointPortView, WhenEmpty};
use crate::{TrafficPolicy, Uid};

fn service() -> ServiceView {
    ServiceView {
        namespace: Name::trusted("shop"),
        name: Name::trusted("web"),
        frontends: Vec::new(),
        external_name: String::new(),
        headless: false,
    }
}

fn frontend(address: &str, name: &str, protocol: Protocol, port: u16) -> FrontendView {
    FrontendView {
        at: FrontendAt::Address(address.parse().expect("an address")),
        reach: Reach::Internal,
        policy: TrafficPolicy::Cluster,
        port,
        protocol,
        service_port: name.to_owned(),
        affinity_seconds: 0,
        source_ranges: Vec::new(),
        when_empty: WhenEmpty::Reject,
        node_hints_valid: false,
        zone_hints_valid: false,
    }
}

fn endpoint(
    address: &str,
    hostname: &str,
    ports: &[(&str, Option<Protocol>, u16)],
) -> EndpointView {
    let ports = ports.iter().map(|(name, protocol, port)| EndpointPortView {
        service_port: (*name).to_owned(),
        port: *port,
        protocol: *protocol,
        cluster: true,
        local: true,
    });
    EndpointView {
        service: Uid::from_random(1),
        address: address.parse().expect("an address"),
        ports: ports.collect(),
        node: None,
        zone: String::new(),
        hostname: hostname.to_owned(),
        ready: true,
        serving: true,
        terminating: false,
        weight: 1,
        node_hints: Vec::new(),
        zone_hints: Vec::new(),
    }
}

fn told(records: Vec<DnsRecord>) -> Vec<String> {
    let records = records.into_iter();
    records.map(|r| format!("{} {}", r.name, r.data)).collect()
}

#[test]
fn a_virtual_address_has_one_name_and_one_record_for_each_named_port() {
    let mut web = service();
    for address in ["10.0.0.1", "fd00::1"] {
        web.frontends
            .push(frontend(address, "dns", Protocol::Udp, 53));
        web.frontends.push(frontend(address, "", Protocol::Tcp, 80));
    }
    let mut outside = frontend("192.0.2.1", "dns", Protocol::Udp, 53);
    outside.reach = Reach::External;
    web.frontends.push(outside);
    let names = Names::new("example.org.", &web, &[]);
    assert_eq!(
        told(names.records()),
        [
            "web.shop.svc.example.org. 10.0.0.1",
            "web.shop.svc.example.org. fd00::1",
            "_dns._udp.web.shop.svc.example.org. 0 100 53 web.shop.svc.example.org.",
        ]
    );
    // fd00::1, nibble by nibble from its end.
    let zeros = "0.".repeat(29);
    assert_eq!(
        told(names.pointers()),
        [
            "1.0.0.10.in-addr.arpa. web.shop.svc.example.org.".to_owned(),
            format!("1.{zeros}d.f.ip6.arpa. web.shop.svc.example.org."),
        ]
    );
}

#[test]
fn a_headless_service_is_its_ready_endpoints() {
    let web = ServiceView {
        headless: true,
        ..service()
    };
    let ports = [
        ("dns", Some(Protocol::Udp), 5353),
        ("dns", Some(Protocol::Tcp), 5300),
    ];
    let mut away = endpoint("10.1.0.9", "gone", &ports);
    away.ready = false;
    let endpoints = [
        endpoint("10.1.0.1", "db-0", &ports[..1]),
        away,
        endpoint("fd00::", "", &ports),
        endpoint("10.1.0.3", "old", &[("dns", None, 53)]),
    ];
    let names = Names::new("", &web, &endpoints);
    let base = "web.shop.svc.cluster.local.";
    assert_eq!(
        told(names.records()),
        [
            format!("{base} 10.1.0.1"),
            format!("{base} fd00::"),
            format!("{base} 10.1.0.3"),
            format!("db-0.{base} 10.1.0.1"),
            format!("fd00--0.{base} fd00::"),
            format!("old.{base} 10.1.0.3"),
            format!("_dns._udp.{base} 0 100 5353 db-0.{base}"),
            format!("_dns._udp.{base} 0 100 5353 fd00--0.{base}"),
            format!("_dns._tcp.{base} 0 100 5300 fd00--0.{base}"),
        ]
    );
    let pointers = told(names.pointers());
    assert_eq!(pointers.len(), 3);
    assert_eq!(pointers[0], format!("1.0.1.10.in-addr.arpa. db-0.{base}"));
}

#[test]
fn an_alias_and_a_name_without_addresses() {
    let mut web = service();
    assert!(Names::new("", &web, &[]).records().is_empty());
    web.external_name = "db.example.com".to_owned();
    let names = Names::new("", &web, &[]);
    let alias = "web.shop.svc.cluster.local. db.example.com.";
    assert_eq!(told(names.records()), [alias]);
    assert!(names.pointers().is_empty());
}
