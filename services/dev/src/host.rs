//! A node of `dev` in this machine's own kernel: what it does there, and that it never meets another node.

use std::net::IpAddr;

use portolan_netlink::nftables::{Family, program};
use portolan_netlink::{NetlinkError, Socket};

use super::args::Kind;
use portolan_server::{ServerError, Settings};

/// The machine's addresses, where node ports answer. An error where no node may or can be.
pub(super) async fn addresses() -> Result<Vec<IpAddr>, ServerError> {
    for table in [portolan_nftables::TABLE, portolan_ipvs::TABLE] {
        let found = is_there(table).await;
        if found.map_err(|error| {
            ServerError::Start(format!("nftables: {error}; --host-network needs root"))
        })? {
            return Err(ServerError::Start(format!(
                "--host-network: this machine has tables named {table} already, of a node that runs here or of a dev that was \
                 killed; stop it, and remove them with `portolan-nftables cleanup` or `portolan-ipvs cleanup`"
            )));
        }
    }
    let addresses = portolan_agent::primary_addresses();
    if addresses.iter().all(IpAddr::is_loopback) {
        return Err(ServerError::Start(
            "--host-network: this machine has no default route, so nothing on it finds a virtual address; connect it to a \
             network, or leave --host-network out"
                .to_owned(),
        ));
    }
    Ok(addresses)
}

async fn is_there(table: &str) -> Result<bool, NetlinkError> {
    let mut socket = Socket::open()?;
    for family in [Family::V4, Family::V6] {
        if program(&mut socket, family, table).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says what is touched, and how to be rid of it.
pub(super) fn explain(kind: Kind, settings: &Settings, addresses: &[IpAddr]) {
    let spec = settings.new_spec();
    let list = |each: Vec<String>| each.join(", ");
    let ranges = list(
        settings
            .new_service_cidrs()
            .iter()
            .map(ToString::to_string)
            .collect(),
    );
    let at = list(addresses.iter().map(ToString::to_string).collect());
    let (table, more) = match kind {
        Kind::Ipvs => (
            portolan_ipvs::TABLE,
            "\n             virtual servers of IPVS, a rule and a route for marked packets, and sysctls net.ipv4.vs.*, which stay",
        ),
        Kind::Nftables | Kind::Userspace => (portolan_nftables::TABLE, ""),
    };
    println!(
        "--host-network: this machine's own kernel forwards\n  it gets    tables `ip {table}` and `ip6 {table}` of nftables{more}\n  it catches packets to {ranges}, and to node ports ({ports}) of Services at {at}\n  removed    when this ends; should it be killed, by `{remover} cleanup`",
        ports = spec.node_ports,
        remover = if kind == Kind::Ipvs {
            "portolan-ipvs"
        } else {
            "portolan-nftables"
        },
    );
}
