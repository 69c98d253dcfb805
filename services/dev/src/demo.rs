//! `portolan dev --demo`: three backends behind a Service, and proof that they share the traffic.

mod objects;
mod places;

pub(super) use places::Places;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use portolan_proto::v1::IpFamilyPolicy;
use portolan_server::ServerError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use objects::{register, service};

/// Port of the Service and of its backends.
const PORT: u16 = 8080;
const BACKENDS: usize = 3;
/// How long the first balanced answers may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two requests that are not shown.
const PAUSE: Duration = Duration::from_millis(20);
/// Requests that are shown at least, and at most while a backend is still missing.
const REQUESTS: std::ops::Range<usize> = 9..60;

/// A backend that was started.
struct Backend {
    name: String,
    listen: Vec<SocketAddr>,
    child: Child,
}

impl Backend {
    async fn start(
        name: String,
        addresses: &[IpAddr],
        places: &Places,
        binary: &Path,
    ) -> Result<Self, ServerError> {
        let at = |address: &IpAddr| SocketAddr::from((*address, PORT));
        let listen: Vec<_> = addresses.iter().map(at).collect();
        let mut command = command(binary, &name, &listen);
        // A child is where the thread is that starts it.
        let child = places.backends.spawn(async move { command.spawn() });
        let child = child
            .await
            .map_err(|ended| ServerError::Start(ended.to_string()))??;
        Ok(Self {
            name,
            listen,
            child,
        })
    }
}

/// The running backends; they end with this value.
pub(super) struct Demo {
    places: Places,
    binary: PathBuf,
    children: Vec<Backend>,
    /// One, or one of each family.
    frontends: Vec<SocketAddr>,
}

impl Demo {
    /// Starts the backends and registers them; doing so again changes nothing.
    pub(super) async fn start(
        server: &str,
        places: Places,
        service_addresses: &[&str],
    ) -> Result<Self, ServerError> {
        let binary = std::env::current_exe()?;
        let channel = Channel::from_shared(server.to_owned())
            .map_err(|e| ServerError::Start(e.to_string()))?;
        let channel = channel
            .connect()
            .await
            .map_err(|e| ServerError::Start(format!("{server}: {e}")))?;
        let mut children = Vec::new();
        for (i, addresses) in (1..).zip(&places.addresses) {
            let backend = Backend::start(format!("demo-{i}"), addresses, &places, &binary).await?;
            register(channel.clone(), &backend.name, addresses)
                .await
                .map_err(|status| refused(&status))?;
            children.push(backend);
        }
        let policy = if places.has_both_families() {
            IpFamilyPolicy::PreferDualStack
        } else {
            IpFamilyPolicy::SingleStack
        };
        let frontends = service(channel, service_addresses, policy)
            .await
            .map_err(|status| refused(&status))?;
        Ok(Self {
            places,
            binary,
            children,
            frontends,
        })
    }

    /// Sends requests until every backend has answered, and says what to try next.
    pub(super) async fn show(&self) -> Result<(), ServerError> {
        let backends = self.settle().await?;
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        let mut shown = 0;
        while shown < REQUESTS.start || (answers.len() < backends && shown < REQUESTS.end) {
            let frontend = self.frontends[shown % self.frontends.len()];
            let answer = self.ask(frontend).await;
            let answer = answer.unwrap_or_else(|error| format!("no answer: {error}"));
            println!("  GET http://{frontend}/ -> {answer}");
            *answers.entry(answer).or_default() += 1;
            shown += 1;
        }
        for (answer, times) in &answers {
            println!("  {times:>3} from {answer}");
        }
        self.explain();
        Ok(())
    }

    /// Asks until every backend has answered, and says how many have when patience ends: the first to pass its probe
    /// gets all traffic until the others have passed theirs.
    async fn settle(&self) -> Result<usize, ServerError> {
        let deadline = Instant::now() + PATIENCE;
        let mut backends = 0;
        for frontend in &self.frontends {
            let (mut answered, mut failure) = (BTreeSet::new(), None);
            while answered.len() < self.children.len() && Instant::now() < deadline {
                match self.ask(*frontend).await {
                    Ok(answer) => {
                        answered.insert(answer);
                    }
                    Err(error) => failure = Some(error),
                }
                tokio::time::sleep(PAUSE).await;
            }
            if let (Some(error), true) = (failure, answered.is_empty()) {
                let why = format!("no answer from http://{frontend}: {error}");
                return Err(ServerError::Start(why));
            }
            backends = backends.max(answered.len());
        }
        Ok(backends)
    }

    /// A request from where clients are.
    async fn ask(&self, frontend: SocketAddr) -> std::io::Result<String> {
        let asked = self.places.clients.spawn(ask(frontend)).await;
        asked.map_err(std::io::Error::other)?
    }

    fn explain(&self) {
        let urls = self.frontends.iter().map(|at| format!("http://{at}"));
        let urls: Vec<_> = urls.collect();
        println!(
            "\nService default/demo is at {} ; behind it:",
            urls.join(" and ")
        );
        let texts =
            |listen: &[SocketAddr]| listen.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
        for Backend {
            name,
            listen,
            child,
        } in &self.children
        {
            let listen = texts(listen).join("  ");
            println!("  {name}  {listen}  pid {}", child.id().unwrap_or_default());
        }
        let Backend {
            name,
            listen,
            child,
        } = &self.children[0];
        let listen = texts(listen).join(" --listen ");
        let pid = child.id().unwrap_or_default();
        let binary = self.binary.display();
        let [backends, clients] = &self.places.prefixes;
        println!("\nTry, in another terminal:");
        for url in urls {
            println!("  {clients}curl {url}");
        }
        println!(
            "  kill {pid}        # no new connection reaches {name} any more\n  {backends}{binary} demo-backend --listen {listen} --name {name}        # and it is back\n  {binary} get services,workloads,endpoints\n  {binary} describe service demo\n  {binary} apply -f FILE        # Kubernetes' own YAML\n\nEnd with Ctrl-C; the data stays."
        );
    }
}

fn command(binary: &Path, name: &str, listen: &[SocketAddr]) -> Command {
    let mut command = Command::new(binary);
    command.args(["demo-backend", "--until-eof", "--name", name]);
    for address in listen {
        command.args(["--listen", &address.to_string()]);
    }
    // The write end of its standard input is ours: it ends with us, even if we are killed.
    command.stdin(Stdio::piped()).kill_on_drop(true);
    command
}

/// A request, without more HTTP than that.
async fn ask(frontend: SocketAddr) -> std::io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(frontend).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
            .await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        Ok::<_, std::io::Error>(response)
    };
    let response = tokio::time::timeout(Duration::from_secs(2), exchange)
        .await
        .map_err(std::io::Error::from)??;
    let body = response
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.trim().to_owned());
    body.filter(|body| !body.is_empty())
        .ok_or_else(|| std::io::Error::other("an empty answer"))
}

fn refused(status: &tonic::Status) -> ServerError {
    ServerError::Start(format!(
        "the demo could not be registered: {}",
        status.message()
    ))
}
