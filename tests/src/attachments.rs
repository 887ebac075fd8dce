//! Attachments over connections that are cut: the campaign behind "interrupted 100 times, arrives whole".
//!
//! A proxy between client and broker cuts each connection after a random number of bytes. The sender uploads
//! through one, the recipient downloads through another and ends and begins its collector anew in between. What
//! arrives must be the file, byte for byte, once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use schleuse_client::{
    Address, Attachment, AttachmentCollector, Client, Content, Draft, ParticipantReference,
    ReceiveStream, Saved, SealingKeys, Taken, Upload,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::pki::Pki;
use crate::raw::{DRV, JOBCENTER, LOTSE_AGENCY, RawClient, consent, grant};

/// A small generator of numbers that one seed repeats (splitmix64).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = (0..length.div_ceil(8)).flat_map(|_| self.draw().to_le_bytes());
        words.take(length).collect()
    }
}

/// A TCP proxy that cuts connections.
pub struct Chopper {
    pub address: SocketAddr,
    cuts: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Drop for Chopper {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Chopper {
    /// Passes connections on to `to`, and cuts each after up to `bytes_max` bytes in both directions together,
    /// `cuts_max` times.
    pub async fn start(to: SocketAddr, seed: u64, cuts_max: u64, bytes_max: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = cuts.clone();
        let numbers = Mutex::new(Numbers::new(seed));
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(to).await else { continue };
                let limit = numbers.lock().unwrap().below(bytes_max);
                tokio::spawn(pass(near, far, limit, cuts_max, counted.clone()));
            }
        });
        Self { address, cuts, accepting }
    }

    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut near: TcpStream,
    mut far: TcpStream,
    limit: u64,
    cuts_max: u64,
    cuts: Arc<AtomicU64>,
) {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    let mut passed = 0;
    let _best_effort = (near.set_nodelay(true), far.set_nodelay(true));
    loop {
        let done = tokio::select! {
            read = near.read(&mut up) => match read {
                Ok(bytes) if bytes > 0 => {
                    passed += bytes as u64;
                    far.write_all(&up[..bytes]).await.is_err()
                }
                _ => true,
            },
            read = far.read(&mut down) => match read {
                Ok(bytes) if bytes > 0 => {
                    passed += bytes as u64;
                    near.write_all(&down[..bytes]).await.is_err()
                }
                _ => true,
            },
        };
        if done {
            return;
        }
        let may_cut = |cuts: u64| (cuts < cuts_max).then_some(cuts + 1);
        if passed > limit && cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, may_cut).is_ok()
        {
            return;
        }
    }
}

/// A participant with consents from the Jobcenter to the DRV: for dates, and for the categories of attachments.
pub struct Site {
    pub broker: SocketAddr,
    pub folder: tempfile::TempDir,
    pub lotse: RawClient,
    pub reference: String,
    pub jobcenter_reference: String,
    /// Covers the message.
    pub consent: schleuse_proto::v1::ConsentDocument,
    /// Covers the attachments.
    pub attachment_consent: schleuse_proto::v1::ConsentDocument,
}

/// Category of the attachments.
pub const ATTACHED: &str = "hilfeplan";

impl Site {
    /// Records the consents, and publishes the recipient's keys.
    pub async fn open(broker: SocketAddr) -> Self {
        let lotse = RawClient::connect(broker, LOTSE_AGENCY, "lotse-l-01").await;
        let reference = lotse.register().await;
        let jobcenter_reference = lotse.reference_for(&reference, JOBCENTER).await;
        let of_message = consent(&reference, vec![grant(&[JOBCENTER], DRV)]);
        let mut attached = grant(&[JOBCENTER], DRV);
        attached.categories = vec![ATTACHED.to_owned()];
        let of_attachments = consent(&reference, vec![attached]);
        lotse.record_consent(&of_message).await.unwrap();
        lotse.record_consent(&of_attachments).await.unwrap();
        let site = Self {
            broker,
            folder: tempfile::tempdir().unwrap(),
            lotse,
            reference,
            jobcenter_reference,
            consent: of_message,
            attachment_consent: of_attachments,
        };
        let drv = site.recipient(broker).await;
        let keys: Vec<_> = drv.sealing_keys().public_keys().cloned().collect();
        let functions = [("zentrale".to_owned(), "Zentrale".to_owned())];
        drv.directory().publish("DRV", &functions, &keys, 30 * 24 * 3_600_000).await.unwrap();
        site
    }

    async fn client(&self, agency: &str, through: SocketAddr) -> Client {
        let pki = Pki::shared();
        let leaf = pki.leaf(agency, "system");
        let sealing = pki.path().join("agencies").join(agency).join("sealing.toml");
        // The connection may be cut while it is made.
        for _ in 0..1000 {
            let builder = Client::builder()
                .endpoint(format!("https://{through}"))
                .server_name("localhost")
                .trust_file(pki.path().join("trust.toml"))
                .certificate(leaf.with_extension("pem"))
                .key(leaf.with_extension("key"))
                .sealing_keys(SealingKeys::load(&sealing).unwrap())
                .state_dir(self.folder.path().join(format!("state-{agency}")));
            match builder.connect().await {
                Ok(client) => return client,
                Err(error) => assert!(error.retryable(), "{error}"),
            }
        }
        panic!("no connection");
    }

