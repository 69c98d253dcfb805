//! A throw-away Postgres server: a fresh data folder, reachable by a Unix socket in it alone, fast and forgetful unless
//! asked to be durable.
//!
//! A shell stands between the tests and the server and waits for its own standard input: when the test process ends, in
//! whatever way, that input ends, and the shell ends the server and removes its folder.

mod statements;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

pub use statements::Statements;

/// Where tests find a running server in which they may create databases: its URL, without a database.
pub const SERVER_VARIABLE: &str = "PORTOLAN_TEST_POSTGRES";

const DEADLINE: Duration = Duration::from_secs(30);

/// `$1` is the server's folder, the rest its command. An input line ends the server and keeps the folder; the end of
/// the input removes it, too. SIGQUIT ends it as a crash would.
const GUARD: &str = "folder=$1; shift
\"$@\" </dev/null >>\"$folder/log\" 2>&1 & server=$!
read -r line; kill -QUIT $server; wait $server
[ -n \"$line\" ] || rm -rf \"$folder\"";

/// Of every server.
const SETTINGS: [&str; 2] = ["listen_addresses=", "max_connections=200"];

/// Of one that need not survive a crash of the machine.
const FORGETFUL: [&str; 2] = ["fsync=off", "full_page_writes=off"];

/// A server of the tests' own.
pub struct TestServer {
    folder: PathBuf,
    settings: Vec<&'static str>,
    guard: Option<Child>,
}

/// What a server or a test database can fail with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl TestServer {
    /// Makes a server and starts it. Takes about a second.
    pub fn start() -> Result<Self, Failure> {
        Self::start_with([SETTINGS, FORGETFUL].concat())
    }

    /// The same, but as durable as Postgres is by default: for measurements.
    pub fn start_durable() -> Result<Self, Failure> {
        Self::start_with(SETTINGS.to_vec())
    }

    fn start_with(settings: Vec<&'static str>) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("portolan-postgres-")
            .tempdir()?
            .keep();
        let mut server = Self {
            folder,
            settings,
            guard: None,
        };
        server.create()?;
        server.start_again()?;
        Ok(server)
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres:///{database}?host={}&user=postgres",
            self.folder.display()
        )
    }

    /// Ends it as a crash would; what was committed stays.
    pub fn stop(&mut self) {
        let Some(mut guard) = self.guard.take() else {
            return;
        };
        if let Some(mut input) = guard.stdin.take() {
            // The guard may be gone already; then there is nothing left to end.
            let _ = input.write_all(b"stop\n");
        }
        let _ = guard.wait();
    }

    /// Starts it again on the same data.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.stop();
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "guard"])
            .arg(&self.folder)
            .args(as_postgres())
            .arg(program("postgres")?);
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.folder);
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        self.guard = Some(command.stdin(Stdio::piped()).spawn()?);
        self.wait_until_ready()
    }

    /// Makes an empty database and gives its URL.
    pub async fn create_database(&self, name: &str) -> Result<String, Failure> {
        create_database(&self.url("postgres"), name).await?;
        Ok(self.url(name))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn create(&self) -> Result<(), Failure> {
        give_to_postgres(&self.folder)?;
        let mut words = as_postgres()
            .into_iter()
            .map(PathBuf::from)
            .chain([program("initdb")?]);
        let first = words.next().ok_or("a command has a first word")?;
        let output = Command::new(first)
            .args(words)
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(self.data())
            .current_dir("/")
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        // The file's last line says "ready" once connections are accepted.
        let began = Instant::now();
        let state = self.data().join("postmaster.pid");
        loop {
            let ready = std::fs::read_to_string(&state)
                .is_ok_and(|text| text.lines().nth(7).map(str::trim) == Some("ready"));
            if ready {
                return Ok(());
            }
            if began.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(
                    format!("the Postgres server is not ready after {DEADLINE:?}: {log}").into(),
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
        // What is left is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The server that the tests of a process share.
static SHARED: LazyLock<Mutex<Option<TestServer>>> = LazyLock::new(Mutex::default);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Makes an empty database in the server that [`SERVER_VARIABLE`] names, or in one that is started for this process;
/// gives its URL. Fails where there is no Postgres.
pub async fn fresh_database() -> Result<String, Failure> {
    let name = format!(
        "portolan_test_{}_{}",
        std::process::id(),
        DATABASES.fetch_add(1, Ordering::Relaxed)
    );
    if let Ok(url) = std::env::var(SERVER_VARIABLE) {
        create_database(&url, &name).await?;
        return Ok(url
            .parse::<PgConnectOptions>()?
            .database(&name)
            .to_url_lossy()
            .to_string());
    }
    let (maintenance, url) = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let server = match shared.take() {
            Some(server) => server,
            None => TestServer::start()?,
        };
        let server = shared.insert(server);
        (server.url("postgres"), server.url(&name))
    };
    create_database(&maintenance, &name).await?;
    Ok(url)
}

async fn create_database(server: &str, name: &str) -> Result<(), Failure> {
    let mut connection = server.parse::<PgConnectOptions>()?.connect().await?;
    connection
        .execute(AssertSqlSafe(format!(
            "CREATE DATABASE \"{name}\" TEMPLATE template0"
        )))
        .await?;
    connection.close().await?;
    Ok(())
}

/// A program of Postgres, from PATH or where distributions put it; the newest version.
pub fn program(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    versions.sort();
    folders.extend(
        versions
            .into_iter()
            .rev()
            .map(|version| version.join("bin")),
    );
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    found.ok_or_else(|| format!("Postgres is needed for this test, but there is no {name} in PATH or /usr/lib/postgresql/*/bin; set {SERVER_VARIABLE} to use a running server").into())
}

/// Postgres refuses to run as root; then it runs as the user `postgres`.
fn as_postgres() -> Vec<&'static str> {
    if is_root() {
        vec![
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
        ]
    } else {
        Vec::new()
    }
}

fn is_root() -> bool {
    id(&["-u"]).is_ok_and(|id| id == 0)
}

fn give_to_postgres(folder: &Path) -> Result<(), Failure> {
    if is_root() {
        std::os::unix::fs::chown(
            folder,
            Some(id(&["-u", "postgres"])?),
            Some(id(&["-g", "postgres"])?),
        )?;
    }
    Ok(())
}

fn id(arguments: &[&str]) -> Result<u32, Failure> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        io::Error::other(format!(
            "id {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ))
        .into()
    })
}
