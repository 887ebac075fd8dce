//! A whole broker: files → engine → edge, from start to drain.

pub mod surroundings;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use schleuse_proto::checkpoint::CheckpointVerifier;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Profile, files};
use crate::domain::ids::AgencyId;
use crate::domain::state::Rules;
use crate::edge::tls::{TlsError, TlsFiles};
use crate::edge::{self, Edge};
use crate::engine::standing::Standing;
use crate::engine::{self, Clock, Engine, Entropy, OnFatal, StartError};
use crate::journal::JournalError;
use crate::journal::disk::RealDisk;
use crate::witness::{self, Witnesses};
use surroundings::SurroundingsError;

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A file.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The machine.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// The socket of the console.
    #[error("console.listen = \"{address}\": {source}")]
    ListenConsole {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The socket.
    #[error("listen = \"{address}\": {source}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl ServerError {
    /// Whether the data is in doubt: restarting cannot help, and must not be tried.
    #[must_use]
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Engine(StartError::Journal(error)) if error.is_integrity())
    }
}

/// A running broker.
pub struct Server {
    edge: Edge,
    engine: Engine,
    end: CancellationToken,
    keeper: JoinHandle<()>,
    collector: JoinHandle<()>,
    _lock: File,
}

/// Rules of an installation.
///
/// # Errors
/// A file cannot be used.
pub fn rules(config: &Config, trust: &files::TrustFiles) -> Result<Rules, ServerError> {
    let catalogue = files::catalogue(&config.catalogue)?;
    let project_agency = AgencyId::parse(&config.project_agency)
        .ok_or_else(|| TlsError::Tls("project_agency is not an identifier".to_owned()))?;
    let agencies: BTreeSet<AgencyId> =
        trust.trust.agencies().into_iter().filter_map(AgencyId::parse).collect();
    Ok(Rules {
        catalogue,
        agencies,
        project_agency,
        limits: config.core,
        delivery: config.delivery,
        reviews: config.reviews,
        evaluation_persons_min: config.evaluation_persons_min,
        planning: config.planning.clone(),
    })
}

/// Random bytes of the operating system, drawn in pieces.
pub(crate) struct SystemEntropy {
    random: SystemRandom,
    pool: Vec<u8>,
}

impl SystemEntropy {
    pub(crate) fn new() -> Self {
        Self { random: SystemRandom::new(), pool: Vec::new() }
    }
}

/// Asks the witnesses once, and goes on with it in a task of its own until the end. A journal from an old
/// copy hears here that it is behind.
async fn start_witnesses(
    config: &Config,
    log_key: &str,
    engine: &Engine,
    end: &CancellationToken,
) -> Result<JoinHandle<()>, ServerError> {
    let log = CheckpointVerifier::new(log_key).map_err(|error| TlsError::Tls(error.to_string()))?;
    let (clock, standing) = (engine.clock().clone(), engine.standing().clone());
    let parts = witness::Parts {
        rules: config.witnesses.clone(),
        log,
        reader: engine.reader().clone(),
        now: Arc::new(move || clock.now()),
        file: config.data_dir.join("cosigned"),
        on_ahead: Arc::new(move |shown| {
            if let Err(error) = standing.observe(&shown.note) {
                tracing::error!(%error, "a witness showed what is no checkpoint of this log");
            }
        }),
    };
    let (witnesses, collector) = Witnesses::start(parts, end.clone()).await;
    engine.standing().set_witnesses(witnesses);
    Ok(collector)
}

/// How often the newest checkpoint is written into the file on another volume.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Writes the newest checkpoint into the file on another volume, again and again, and once at the end.
async fn keep_newest(standing: Arc<Standing>, end: CancellationToken) {
    loop {
        let is_last = tokio::time::timeout(KEEP_EVERY, end.cancelled()).await.is_ok();
        let keeper = standing.clone();
        let kept = tokio::task::spawn_blocking(move || keeper.keep_newest()).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "log.state_file cannot be written");
        }
        if is_last {
            return;
        }
    }
}