    pub async fn sender(&self, through: SocketAddr) -> Client {
        self.client(JOBCENTER, through).await
    }

    pub async fn recipient(&self, through: SocketAddr) -> Client {
        self.client(DRV, through).await
    }

    /// A file of random bytes.
    pub fn file(&self, name: &str, bytes: usize, seed: u64) -> (PathBuf, Vec<u8>) {
        let path = self.folder.path().join(name);
        let data = Numbers::new(seed).bytes(bytes);
        std::fs::write(&path, &data).unwrap();
        (path, data)
    }

    pub fn draft(&self) -> Draft {
        Draft {
            professional_secret: false,
            participant_reference: ParticipantReference::parse(&self.jobcenter_reference).unwrap(),
            recipient: Address::new(DRV, "zentrale").unwrap(),
            sender_function: "zentrale".to_owned(),
            kind: "fallkonferenz.note".to_owned(),
            purpose: "fallkonferenz".to_owned(),
            categories: vec!["termine".to_owned()],
            thread_id: None,
            expires_in: std::time::Duration::from_secs(24 * 3600),
            content: Content::text("Unterlagen", "anbei").unwrap(),
            suite: None,
        }
    }

    pub fn attachment(&self, path: &Path) -> Attachment {
        Attachment {
            path: path.to_owned(),
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            media_type: "application/octet-stream".to_owned(),
            categories: vec![ATTACHED.to_owned()],
        }
    }
}

/// Takes what comes until a message with its attachments is there. Ends and begins the collector anew after
/// every so many parts.
pub async fn collect(
    stream: &mut ReceiveStream,
    folder: &Path,
    reopen_every: u32,
) -> (Vec<Saved>, u32) {
    let mut collector = AttachmentCollector::open(folder).unwrap();
    let mut deliveries = 0;
    loop {
        let received = match stream.next().await {
            Ok(incoming) => incoming.verified().unwrap(),
            Err(error) if error.retryable() => continue,
            Err(error) => panic!("{error}"),
        };
        deliveries += 1;
        if deliveries % reopen_every == 0 {
            drop(collector);
            collector = AttachmentCollector::open(folder).unwrap();
        }
        let taken = collector.take(&received).unwrap();
        // Lost with its connection, the acknowledgement is made good when the message comes again.
        if let Err(error) = received.acknowledge().await {
            assert!(error.retryable(), "{error}");
            continue;
        }
        match taken {
            Taken::Message { saved, waiting } if !saved.is_empty() => {
                assert!(waiting.is_empty(), "{waiting:?}");
                return (saved, deliveries);
            }
            Taken::Message { .. } => panic!("a message without its attachment"),
            Taken::Part { .. } => {}
            _ => panic!("something new"),
        }
    }
}

/// What a run saw.
#[derive(Clone, Copy, Debug)]
pub struct AttachReport {
    pub seed: u64,
    pub bytes: u64,
    pub upload_cuts: u64,
    pub download_cuts: u64,
    /// Parts and messages that were handed out, repetitions counted.
    pub deliveries: u32,
    pub arrived_whole: bool,
}

/// Sends a file of so many bytes in parts of so many, with so many cuts on either side.
pub async fn interrupted(
    broker: SocketAddr,
    seed: u64,
    bytes: usize,
    chunk_bytes: usize,
    cuts: u64,
) -> AttachReport {
    let site = Site::open(broker).await;
    let (path, data) = site.file("befund.bin", bytes, seed);
    // So that somewhat less than one part passes between two cuts: a handshake and a question come before it.
    let between = chunk_bytes as u64 * 3;
    let upward = Chopper::start(broker, seed ^ 1, cuts, between).await;
    let sender = site.sender(upward.address).await;
    let upload = Upload::new(site.draft(), vec![site.attachment(&path)]).chunk_bytes(chunk_bytes);
    let outcome = sender.upload(upload).await.unwrap();
    assert!(outcome.message.is_some_and(|message| message.is_accepted()));
    let upload_cuts = upward.cuts();

    let downward = Chopper::start(broker, seed ^ 2, cuts, between).await;
    let recipient = site.recipient(downward.address).await;
    let folder = site.folder.path().join("collected");
    let mut stream = recipient.receive(&["zentrale"], 4);
    let (saved, deliveries) = collect(&mut stream, &folder, 7).await;
    let [saved] = saved.as_slice() else { panic!("{saved:?}") };
    AttachReport {
        seed,
        bytes: saved.bytes,
        upload_cuts,
        download_cuts: downward.cuts(),
        deliveries,
        arrived_whole: std::fs::read(&saved.path).unwrap() == data,
    }
}
