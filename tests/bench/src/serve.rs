//! The real control plane, in a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

const DEADLINE: Duration = Duration::from_mins(1);
const SERVICE_CIDR: &str = "10.0.0.0/12";
const PAUSE: Duration = Duration::from_millis(20);

/// Where it keeps its state.
pub(crate) enum Store {
    /// In a file of its own, on the disk that holds temporary files.
    Sqlite,
    /// In a database.
    Postgres(String),
}

/// A running `portolan serve`; ends when dropped.
pub(crate) struct ControlPlane {
    child: Child,
    api: SocketAddr,
    http: SocketAddr,
    folder: TempDir,
}

impl ControlPlane {
    /// Starts one with an empty cluster, and waits until it is ready.
    pub(crate) async fn start(store: &Store) -> anyhow::Result<Self> {
        Self::start_with(store, SERVICE_CIDR).await
    }

    /// The same with another range for virtual addresses.
    pub(crate) async fn start_with(store: &Store, service_cidr: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("portolan");
        ensure!(
            program.exists(),
            "{} is missing: `cargo build --release -p portolan` comes first",
            program.display()
        );
        let folder = tempfile::tempdir()?;
        let url = match store {
            Store::Sqlite => format!("sqlite:{}", folder.path().join("portolan.db").display()),
            Store::Postgres(url) => url.clone(),
        };
        let [api, http] = free_addresses()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new(&program)
            .args([
                "serve",
                "--store",
                &url,
                "--listen",
                &api.to_string(),
                "--http-listen",
                &http.to_string(),
            ])
            .args([
                "--service-cidr",
                service_cidr,
                "--node-port-range",
                "10000-65535",
            ])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let mut server = Self {
            child,
            api,
            http,
            folder,
        };
        server.wait().await?;
        Ok(server)
    }

    /// Where its API listens.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection of one client's own.
    pub(crate) async fn connect(&self) -> anyhow::Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.api))?.tcp_nodelay(true);
        Ok(endpoint.connect().await?)
    }

    /// The sum of a metric's samples; 0 if it has none.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let page = get(self.http, "/metrics").await?;
        let samples = page.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let is_it = key.split('{').next() == Some(name);
            is_it.then(|| value.parse::<f64>().ok())?
        });
        Ok(samples.sum())
    }

    async fn is_ready(&self) -> std::io::Result<bool> {
        let answer = get(self.http, "/readyz").await?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while !self.is_ready().await.unwrap_or(false) {
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > DEADLINE {
                let log =
                    std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("`portolan serve` is not ready ({ended:?}): {log}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn get(http: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: portolan\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Addresses of loopback that nobody has right now. Both are held until both are known, so they differ.
fn free_addresses() -> std::io::Result<[SocketAddr; 2]> {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok([held.local_addr()?, other.local_addr()?])
}
