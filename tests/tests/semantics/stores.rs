//! One control plane a store, shared by all cases of this process; each case has a cluster of its own there.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use portolan_store_postgres::testing::fresh_database;
use portolan_tests::api::{block_on, channel};
use portolan_tests::{Server, binary, eventually, free_port, get};
use tonic::transport::Channel;

/// `$1` is a folder, the rest a command. Both go when the standard input ends: with the test process, however it ends.
const GUARD: &str = "exec 2>/dev/null; folder=$1; shift
\"$@\" </dev/null >>\"$folder/log\" 2>&1 & server=$!
read -r line; kill -KILL $server; wait $server; rm -rf \"$folder\"";

/// Where state is kept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In memory.
    Memory,
    /// In a file.
    Sqlite,
    /// In a database.
    Postgres,
}

/// A running `portolan serve`.
pub(crate) struct ControlPlane {
    /// Its store.
    pub(crate) kind: Kind,
    /// How to reach it.
    pub(crate) channel: Channel,
    /// Its URL.
    pub(crate) url: String,
    /// Where metrics are.
    pub(crate) http: SocketAddr,
    /// URL of its store.
    store: String,
    /// Ends it with this process, where this process shares it.
    _guard: Option<Child>,
}

static PLANES: [OnceLock<ControlPlane>; 3] = [const { OnceLock::new() }; 3];
static SECOND: OnceLock<ControlPlane> = OnceLock::new();

/// The control plane of a store.
pub(crate) fn plane(kind: Kind) -> &'static ControlPlane {
    PLANES[kind as usize].get_or_init(|| {
        let folder = folder();
        let store = match kind {
            Kind::Memory => "memory".to_owned(),
            Kind::Sqlite => format!("sqlite:{}", folder.join("portolan.db").display()),
            Kind::Postgres => block_on(fresh_database()).expect("a database"),
        };
        ControlPlane::start(kind, folder, store)
    })
}

fn folder() -> PathBuf {
    let folder = tempfile::tempdir();
    folder.expect("a temporary directory").keep()
}

impl ControlPlane {
    fn start(kind: Kind, folder: PathBuf, store: String) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (api, http) = (loopback(free_port()), loopback(free_port()));
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(folder);
        command.arg(binary("portolan"));
        command.args(["serve", "--store", &store]);
        command.args(["--listen", &api.to_string()]);
        command.args(["--http-listen", &http.to_string()]);
        let guard = command.stdin(Stdio::piped()).spawn().expect("a shell");
        eventually("the server is ready", || get(http, "/readyz"));
        let url = format!("http://{api}");
        Self {
            kind,
            channel: channel(&url),
            url,
            http,
            store,
            _guard: Some(guard),
        }
    }

    /// A server that is a case's own. What is kept of it here is small, and stays.
    pub(crate) fn of_server(kind: Kind, server: &Server<'_>) -> &'static Self {
        Box::leak(Box::new(Self {
            kind,
            channel: channel(&server.url()),
            url: server.url(),
            http: server.http(),
            store: server.store().to_owned(),
            _guard: None,
        }))
    }

    /// Another replica on the same store; where the store is one process's alone, this one.
    pub(crate) fn replica(&'static self) -> &'static Self {
        if self.kind != Kind::Postgres {
            return self;
        }
        SECOND.get_or_init(|| Self::start(self.kind, folder(), self.store.clone()))
    }
}
