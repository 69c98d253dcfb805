//! `realm-peer LISTEN BACKEND`: relays TCP with realm's own loop.
//!
//! realm itself is not a crate, its core is: this does what its binary does with one endpoint and no options.

use realm_core::endpoint::{BindOpts, ConnectOpts, Endpoint, RemoteAddr};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or_else(|| anyhow::anyhow!("usage: realm-peer LISTEN BACKEND"))
    };
    let endpoint = Endpoint {
        laddr: next()?.parse()?,
        raddr: RemoteAddr::SocketAddr(next()?.parse()?),
        bind_opts: BindOpts::default(),
        conn_opts: ConnectOpts::default(),
        extra_raddrs: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(realm_core::tcp::run_tcp(endpoint))?;
    Ok(())
}
