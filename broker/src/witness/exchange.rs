//! One exchange with one witness: the newest checkpoint and its proof against a cosignature.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use schleuse_proto::checkpoint::{CheckpointVerifier, SignedCheckpoint};
use schleuse_proto::cosignature::{Cosignature, CosignatureError};
use schleuse_proto::evidence::Digest;
use schleuse_proto::witness::{ADD_CHECKPOINT, AddCheckpoint, CHECKPOINT, parse_size_body};

use super::WitnessConfig;
use super::http::Connection;
use crate::journal::{Commit, JournalError, JournalReader};

/// Longest time for a whole exchange.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(5);
/// Most submissions in one exchange: one with the size that we know, one with the size that the
/// witness names, and one more if another of our processes was in between.
const SUBMISSIONS_MAX: usize = 3;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection, or it broke.
    #[error("cannot be reached: {why}")]
    Unreachable {
        /// What happened.
        why: String,
    },
    /// Too slow.
    #[error("no answer within {} s", EXCHANGE_TIME_MAX.as_secs())]
    Slow,
    /// An answer that is none of a cosignature.
    #[error("answered {status}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
    },
    /// An answer that breaks the protocol.
    #[error("its answer breaks the protocol: {why}")]
    Malformed {
        /// What is wrong.
        why: &'static str,
    },
    /// A cosignature that does not verify.
    #[error("its answer: {0}")]
    Cosignature(#[from] CosignatureError),
    /// Its clock and ours differ too much for its time to mean anything.
    #[error("its clock is {difference_s} s from ours")]
    Clock {
        /// Difference in seconds.
        difference_s: u64,
    },
    /// It has seen more of our log than we have, or something else, and shows our signature.
    #[error("shows {} records signed by our key that this log does not hold", .0.size)]
    Ahead(Box<SignedCheckpoint>),
    /// It says so, but shows no signature of ours.
    #[error(
        "does not take our log as continuing its {size} records, and shows no note of ours that differs"
    )]
    Unproven {
        /// Size that it names.
        size: u64,
    },
    /// Our own journal.
    #[error("the journal cannot be read: {why}")]
    Journal {
        /// Why.
        why: String,
    },
}

/// What an exchange needs.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) witness: WitnessConfig,
    pub(super) log: CheckpointVerifier,
    pub(super) reader: Arc<dyn JournalReader>,
    /// Size that the witness cosigned last, as far as we know; 0 if we do not.
    pub(super) known_size: u64,
    pub(super) commit: Commit,
}

impl Exchange {
    /// Submits the commit's checkpoint.
    pub(super) async fn run(self) -> Result<Cosignature, Fault> {
        tokio::time::timeout(EXCHANGE_TIME_MAX, self.submit()).await.map_err(|_| Fault::Slow)?
    }

    async fn submit(&self) -> Result<Cosignature, Fault> {
        let mut connection = Connection::open(&self.witness.url).await?;
        let mut old_size = self.known_size;
        for _ in 0..SUBMISSIONS_MAX {
            if old_size > self.commit.size() {
                return Err(self.look(&mut connection, old_size).await);
            }
            let request = AddCheckpoint {
                old_size,
                proof: self.prove(old_size).await?,
                note: self.commit.note().to_vec(),
            };
            let (status, body) =
                connection.ask(Method::POST, ADD_CHECKPOINT, request.encode()).await?;
            match status {
                StatusCode::OK => {
                    return Ok(self.witness.verifier.verify_answer(self.commit.note(), &body)?);
                }
                StatusCode::CONFLICT => {
                    let size = parse_size_body(&body);
                    let size = size.ok_or(Fault::Malformed { why: "409 without a size" })?;
                    if size == old_size {
                        // The same size, another root.
                        return Err(self.look(&mut connection, size).await);
                    }
                    old_size = size;
                }
                // Our own proof is right: the witness has seen something else at this size.
                StatusCode::UNPROCESSABLE_ENTITY => {
                    return Err(self.look(&mut connection, old_size).await);
                }
                status => return Err(Fault::Refused { status }),
            }
        }
        Err(Fault::Malformed { why: "it names another size each time" })
    }

    /// Asks for the witness's newest note, and whether it shows that this journal lost something.
    async fn look(&self, connection: &mut Connection<'_>, size: u64) -> Fault {
        let note = match connection.ask(Method::GET, CHECKPOINT, Vec::new()).await {
            Ok((StatusCode::OK, note)) => note,
            Ok(_) | Err(_) => return Fault::Unproven { size },
        };
        let Ok(theirs) = self.log.verify(&note) else { return Fault::Unproven { size } };
        if theirs.size <= self.reader.latest().size() {
            let size = theirs.size;
            match self.read(move |reader| reader.root(size)).await {
                Ok(root) if root == theirs.root => return Fault::Unproven { size },
                Ok(_) => {}
                Err(fault) => return fault,
            }
        }
        Fault::Ahead(Box::new(theirs))
    }

    async fn prove(&self, old_size: u64) -> Result<Vec<Digest>, Fault> {
        let size = self.commit.size();
        if old_size == 0 || old_size == size {
            return Ok(Vec::new());
        }
        self.read(move |reader| reader.prove_consistency(old_size, size)).await
    }

    /// Reads the journal where it blocks nobody.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn JournalReader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Fault> {
        let reader = self.reader.clone();
        let done = tokio::task::spawn_blocking(move || read(&*reader)).await;
        let done = done.map_err(|error| Fault::Journal { why: error.to_string() })?;
        done.map_err(|error| Fault::Journal { why: error.to_string() })
    }
}
