//! How a client is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schleuse_proto::evidence::sha256;
use tonic::transport::Channel;

use super::{Client, Parts};
use crate::checkpoints::{Alarm, CheckpointKeeper};
use crate::clock::{Clock, SystemClock};
use crate::directory::DirectoryCache;
use crate::error::ClientError;
use crate::ids::hex;
use crate::seal::SealingKeys;
use crate::signer::Signer;
use crate::spot_checks::SpotChecks;
use crate::tls::{self, Target};
use crate::trust_file::TrustAnchors;

/// Everything a client needs; see [`Client::builder`].
#[derive(Default)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Option<String>,
    server_name: Option<String>,
    trust_file: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    sealing_file: Option<PathBuf>,
    sealing_keys: Option<SealingKeys>,
    state_dir: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    alarm: Option<Alarm>,
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &self.endpoint)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Where the broker listens: `https://host:port`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Name that the broker's certificate must have; without it, the host of the endpoint.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The installation's trust file.
    pub fn trust_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust_file = Some(path.into());
        self
    }

    /// Our certificate chain, PEM, leaf first.
    pub fn certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(path.into());
        self
    }

    /// Our private key, PEM; nobody else may be able to read the file.
    pub fn key(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(path.into());
        self
    }

    /// Our private sealing keys; needed to receive. Nobody else may be able to read the file.
    pub fn sealing_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sealing_file = Some(path.into());
        self
    }

    /// Private sealing keys that are in memory already.
    pub fn sealing_keys(mut self, keys: SealingKeys) -> Self {
        self.sealing_keys = Some(keys);
        self
    }

    /// Folder in which the newest checkpoint is kept from one run to the next. Without it a broker
    /// that was rolled back between two runs is not found out.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self
    }

    /// Another clock than the operating system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Called with every alarm, also with those that no call returns.
    pub fn on_alarm(mut self, alarm: impl Fn(&ClientError) + Send + Sync + 'static) -> Self {
        self.alarm = Some(Arc::new(alarm));
        self
    }

    /// Connects, and asks at once whether the broker's log is at least as long as the one known.
    ///
    /// # Errors
    /// Something is missing or cannot be used, the broker cannot be reached, or it was rolled back.
    pub async fn connect(self) -> Result<Client, ClientError> {
        let client = self.connect_unchecked().await?;
        client.checkpoints().check_latest(&client).await?;
        Ok(client)
    }

    /// Connects without asking anything: for tests that look at the first call themselves.
    ///
    /// # Errors
    /// Something is missing or cannot be used, or the broker cannot be reached.
    pub async fn connect_unchecked(self) -> Result<Client, ClientError> {
        let endpoint = required(self.endpoint.as_ref(), "endpoint")?;
        let target = Target::parse(endpoint, self.server_name.as_deref())?;
        let anchors = TrustAnchors::load(required(self.trust_file.as_ref(), "trust_file")?)?;
        let certificate = required(self.certificate.as_ref(), "certificate")?;
        let signer = Signer::load(certificate, required(self.key.as_ref(), "key")?)?;
        let config = tls::tls_config(&anchors, &signer)?;
        let endpoint = target.authority().to_owned();
        let channel = tls::connect(target, config).await?;
        self.over(endpoint, channel, anchors, signer)
    }

    /// A client over a channel that exists already, in the name of somebody whose certificate was verified where the
    /// channel was made. Endpoint, certificate and key of the builder do not matter. Nothing is asked.
    ///
    /// # Errors
    /// The sealing keys or the kept checkpoint cannot be used.
    pub fn over(
        self,
        endpoint: String,
        channel: Channel,
        anchors: TrustAnchors,
        signer: Signer,
    ) -> Result<Client, ClientError> {
        let sealing = match (self.sealing_keys, &self.sealing_file) {
            (Some(keys), _) => keys,
            (None, Some(path)) => SealingKeys::load(path)?,
            (None, None) => SealingKeys::default(),
        };
        let state = self.state_dir.as_deref().map(|folder| state_file(folder, &anchors.log_key));
        let keeper = CheckpointKeeper::open(anchors.log.clone(), state, self.alarm)?;
        Ok(Client(Arc::new(Parts {
            endpoint,
            channel,
            signer,
            anchors,
            keeper,
            sealing,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            directory: DirectoryCache::default(),
            state_dir: self.state_dir,
            spot_checks: SpotChecks::default(),
        })))
    }
}

/// One file for each log, so that a state folder can serve several installations.
fn state_file(folder: &Path, log_key: &str) -> PathBuf {
    let digest = hex(&sha256(&[log_key.as_bytes()]));
    folder.join(format!("checkpoint-{}", digest.get(..16).unwrap_or_default()))
}

fn required<'a, T>(value: Option<&'a T>, what: &'static str) -> Result<&'a T, ClientError> {
    value.ok_or_else(|| ClientError::argument(what, "a value; it is required"))
}
