//! One listener a family for all TCP frontends at virtual addresses, which the kernel hands their packets (TPROXY).
//!
//! ```text
//!  SYN to 10.96.0.10:80 -- prerouting: is the frontend in the set? -- tproxy --> the listener at 127.0.0.1
//!                                      | no                                         | accept: its own address is 10.96.0.10:80
//!                                      '--> refused, as nobody listens there        '--> the route of that frontend
//! ```
//! Only the packet that begins a connection needs the rule: the others find the socket by themselves, also when the frontend
//! has left the set.

mod program;
pub(crate) mod routes;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use portolan_dataplane::FrontendKey;
use portolan_netlink::NetlinkError;
use portolan_netlink::nftables::{Element, Family};
use portolan_nft::{Difference, Entry, Found, Ranges, Tables, compare, key};
use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::task::JoinHandle;

use crate::bind::BACKLOG;
use crate::sys::Watched;
use crate::tcp::{self, Accepts};
use crate::workers::Workers;
use program::{SetName, program};
use routes::Routes;

/// The listeners, and what the kernel knows of the frontends.
pub(crate) struct Tproxy {
    tables: Tables<SetName>,
    standing: BTreeSet<FrontendKey>,
    routes: Arc<Routes>,
    listening: Vec<JoinHandle<()>>,
}

impl Drop for Tproxy {
    fn drop(&mut self) {
        for listening in &self.listening {
            listening.abort();
        }
    }
}

impl Tproxy {
    /// Begins to listen. Needs `CAP_NET_ADMIN`; a family that the node does not have is left out.
    pub(crate) fn start(workers: &Workers) -> io::Result<Self> {
        let v4 = listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let v6 = listen((Ipv6Addr::LOCALHOST, 0).into()).ok();
        let routes = Arc::new(Routes::new(port(Some(&v4))?, port(v6.as_ref())?));
        let known = Arc::clone(&routes);
        let tables = Tables::open(move |family| program(family, known.port(family)))?;
        let mut listening = Vec::new();
        for socket in [Some(v4), v6].into_iter().flatten() {
            let home = workers.home();
            let there = workers.handle(home);
            // Its events arrive where it is served.
            let listener = {
                let _there = there.enter();
                Watched::new(socket, Interest::READABLE)?
            };
            let accepts = Accepts::All(Arc::clone(&routes));
            listening.push(there.spawn(tcp::serve(listener, accepts, home)));
        }
        Ok(Self {
            tables,
            standing: BTreeSet::new(),
            routes,
            listening,
        })
    }

    pub(crate) fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// Whether somebody accepts. A task that ended by itself is a bug.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.iter().all(|task| !task.is_finished())
    }

    /// Tells the kernel which frontends came and went, after putting right what somebody else did.
    pub(crate) async fn follow(&mut self) -> Result<(), NetlinkError> {
        if self.tables.transactions.is_disturbed().await? {
            self.look().await?;
        }
        let changed = self.routes.changed();
        let told = self.tell(&changed).await;
        if told.is_err() {
            self.routes.change(changed);
        }
        told
    }

    /// Begins anew from what stands there.
    async fn look(&mut self) -> Result<(), NetlinkError> {
        let entries = match self.tables.look().await? {
            Found::Ours => self.tables.entries(&[SetName::Frontends]).await?,
            Found::Nothing | Found::Other => {
                let batch = self.tables.replacement(&Ranges::new(), &[]).await?;
                self.tables.transactions.commit(batch).await?;
                Vec::new()
            }
        };
        self.standing = keys(&entries).collect();
        self.routes.change(self.routes.unlike(&self.standing));
        Ok(())
    }

    async fn tell(&mut self, changed: &BTreeSet<FrontendKey>) -> Result<(), NetlinkError> {
        let entries = |wanted: &dyn Fn(&FrontendKey) -> bool| {
            let keys = changed.iter().filter(|key| wanted(key));
            let mut entries: Vec<_> = keys.map(|key| entry(*key)).collect();
            entries.sort_unstable();
            entries
        };
        let old = entries(&|key| self.standing.contains(key));
        let new = entries(&|key| self.routes.at(key).is_some());
        let difference: Difference<SetName> = compare(old, new);
        for step in difference.steps() {
            self.tables.transactions.commit(step.batch()).await?;
            for gone in keys(&step.delete) {
                self.standing.remove(&gone);
            }
            self.standing.extend(keys(&step.add));
        }
        Ok(())
    }

    /// Removes the tables, also those that an earlier process left.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        self.tables.transactions.forget();
        let batch = self.tables.removal().await?;
        self.tables.transactions.commit(batch).await
    }
}

fn entry(key: FrontendKey) -> Entry<SetName> {
    let element = Element {
        key: key::frontend(key),
        ..Element::default()
    };
    Entry {
        family: Family::from(key.address),
        set: SetName::Frontends,
        element,
    }
}

fn keys(entries: &[Entry<SetName>]) -> impl Iterator<Item = FrontendKey> {
    let keys = entries.iter();
    let keys = keys.filter_map(|entry| key::read_frontend(entry.family, &entry.element.key));
    keys.map(|(key, _)| key)
}

fn listen(at: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM.nonblocking(), None)?;
    // One flag for both families (`inet->transparent`).
    socket.set_ip_transparent_v4(true)?;
    socket.bind(&at.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn port(socket: Option<&Socket>) -> io::Result<Option<u16>> {
    let Some(socket) = socket else {
        return Ok(None);
    };
    Ok(socket.local_addr()?.as_socket().map(|at| at.port()))
}
