//! Flags of `portolan serve`.

use std::net::SocketAddr;

use clap::Args;
use ipnet::IpNet;
use portolan_model::{
    ClusterSpec, DNS_DOMAIN, Family, NODE_PORTS, Name, PortRange, canonical_cidr,
};

use crate::error::ServerError;

/// Run the control plane
#[derive(Args)]
pub struct Serve {
    /// Where state is kept: `sqlite:FILE`, `postgres://USER@HOST/DATABASE`, or `memory` to try things out: nothing
    /// outlives the process
    #[arg(
        long,
        env = "PORTOLAN_STORE",
        default_value = "sqlite:/var/lib/portolan/portolan.db",
        value_name = "URL"
    )]
    pub store: String,
    #[command(flatten)]
    pub ports: Ports,
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// Nodes register themselves by their first Hello [default: only if --listen is a loopback address]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub auto_register: Option<bool>,
}

/// Where the server listens.
#[derive(Args, Clone)]
pub struct Ports {
    /// Address of the gRPC API and of the node stream
    #[arg(long, default_value = "127.0.0.1:7420", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Address of metrics, liveness and readiness
    #[arg(long, default_value = "127.0.0.1:7421", value_name = "ADDRESS:PORT")]
    pub http_listen: SocketAddr,
    /// Listen beyond loopback without TLS: anybody who reaches the port may do anything
    #[arg(long)]
    pub insecure_listen: bool,
}

/// Settings of the cluster. They are written at the first start, and must fit what is stored ever after.
#[derive(Args, Clone, Default)]
pub struct ClusterFlags {
    /// Name of the cluster [default: default]
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Range for virtual addresses; may be given once a family, the preferred one first [default: 10.96.0.0/12]
    #[arg(long, value_name = "CIDR")]
    pub service_cidr: Vec<String>,
    /// Range for node ports [default: 30000-32767]
    #[arg(long, value_name = "FIRST-LAST")]
    pub node_port_range: Option<String>,
    /// DNS zone of Service names [default: cluster.local]
    #[arg(long, value_name = "ZONE")]
    pub dns_domain: Option<String>,
    /// Ranges that endpoints must lie in [default: anything but loopback and link-local]
    #[arg(long, value_name = "CIDR")]
    pub endpoint_range: Vec<String>,
    /// Ranges of workloads: traffic from them counts as internal
    #[arg(long, value_name = "CIDR")]
    pub workload_range: Vec<String>,
}

/// What the flags say; `None` where they say nothing.
#[derive(Clone)]
pub struct Settings {
    pub cluster: Name,
    pub service_cidrs: Option<Vec<IpNet>>,
    pub node_ports: Option<PortRange>,
    pub dns_domain: Option<String>,
    pub endpoint_ranges: Option<Vec<IpNet>>,
    pub workload_ranges: Option<Vec<IpNet>>,
}

impl ClusterFlags {
    /// Checks every flag.
    pub fn settings(&self) -> Result<Settings, ServerError> {
        let name = self.cluster.as_deref().unwrap_or("default");
        let cluster =
            Name::label(name).map_err(|error| usage("--cluster", name, &error.to_string()))?;
        Ok(Settings {
            cluster,
            service_cidrs: some(one_a_family(ranges("--service-cidr", &self.service_cidr)?)?),
            node_ports: self
                .node_port_range
                .as_deref()
                .map(port_range)
                .transpose()?,
            dns_domain: self.dns_domain.clone(),
            endpoint_ranges: some(ranges("--endpoint-range", &self.endpoint_range)?),
            workload_ranges: some(ranges("--workload-range", &self.workload_range)?),
        })
    }
}

impl Settings {
    /// The ranges of a new cluster.
    pub fn new_service_cidrs(&self) -> Vec<IpNet> {
        let default = || vec!["10.96.0.0/12".parse().expect("a CIDR")];
        self.service_cidrs.clone().unwrap_or_else(default)
    }

    /// The settings of a new cluster.
    pub fn new_spec(&self) -> ClusterSpec {
        let cidrs = self.new_service_cidrs();
        let dns_domain = self.dns_domain.clone();
        ClusterSpec {
            node_ports: self.node_ports.unwrap_or(NODE_PORTS),
            dns_domain: dns_domain.unwrap_or_else(|| DNS_DOMAIN.to_owned()),
            families: cidrs.iter().map(Family::of_net).collect(),
            endpoint_ranges: self.endpoint_ranges.clone().unwrap_or_default(),
            workload_ranges: self.workload_ranges.clone().unwrap_or_default(),
        }
    }
}

fn ranges(flag: &str, texts: &[String]) -> Result<Vec<IpNet>, ServerError> {
    texts
        .iter()
        .map(|text| canonical_cidr(text).map_err(|error| usage(flag, text, &error)))
        .collect()
}

fn one_a_family(ranges: Vec<IpNet>) -> Result<Vec<IpNet>, ServerError> {
    for (i, range) in ranges.iter().enumerate() {
        let family = Family::of_net(range);
        if let Some(other) = ranges[..i].iter().find(|r| Family::of_net(r) == family) {
            let why = format!(
                "{other} is of family {family}, too; give one range a family, and add others later with ServiceCidrAPI/CreateServiceCidr"
            );
            return Err(usage("--service-cidr", &range.to_string(), &why));
        }
    }
    Ok(ranges)
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn port_range(text: &str) -> Result<PortRange, ServerError> {
    let parsed = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match parsed {
        Some((first, last)) if 0 < first && first <= last => Ok(PortRange { first, last }),
        _ => Err(usage(
            "--node-port-range",
            text,
            "must be FIRST-LAST, such as 30000-32767",
        )),
    }
}

fn usage(flag: &str, text: &str, why: &str) -> ServerError {
    ServerError::Usage(format!("{flag} {text}: {why}"))
}
