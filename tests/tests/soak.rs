//! Random work, with server and plugin killed in between: in the end, everything is as it was asked for.
//!
//! Ten seconds in every run; `tests/run --long` takes ten minutes (`PORTOLAN_SOAK_SECONDS`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use portolan_proto::v1;
use portolan_proto::v1::cluster_api_client::ClusterApiClient;
use portolan_tests::api::{Services, block_on, channel, virtual_ip};
use portolan_tests::{Backend, Plugin, Server, Store, eventually, get};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::Code;

const PORT: u16 = 8080;
const SERVICES: u32 = 40;

/// What the client knows: the address of each Service that a write was acknowledged for; `None` where an answer was
/// lost, and either is right.
type Known = BTreeMap<String, Option<SocketAddr>>;

struct World {
    server: Server<'static>,
    plugin: Plugin<'static>,
    services: Services,
    known: Known,
    gone: Vec<SocketAddr>,
}

fn spec() -> v1::ServiceSpec {
    let port = v1::ServicePort {
        port: PORT.into(),
        ..v1::ServicePort::default()
    };
    v1::ServiceSpec {
        selector: [("app".to_owned(), "soak".to_owned())].into(),
        ports: vec![port],
        ..v1::ServiceSpec::default()
    }
}

impl World {
    fn create(&mut self, name: &str) {
        match block_on(self.services.create(name, spec())) {
            Ok(service) => {
                let address = SocketAddr::new(virtual_ip(&service), PORT);
                self.gone.retain(|gone| *gone != address);
                self.known.insert(name.to_owned(), Some(address));
            }
            Err(status) if status.code() == Code::AlreadyExists => {}
            Err(status) => self.lost(name, &status),
        }
    }

    fn delete(&mut self, name: &str) {
        match block_on(self.services.delete(name)) {
            Ok(_) => self.gone.extend(self.known.remove(name).flatten()),
            Err(status) if status.code() == Code::NotFound => drop(self.known.remove(name)),
            Err(status) => self.lost(name, &status),
        }
    }

    /// The server was away, or was lost before it answered.
    fn lost(&mut self, name: &str, status: &tonic::Status) {
        let codes = [
            Code::Unavailable,
            Code::Unknown,
            Code::Cancelled,
            Code::Internal,
        ];
        assert!(codes.contains(&status.code()), "{name}: {status:?}");
        self.known.insert(name.to_owned(), None);
    }

    fn step(&mut self, random: &mut StdRng) {
        let name = format!("s{}", random.random_range(0..SERVICES));
        match random.random_range(0..1000) {
            0..=2 => {
                self.server.process.kill();
                self.server.start_again();
            }
            3..=5 => {
                self.plugin.process.kill();
                self.plugin.start_again();
            }
            6..=600 => self.create(&name),
            _ => self.delete(&name),
        }
    }

    /// Everything that exists is served, everything that is gone is refused, and nothing leaked.
    fn check(&mut self) {
        let listed = eventually("the list", || block_on(self.services.list()));
        let listed: BTreeMap<String, SocketAddr> = listed
            .iter()
            .map(|service| {
                let name = service
                    .name
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                (name, SocketAddr::new(virtual_ip(service), PORT))
            })
            .collect();
        for (name, address) in &self.known {
            if let Some(address) = address {
                assert_eq!(listed.get(name), Some(address), "{name} was acknowledged");
            }
        }
        for (name, address) in &listed {
            assert!(self.known.contains_key(name), "{name} was deleted");
            eventually(name, || get(*address, "/"));
        }
        for address in self
            .gone
            .iter()
            .filter(|gone| !listed.values().any(|held| held == *gone))
        {
            eventually("what is gone is refused", || match get(*address, "/") {
                Ok(answer) => Err(format!("{address} answered {answer}")),
                Err(_) => Ok(()),
            });
        }
        let held = listed.len() as u64;
        eventually("exactly the Services' addresses are held", || {
            let mut clusters = ClusterApiClient::new(channel(&self.server.url()));
            let request = v1::GetClusterRequest {
                name: "clusters/default".to_owned(),
                min_revision: 0,
            };
            let cluster =
                block_on(clusters.get_cluster(request)).map_err(|status| status.to_string())?;
            let status = cluster.into_inner().status.unwrap_or_default();
            let range = &status.service_ranges[0];
            let is = (range.used, range.quarantined);
            if is == (held, 0) {
                Ok(())
            } else {
                Err(format!("{is:?} instead of {held} and none in quarantine"))
            }
        });
    }
}

fn duration() -> Duration {
    let seconds = std::env::var("PORTOLAN_SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

#[test]
fn random_work_and_random_kills_lead_to_what_was_asked_for() {
    let seed = std::env::var("PORTOLAN_SOAK_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("PORTOLAN_SOAK_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let backend = SocketAddr::from((Ipv4Addr::new(127, 0, 95, 1), PORT));
    let _backend = Backend::start(None, "soak", backend);
    let ranges = [
        "--service-cidr",
        "127.95.0.0/18",
        "--endpoint-range",
        "127.0.95.0/24",
    ];
    let server = Server::start(None, &Store::Sqlite, &ranges);
    let plugin = Plugin::start(None, &server.url(), "n1", "127.0.95.2");
    let manifest = format!(
        "apiVersion: portolan/v1\nkind: Workload\nmetadata: {{name: soak, labels: {{app: soak}}}}\nspec: {{addresses: [{}]}}\n",
        backend.ip()
    );
    server.succeed(&["apply", "-f", "-"], &manifest);
    let services = Services::at(&server.url());
    let mut world = World {
        server,
        plugin,
        services,
        known: Known::new(),
        gone: Vec::new(),
    };
    let end = Instant::now() + duration();
    while Instant::now() < end {
        world.step(&mut random);
    }
    world.check();
}
