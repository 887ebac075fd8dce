//! Brokers under test: inside this process, or as processes of their own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schleuse_broker::config::Config;
use schleuse_broker::engine::{Clock, SystemClock};
use schleuse_broker::server::{Server, ServerError};

use crate::pki::Pki;

/// A clock that tests can move.
#[derive(Debug)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn starting_now() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(SystemClock.now())))
    }

    /// At an instant of choice, Unix milliseconds.
    pub fn at(now: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(now)))
    }

    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Unix milliseconds, as they stand in messages.
    pub fn now_ms(&self) -> i64 {
        self.now().try_into().unwrap()
    }

    pub fn set_back(&self, ms: u64) {
        self.0.fetch_sub(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Limits that no test reaches unless it sets them.
const WIDE_LIMITS: [(&str, u32); 9] = [
    ("handshakes_per_second_per_address", 100_000),
    ("calls_per_second", 1_000_000),
    ("calls_under_way_max", 10_000),
    ("calls_under_way_per_agency_max", 10_000),
    ("streams_max", 10_000),
    ("streams_per_agency_max", 10_000),
    ("messages_per_second", 10_000_000),
    ("connection_mib_per_second", 256),
    ("connections_per_identity_max", 256),
];

/// Writes a configuration into a folder. Lines of `more_limits` come before those of wide limits.
pub fn write_config(folder: &Path, pki: &Path, more_limits: &str) -> PathBuf {
    let catalogue = repository().join("ops/reference/catalogue.toml");
    let wide = WIDE_LIMITS.iter().filter(|(key, _)| !more_limits.contains(key));
    let limits = wide.map(|(key, value)| format!("{key} = {value}\n"));
    let limits: String = limits.chain([more_limits.to_owned()]).collect();
    let text = format!(
        r#"
profile = "development"
listen = "127.0.0.1:0"
data_dir = "data"
console.listen = "127.0.0.1:0"
catalogue = "{catalogue}"
project_agency = "projekt"
reflection = true
[tls]
trust = "{pki}/trust.toml"
certificate = "{pki}/broker/broker.pem"
key = "{pki}/broker/broker.key"
crls = "{pki}/crls"
[log]
checkpoint_key = "{pki}/broker/checkpoint.key"
reserve_mib = 64
free_mib_min = 0
[limits]
{limits}
"#,
        catalogue = catalogue.display(),
        pki = pki.display(),
    );
    let path = folder.join("broker.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A broker inside this process.
pub struct TestBroker {
    pub server: Server,
    pub folder: tempfile::TempDir,
}

impl TestBroker {
    pub async fn start() -> Self {
        Self::with(Pki::shared(), Arc::new(SystemClock), "").await
    }

    pub async fn with(pki: &Pki, clock: Arc<dyn Clock>, more_limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), pki.path(), more_limits);
        let server = Self::open(folder.path(), clock).await.unwrap();
        Self { server, folder }
    }

    /// Starts a broker on the data of a folder.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Server, ServerError> {
        let config = Config::load(&folder.join("broker.toml")).unwrap();
        let on_fatal = Box::new(|error: &_| panic!("the journal failed: {error}"));
        Server::start(&config, clock, on_fatal).await
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Stops and starts it on the same data.
    pub async fn restart(self, clock: Arc<dyn Clock>) -> Self {
        let Self { server, folder } = self;
        server.drain().await;
        let server = Self::open(folder.path(), clock).await.unwrap();
        Self { server, folder }
    }
}

/// Path of a program of this workspace, built beside this one.
pub fn program(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run cargo build --workspace first", path.display());
    path
}

/// The broker's log; a later start of the same broker goes on with it.
fn log_file(folder: &Path) -> std::fs::File {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true).open(folder.join("broker.log")).unwrap()
}

/// A broker as a process of its own; killed when dropped.
#[derive(Debug)]
pub struct BrokerProcess {
    pub child: Child,
    pub address: SocketAddr,
}

impl BrokerProcess {
    /// Starts it and waits until it listens.
    pub fn start(folder: &Path) -> Result<Self, String> {
        Self::start_logging(folder, "info")
    }

    /// Starts it with a log of this level, in `broker.log` of the folder.
    pub fn start_logging(folder: &Path, level: &str) -> Result<Self, String> {
        Self::start_in(folder, level, &[])
    }

    /// The same in an environment.
    pub fn start_in(
        folder: &Path,
        level: &str,
        environment: &[(&str, String)],
    ) -> Result<Self, String> {
        let mut child = Command::new(program("schleuse-broker"))
            .arg("serve")
            .arg("--config")
            .arg(folder.join("broker.toml"))
            .env("RUST_LOG", level)
            .envs(environment.iter().map(|(key, value)| (*key, value)))
            .stdout(Stdio::piped())
            .stderr(log_file(folder))
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        match line.trim().strip_prefix("listening on ").and_then(|text| text.parse().ok()) {
            Some(address) => Ok(Self { child, address }),
            None => {
                let status = child.wait().unwrap();
                let log = std::fs::read_to_string(folder.join("broker.log")).unwrap();
                Err(format!("{status}: {log}"))
            }
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits; returns the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
