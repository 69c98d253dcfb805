//! The peer of programming and forwarding: a ruleset of the shape that kube-proxy's nftables mode writes, with a chain a
//! Service and a chain an endpoint, loaded by `nft -f` in one transaction.

use std::fmt::Write;
use std::time::Instant;

use portolan_lab::Namespace;

use super::objects::{Objects, PORT, TARGET};

/// Everything that does not depend on the Services.
const FRAME: &str = "table ip kube-proxy {
 map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
 map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
 map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
 map service-nodeports { type inet_proto . inet_service : verdict; }
 map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
 set cluster-ips { type ipv4_addr; }
 set nodeport-ips { type ipv4_addr; elements = { 192.0.2.1 }; }
 chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
 chain masquerading { meta mark & 0x4000 == 0 return; meta mark set meta mark xor 0x4000; masquerade fully-random; }
 chain reject-chain { reject; }
 chain services {
  ip daddr . meta l4proto . th dport vmap @service-ips;
  ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports;
 }
 chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
 chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
 chain nodeport-endpoints-check { ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }
 chain cluster-ips-check { ip daddr @cluster-ips reject; ip daddr 10.0.0.0/8 drop; }
 chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
 chain nat-output { type nat hook output priority -100; jump services; }
 chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }
 chain filter-prerouting-pre-dnat { type filter hook prerouting priority -110; ct state new jump firewall-check; }
 chain filter-output-pre-dnat { type filter hook output priority -110; ct state new jump firewall-check; }
 chain filter-input { type filter hook input priority -110; ct state new jump nodeport-endpoints-check; ct state new jump service-endpoints-check; }
 chain filter-forward { type filter hook forward priority -110; ct state new jump service-endpoints-check; ct state new jump cluster-ips-check; }
 chain filter-output { type filter hook output priority -110; ct state new jump service-endpoints-check; }
 chain filter-output-post-dnat { type filter hook output priority -90; ct state new jump cluster-ips-check; }
}
";

/// The whole ruleset.
pub(super) fn ruleset(objects: Objects) -> String {
    let mut text = FRAME.to_owned();
    let mut line = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("a String has room");
    };
    for number in 0..objects.services {
        let address = objects.address(number);
        let service = format!("service-{number:08X}-default/service-{number}/tcp/http");
        let endpoints = [0, 1].map(|which| {
            let endpoint = objects.endpoint_address(number, which, 0);
            let chain = format!(
                "endpoint-{number:07X}{which}-default/service-{number}/tcp/http__{endpoint}/{TARGET}"
            );
            (endpoint, chain)
        });
        for (endpoint, chain) in &endpoints {
            line(format_args!("add chain ip kube-proxy {chain}"));
            line(format_args!(
                "add rule ip kube-proxy {chain} ip saddr {endpoint} jump mark-for-masquerade"
            ));
            line(format_args!(
                "add rule ip kube-proxy {chain} meta l4proto tcp dnat to {endpoint}:{TARGET}"
            ));
        }
        let [(_, first), (_, second)] = endpoints;
        line(format_args!("add chain ip kube-proxy {service}"));
        line(format_args!(
            "add rule ip kube-proxy {service} ip daddr {address} tcp dport {PORT} ip saddr != 172.16.0.0/12 jump mark-for-masquerade"
        ));
        line(format_args!(
            "add rule ip kube-proxy {service} numgen random mod 2 vmap {{ 0 : goto {first}, 1 : goto {second} }}"
        ));
        line(format_args!(
            "add element ip kube-proxy service-ips {{ {address} . tcp . {PORT} : goto {service} }}"
        ));
        line(format_args!(
            "add element ip kube-proxy cluster-ips {{ {address} }}"
        ));
    }
    text
}

/// Milliseconds until a namespace has it.
pub(super) fn load(machine: &Namespace, objects: Objects) -> f64 {
    let text = ruleset(objects);
    let began = Instant::now();
    machine.execute(&["nft", "-f", "-"], &text);
    began.elapsed().as_secs_f64() * 1e3
}
