//! A cluster of any size, as the node stream tells of it: every Service with one port and two endpoints.

use std::net::{IpAddr, Ipv4Addr};

use portolan_model::view::{
    ClusterView, EndpointPortView, EndpointView, FrontendAt, FrontendView, NodeView, Reach,
    ServiceView, View, ViewKey, WhenEmpty,
};
use portolan_model::{Digest, Name, Protocol, StoreId, TrafficPolicy, Uid};
use portolan_proto::convert::view;
use portolan_proto::node::v1 as wire;
use wire::sync_response::Message as Frame;
use wire::welcome::Mode;

/// The node's name.
pub(super) const NODE: &str = "node";
/// Port of every Service.
pub(super) const PORT: u16 = 80;
/// Where endpoints listen.
pub(super) const TARGET: u16 = 8080;
/// Bodies of a frame, as servers cut theirs.
const FRAME: usize = 256 << 10;
/// Endpoints that nobody is.
const NOWHERE: u32 = u32::from_be_bytes([100, 64, 0, 0]);

/// Services 0, 1, … of a range of virtual addresses of their own; Service 0 leads to real endpoints.
#[derive(Clone, Copy)]
pub(super) struct Objects {
    /// Which sixteenth of 10.0.0.0/8.
    pub(super) block: u8,
    pub(super) services: u32,
    /// Endpoints of Service 0.
    pub(super) real: [Ipv4Addr; 2],
}

impl Objects {
    /// The virtual address of a Service.
    pub(super) fn address(&self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from_be_bytes([10, self.block << 4, 0, 1]) + number)
    }

    /// Where an endpoint is: 0 or 1 of a Service, in its first or a later version.
    pub(super) fn endpoint_address(&self, number: u32, which: u8, version: u32) -> Ipv4Addr {
        if number == 0 && version == 0 {
            return self.real[usize::from(which)];
        }
        // Versions lie so far apart that no two Services ever share an address.
        Ipv4Addr::from(NOWHERE + (number * 2 + u32::from(which)) + (version % 8) * 0x8_0000)
    }

    /// A Service and its endpoints.
    pub(super) fn service(&self, number: u32) -> Vec<wire::Object> {
        vec![
            object(service_uid(number), &self.service_view(number)),
            self.endpoint(number, 0, 0),
            self.endpoint(number, 1, 0),
        ]
    }

    /// An endpoint; another version is another endpoint in its place.
    pub(super) fn endpoint(&self, number: u32, which: u8, version: u32) -> wire::Object {
        let view = View::Endpoint(EndpointView {
            service: service_uid(number),
            address: IpAddr::V4(self.endpoint_address(number, which, version)),
            ports: vec![EndpointPortView {
                service_port: "http".to_owned(),
                port: TARGET,
                protocol: Some(Protocol::Tcp),
                cluster: true,
                local: false,
            }],
            node: None,
            zone: String::new(),
            hostname: String::new(),
            ready: true,
            serving: true,
            terminating: false,
            weight: 1,
            node_hints: Vec::new(),
            zone_hints: Vec::new(),
        });
        object(endpoint_uid(number, which), &view)
    }

    /// The first frame of a stream and everything after it.
    pub(super) fn snapshot(&self, revision: u64) -> Vec<Frame> {
        let mut digest = Digest::EMPTY;
        let (mut frames, mut chunk, mut size) = (Vec::new(), Vec::new(), 0);
        let own = [
            object(uid(0, 9), &cluster_view()),
            object(uid(1, 9), &node_view()),
        ];
        let services = (0..self.services).flat_map(|number| self.service(number));
        let mut count = 0;
        for object in own.into_iter().chain(services) {
            let key = view::key(object.kind, &object.uid).expect("it was made here");
            digest.toggle(view::digest(key, &object.body));
            count += 1;
            size += object.body.len();
            chunk.push(object);
            if size >= FRAME {
                frames.push(part(revision, std::mem::take(&mut chunk)));
                size = 0;
            }
        }
        frames.push(part(revision, chunk));
        let begin = wire::SnapshotBegin {
            revision,
            objects: count,
        };
        let end = wire::SnapshotEnd {
            revision,
            digest: digest.as_bytes().to_vec(),
        };
        let mut all = vec![
            welcome(Mode::Snapshot, revision),
            Frame::SnapshotBegin(begin),
        ];
        all.append(&mut frames);
        all.push(Frame::SnapshotEnd(end));
        all
    }

    fn service_view(&self, number: u32) -> View {
        View::Service(ServiceView {
            namespace: Name::trusted("default"),
            name: Name::trusted(format!("service-{number}")),
            frontends: vec![FrontendView {
                at: FrontendAt::Address(IpAddr::V4(self.address(number))),
                reach: Reach::Internal,
                policy: TrafficPolicy::Cluster,
                port: PORT,
                protocol: Protocol::Tcp,
                service_port: "http".to_owned(),
                affinity_seconds: 0,
                source_ranges: Vec::new(),
                when_empty: WhenEmpty::Reject,
                node_hints_valid: false,
                zone_hints_valid: false,
            }],
            external_name: String::new(),
            headless: false,
        })
    }
}

/// The first frame of a stream.
pub(super) fn welcome(mode: Mode, revision: u64) -> Frame {
    Frame::Welcome(wire::Welcome {
        store_id: StoreId::from_random(1).as_bytes().to_vec(),
        replica: "bench".to_owned(),
        head_revision: revision,
        mode: mode.into(),
        heartbeat_ms: 10_000,
        node_uid: uid(1, 9).as_bytes().to_vec(),
    })
}

/// Changes that lead from the revision before to this one.
pub(super) fn change(revision: u64, objects: Vec<wire::Object>) -> Frame {
    Frame::Batch(wire::Batch {
        from_revision: revision - 1,
        to_revision: revision,
        objects,
        commits: vec![wire::CommitInfo {
            revision,
            ..wire::CommitInfo::default()
        }],
        ..wire::Batch::default()
    })
}

fn part(revision: u64, objects: Vec<wire::Object>) -> Frame {
    Frame::Batch(wire::Batch {
        to_revision: revision,
        more: true,
        objects,
        ..wire::Batch::default()
    })
}

fn object(uid: Uid, view: &View) -> wire::Object {
    wire::Object {
        kind: ViewKey::new(view.kind(), uid).kind as i32,
        uid: uid.as_bytes().to_vec().into(),
        body: view::encode(view),
    }
}

fn service_uid(number: u32) -> Uid {
    uid(number, 2)
}

fn endpoint_uid(number: u32, which: u8) -> Uid {
    uid(number, which)
}

/// Scattered, as random ones are.
fn uid(number: u32, which: u8) -> Uid {
    let seed = u128::from(number) << 8 | u128::from(which);
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uid::from_random(mixed ^ (mixed >> 61))
}

fn cluster_view() -> View {
    let range = |text: &str| vec![text.parse().expect("a range")];
    View::Cluster(ClusterView {
        service_cidrs: range("10.0.0.0/8"),
        endpoint_ranges: Vec::new(),
        workload_ranges: range("172.16.0.0/12"),
        dns_domain: "cluster.local".to_owned(),
    })
}

fn node_view() -> View {
    View::Node(NodeView {
        name: Name::trusted(NODE),
        zone: String::new(),
        addresses: vec![IpAddr::from([192, 0, 2, 1])],
        node_port_addresses: Vec::new(),
    })
}