/// Bytes drawn at once.
const POOL_BYTES: usize = 4096;

impl Entropy for SystemEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        if self.pool.len() < buffer.len() {
            self.pool.resize(POOL_BYTES.max(buffer.len()), 0);
            if self.random.fill(&mut self.pool).is_err() {
                // Without randomness no salt and no pseudonym is safe.
                std::process::abort();
            }
        }
        let rest = self.pool.split_off(self.pool.len() - buffer.len());
        buffer.copy_from_slice(&rest);
    }
}

/// Takes the data folder for this process.
pub(crate) fn lock(folder: &Path) -> Result<File, StartError> {
    let io = |what, path: &Path| {
        let path = path.to_owned();
        move |source| JournalError::Io { what, path, source }
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io("cannot create", folder))?;
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io("cannot open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(JournalError::Locked { path: folder.to_owned() }.into())
        }
        Err(TryLockError::Error(error)) => Err(io("cannot lock", &path)(error).into()),
    }
}

impl Server {
    /// Starts a broker.
    ///
    /// # Errors
    /// Says which file, folder or socket cannot be used.
    pub async fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        on_fatal: OnFatal,
    ) -> Result<Self, ServerError> {
        let trust = files::trust(config)?;
        let signer = files::signer(config, &trust.log_key)?;
        let rules = rules(config, &trust)?;
        let lock = lock(&config.data_dir)?;
        surroundings::check_volume(&config.data_dir, config.profile)?;
        let parts = engine::Parts {
            rules: Arc::new(rules),
            disk: Arc::new(RealDisk),
            signer: Arc::new(signer),
            sizes: config.sizes,
            clock,
            entropy: Box::new(|| Box::new(SystemEntropy::new())),
            on_fatal,
            retention: config.retention,
            state_file: config.state_file.clone(),
        };
        let folder = config.data_dir.clone();
        let engine = tokio::task::spawn_blocking(move || Engine::start(&folder, parts))
            .await
            .map_err(|_| TlsError::Tls("the start was interrupted".to_owned()))??;
        let end = CancellationToken::new();
        let unless_started = end.clone().drop_guard();
        // Before anybody is served: a broker that is behind permits nothing from its first call on.
        let collector = start_witnesses(config, &trust.log_key, &engine, &end).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| ServerError::Listen { address: config.listen, source })?;
        let console = match config.console {
            None => None,
            Some(address) => {
                let listener = TcpListener::bind(address)
                    .await
                    .map_err(|source| ServerError::ListenConsole { address, source })?;
                let (catalogue, trust) = (config.catalogue.clone(), config.trust.clone());
                Some(edge::ConsoleParts { listener, catalogue, trust })
            }
        };
        let edge = Edge::start(edge::Parts {
            listener,
            console,
            tls: TlsFiles {
                certificate: config.certificate.clone(),
                key: config.key.clone(),
                crls: config.crls.clone(),
                root: trust.root,
                trust: trust.trust,
            },
            limits: config.edge,
            engine: engine.clone(),
            check_signatures: config.check_signatures,
            reflection: config.reflection,
            is_production: config.profile == Profile::Production,
        })
        .await?;
        let keeper = tokio::spawn(keep_newest(engine.standing().clone(), end.clone()));
        unless_started.disarm();
        Ok(Self { edge, engine, end, keeper, collector, _lock: lock })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.edge.address()
    }

    /// Where browsers come in, if they may.
    #[must_use]
    pub fn console_address(&self) -> Option<std::net::SocketAddr> {
        self.edge.console_address()
    }

    /// The engine behind it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The edge in front.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Lets calls end, closes connections, finishes the journal.
    pub async fn drain(self) {
        let Self { edge, engine, end, keeper, collector, _lock } = self;
        edge.drain().await;
        let closing = tokio::task::spawn_blocking(move || engine.shut_down());
        let _closed = closing.await;
        end.cancel();
        let _kept = keeper.await;
        let _collected = collector.await;
    }
}
