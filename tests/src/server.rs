//! `portolan serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::{Namespace, Output, Process, binary, eventually, free_port, get, run};

/// Where a server keeps its state.
pub enum Store {
    /// Nowhere: it is gone with the process.
    Memory,
    /// In a file of its own.
    Sqlite,
    /// In a Postgres database.
    Postgres(String),
}

/// A running control plane.
pub struct Server<'a> {
    /// Its process; killed and started again at will.
    pub process: Process,
    namespace: Option<&'a Namespace>,
    arguments: Vec<String>,
    api: SocketAddr,
    http: SocketAddr,
    /// Holds the SQLite file.
    _dir: TempDir,
}

impl<'a> Server<'a> {
    /// Starts one with the ranges of a usual cluster, and waits until it answers.
    pub fn start(namespace: Option<&'a Namespace>, store: &Store, extra: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = match store {
            Store::Memory => "memory".to_owned(),
            Store::Sqlite => format!("sqlite:{}", dir.path().join("portolan.db").display()),
            Store::Postgres(url) => url.clone(),
        };
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (api, http) = (loopback(free_port()), loopback(free_port()));
        let mut arguments: Vec<String> = ["serve", "--store", &url].map(str::to_owned).into();
        arguments.extend([
            "--listen".to_owned(),
            api.to_string(),
            "--http-listen".to_owned(),
            http.to_string(),
        ]);
        arguments.extend(extra.iter().map(|&text| text.to_owned()));
        let process = Process::start("portolan serve", command(namespace, &arguments));
        let server = Self {
            process,
            namespace,
            arguments,
            api,
            http,
            _dir: dir,
        };
        server.wait();
        server
    }

    /// Starts it again on the same state, and waits until it answers.
    pub fn start_again(&mut self) {
        self.process = Process::start("portolan serve", command(self.namespace, &self.arguments));
        self.wait();
    }

    fn wait(&self) {
        let ready = || get(self.http, "/readyz");
        eventually("the server is ready", || self.inside(ready));
    }

    fn inside<T: Send>(&self, code: impl FnOnce() -> T + Send) -> T {
        match self.namespace {
            Some(namespace) => namespace.enter(code),
            None => code(),
        }
    }

    /// URL of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// URL of its store.
    pub fn store(&self) -> &str {
        &self.arguments[2]
    }

    /// Where the API listens.
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// Where metrics are.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// A metric of the server.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.inside(|| crate::metric(self.http, name))
    }

    /// Runs the operator's command against this server.
    pub fn portolan(&self, arguments: &[&str]) -> Output {
        self.portolan_with(arguments, "")
    }

    /// The same, with something on its standard input.
    pub fn portolan_with(&self, arguments: &[&str], input: &str) -> Output {
        run(self.command(arguments), input)
    }

    /// The same, with variables of the environment.
    pub fn portolan_in(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        run(command, "")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program: PathBuf = binary("portolan");
        let mut command = self
            .namespace
            .map_or_else(|| Command::new(&program), |n| n.command(&program));
        command.args(arguments).env("PORTOLAN_SERVER", self.url());
        command
    }

    /// The same, and it must succeed.
    ///
    /// # Panics
    /// With what it said, if it does not.
    pub fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.portolan_with(arguments, input);
        assert_eq!(
            output.code,
            0,
            "portolan {}: {}{}",
            arguments.join(" "),
            output.out,
            output.err
        );
        output.out
    }
}

fn command(namespace: Option<&Namespace>, arguments: &[String]) -> Command {
    let program = binary("portolan");
    let mut command = namespace.map_or_else(|| Command::new(&program), |n| n.command(&program));
    command.args(arguments);
    command
}
