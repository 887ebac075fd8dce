//! The directory: what agencies say of themselves, believed only with their own signature.
//!
//! The broker stores the entries and cannot change them: an entry counts if a certificate of the
//! agency signed it, and none older than one seen before is accepted in its place.

mod details;
mod search;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::evidence::{decode_canonical, directory_signed_bytes};
use schleuse_proto::identity::{Identity, Role};
use schleuse_proto::trust::Trust;
use schleuse_proto::v1;

use crate::client::Client;
use crate::error::{ClientError, EvidenceFault};
use crate::ids::{Address, Receipt};
use crate::seal::{SealingPublicKey, Suite};

pub use details::{Contact, EntryDetails, FunctionDetails, Offer};
pub use search::{DirectoryHit, DirectoryPage, DirectorySearch, Found};

/// Most agencies in the cache; beyond that it is emptied.
const CACHED_MAX: usize = 2_000;
/// Age in milliseconds at which a cached entry is read again.
const CACHED_MS_MAX: i64 = 5 * 60 * 1000;
/// How far an entry may be signed ahead of our clock, in milliseconds.
const AHEAD_MS_MAX: i64 = 5 * 60 * 1000;

/// A verified entry of the directory.
#[derive(Clone, Debug)]
pub struct AgencyEntry {
    /// The agency.
    pub agency: String,
    /// Counts up from 1.
    pub revision: u32,
    /// Name for people.
    pub display_name: String,
    /// Functions that receive messages: identifier and name for people.
    pub functions: Vec<(String, String)>,
    /// Public sealing keys.
    pub sealing_keys: Vec<PublishedKey>,
    /// What it says beside functions and keys.
    pub details: EntryDetails,
    /// When the agency last confirmed it.
    pub confirmed_at_ms: i64,
    /// When the agency is to confirm it again, as the broker says.
    pub renew_by_ms: i64,
    /// Whether that time has come, or the entry's own validity has ended: it may be out of date.
    pub stale: bool,
    /// When the agency signed.
    pub signed_at_ms: i64,
    /// Who signed.
    pub signed_by: Identity,
    /// The log record of the publication.
    pub receipt: Receipt,
}

/// A public sealing key with its validity.
#[derive(Clone, Debug)]
pub struct PublishedKey {
    /// The key.
    pub key: SealingPublicKey,
    /// First instant of validity.
    pub not_before_ms: i64,
    /// First instant after validity.
    pub not_after_ms: i64,
}

impl AgencyEntry {
    /// The key to seal new messages to: the first one valid now, of the given suite if one is.
    #[must_use]
    pub fn sealing_key(&self, now_ms: i64, suite: Option<Suite>) -> Option<&SealingPublicKey> {
        self.sealing_keys
            .iter()
            .filter(|key| (key.not_before_ms..key.not_after_ms).contains(&now_ms))
            .map(|key| &key.key)
            .find(|key| suite.is_none_or(|suite| key.suite() == suite))
    }

    /// Whether the agency has this function.
    #[must_use]
    pub fn has_function(&self, function: &str) -> bool {
        self.functions.iter().any(|(id, _)| id == function)
    }

    /// What would have been right where a function was expected that the agency does not have: all of its functions,
    /// in words for an error.
    #[must_use]
    pub fn expected_function(&self) -> String {
        let known: Vec<&str> = self.functions.iter().map(|(id, _)| id.as_str()).collect();
        format!("a function of {}: {}", self.agency, known.join(", "))
    }
}

/// Verified entries, for a while.
#[derive(Debug, Default)]
pub(crate) struct DirectoryCache(Mutex<HashMap<String, (i64, AgencyEntry)>>);

impl DirectoryCache {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, (i64, AgencyEntry)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, entry: &AgencyEntry, now_ms: i64) -> Result<(), ClientError> {
        let mut entries = self.entries();
        let seen = entries.get(&entry.agency).map(|(_, seen)| seen.revision);
        if seen.is_some_and(|seen| seen > entry.revision) {
            return Err(directory(&entry.agency, "older than the entry seen before"));
        }
        if entries.len() >= CACHED_MAX {
            entries.clear();
        }
        entries.insert(entry.agency.clone(), (now_ms, entry.clone()));
        Ok(())
    }
}

/// The directory as one client sees it; see [`Client::directory`].
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a>(&'a Client);

impl Client {
    /// The directory of agencies.
    #[must_use]
    pub fn directory(&self) -> Directory<'_> {
        Directory(self)
    }
}

impl Directory<'_> {
    /// Publishes the next revision of our own agency's entry. `functions` are identifiers and
    /// names for people; the keys are valid from now on for `validity_ms`. Offers, contacts and
    /// descriptions stay as they were published before.
    ///
    /// # Errors
    /// The entry is refused, or the broker cannot be reached.
    pub async fn publish(
        &self,
        display_name: &str,
        functions: &[(String, String)],
        keys: &[SealingPublicKey],
        validity_ms: i64,
    ) -> Result<AgencyEntry, ClientError> {
        self.publish_with(display_name, functions, keys, validity_ms, None).await
    }

    /// Like [`Directory::publish`], with all that an entry says; none: as it was published before.
    ///
    /// # Errors
    /// The entry is refused, or the broker cannot be reached.
    pub async fn publish_with(
        &self,
        display_name: &str,
        functions: &[(String, String)],
        keys: &[SealingPublicKey],
        validity_ms: i64,
        details: Option<&EntryDetails>,
    ) -> Result<AgencyEntry, ClientError> {
        let now_ms = self.0.now_ms();
        let former = match self.read(self.0.agency()).await {
            Ok(entry) => Some(entry),
            Err(error) if error.is_refused_for(v1::ErrorReason::NotFound) => None,
            Err(error) => return Err(error),
        };
        let before = former.as_ref().map(|entry| &entry.details);
        let details = details.or(before).cloned().unwrap_or_default();
        let sealing_keys = keys.iter().map(|key| PublishedKey {
            key: key.clone(),
            not_before_ms: now_ms,
            not_after_ms: now_ms.saturating_add(validity_ms),
        });
        let sealing_keys: Vec<PublishedKey> = sealing_keys.collect();
        let revision = former.map_or(1, |entry| entry.revision.saturating_add(1));
        let document = self.document(revision, display_name, functions, &sealing_keys, &details);
        self.publish_document(&document).await
    }

    /// Confirms that our own agency's entry is still so: the same again, with today's date.
    ///
    /// # Errors
    /// We have not published an entry, or the broker cannot be reached.
    pub async fn confirm(&self) -> Result<AgencyEntry, ClientError> {
        self.amend(|_| ()).await
    }

    /// Adds or replaces a contact in our own agency's entry: a body that is not connected, which we keep
    /// up to date. Confirms the rest of the entry with it.
    ///
    /// # Errors
    /// We have not published an entry, the contact is refused, or the broker cannot be reached.
    pub async fn add_contact(&self, contact: Contact) -> Result<AgencyEntry, ClientError> {
        self.amend(|details| {
            details.contacts.retain(|known| known.contact != contact.contact);
            details.contacts.push(contact);
        })
        .await
    }

    /// Publishes our own agency's entry again with changed details.
    async fn amend(
        &self,
        change: impl FnOnce(&mut EntryDetails),
    ) -> Result<AgencyEntry, ClientError> {
        let entry = self.read(self.0.agency()).await?;
        let mut details = entry.details;
        change(&mut details);
        let revision = entry.revision.saturating_add(1);
        let (name, functions, keys) = (&entry.display_name, &entry.functions, &entry.sealing_keys);
        let document = self.document(revision, name, functions, keys, &details);
        self.publish_document(&document).await
    }

    fn document(
        &self,
        revision: u32,
        display_name: &str,
        functions: &[(String, String)],
        keys: &[PublishedKey],
        details: &EntryDetails,
    ) -> v1::DirectoryDocument {
        let now_ms = self.0.now_ms();
        let functions = functions.iter().map(|(function, display_name)| v1::AgencyFunction {
            function: function.clone(),
            display_name: display_name.clone(),
            description: details.description(function),
        });
        let sealing_keys = keys.iter().map(|published| v1::SealingKey {
            suite: published.key.suite().to_wire().into(),
            public_key: published.key.as_bytes().clone(),
            not_before_ms: published.not_before_ms,
            not_after_ms: published.not_after_ms,
        });
        v1::DirectoryDocument {
            agency: self.0.agency().to_owned(),
            revision,
            display_name: display_name.to_owned(),
            functions: functions.collect(),
            sealing_keys: sealing_keys.collect(),
            signed_at_ms: now_ms,
            agency_kind: details.agency_kind.clone(),
            offers: details.offers.iter().map(Offer::to_wire).collect(),
            contacts: details.contacts.iter().map(Contact::to_wire).collect(),
            confirmed_at_ms: now_ms,
            valid_until_ms: details.valid_until_ms,
        }
    }

    async fn publish_document(
        &self,
        document: &v1::DirectoryDocument,
    ) -> Result<AgencyEntry, ClientError> {
        let client = self.0;
        let document = Bytes::from(document.encode_to_vec());
        let signature = client.signer().sign(&directory_signed_bytes(&document))?;
        let request = v1::PublishEntryRequest { document, signature: Some(signature) };
        let service = client.directory_service();
        let answer = client
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.publish_entry(request).await }
            })
            .await?;
        client.settle(&answer.checkpoint).await?;
        // Read back: when it is to be renewed is the broker's to say.
        self.read(client.agency()).await
    }

    /// The verified entry of an agency, from the cache if it is fresh.
    ///
    /// # Errors
    /// The agency has none, or the entry does not prove that it is the agency's.
    pub async fn look_up(&self, agency: &str) -> Result<AgencyEntry, ClientError> {
        let now_ms = self.0.now_ms();
        let cached = self.0.directory_cache().entries().get(agency).cloned();
        match cached {
            Some((read_ms, entry)) if now_ms - read_ms < CACHED_MS_MAX => Ok(entry),
            _ => self.read(agency).await,
        }
    }

    /// The key to seal to for this recipient. Reads the entry again if the cached one has no key
    /// that is valid now, or not the function.
    ///
    /// # Errors
    /// There is no such agency, function or key, or the entry is not the agency's.
    pub async fn sealing_key(
        &self,
        recipient: &Address,
        suite: Option<Suite>,
    ) -> Result<SealingPublicKey, ClientError> {
        let usable = |entry: &AgencyEntry, now_ms| {
            let has_function = entry.has_function(&recipient.function);
            has_function.then(|| entry.sealing_key(now_ms, suite).cloned()).flatten()
        };
        let cached = self.look_up(&recipient.agency).await?;
        if let Some(key) = usable(&cached, self.0.now_ms()) {
            return Ok(key);
        }
        let fresh = self.read(&recipient.agency).await?;
        usable(&fresh, self.0.now_ms()).ok_or_else(|| {
            let expected = if fresh.has_function(&recipient.function) {
                format!("{} has no sealing key of this suite that is valid now", recipient.agency)
            } else {
                fresh.expected_function()
            };
            ClientError::argument("recipient", expected)
        })
    }

    /// All entries, verified. Those that do not verify come as errors beside them.
    ///
    /// # Errors
    /// The broker cannot be reached.
    pub async fn list(&self) -> Result<Vec<Result<AgencyEntry, ClientError>>, ClientError> {
        let client = self.0;
        let service = client.directory_service();
        let answer = client
            .call(|| {
                let mut service = service.clone();
                async move { service.list_agencies(v1::ListAgenciesRequest {}).await }
            })
            .await?;
        let now_ms = client.now_ms();
        Ok(answer.entries.iter().map(|entry| verify(entry, client.trust(), now_ms)).collect())
    }

    async fn read(&self, agency: &str) -> Result<AgencyEntry, ClientError> {
        let client = self.0;
        let service = client.directory_service();
        let request = v1::LookUpAgencyRequest { agency: agency.to_owned() };
        let answer = client
            .call(|| {
                let (mut service, request) = (service.clone(), request.clone());
                async move { service.look_up_agency(request).await }
            })
            .await?;
        let missing = || ClientError::protocol("the directory entry is missing");
        let now_ms = client.now_ms();
        let entry = verify(&answer.entry.ok_or_else(missing)?, client.trust(), now_ms)?;
        if entry.agency != agency {
            return Err(directory(agency, "the entry of another agency"));
        }
        client.directory_cache().put(&entry, now_ms)?;
        Ok(entry)
    }
}

/// Believes an entry only with a signature of the agency itself.
fn verify(
    entry: &v1::DirectoryEntry,
    trust: &Trust,
    now_ms: i64,
) -> Result<AgencyEntry, ClientError> {
    let document: v1::DirectoryDocument =
        decode_canonical(&entry.document).map_err(|_| directory("", "not a canonical document"))?;
    let agency = document.agency.as_str();
    let wrong = |why| directory(agency, why);
    let signature = entry.signature.as_ref().ok_or_else(|| wrong("not signed"))?;
    let signed_at_ms =
        u64::try_from(document.signed_at_ms).map_err(|_| wrong("signed before 1970"))?;
    if document.signed_at_ms > now_ms.saturating_add(AHEAD_MS_MAX) {
        return Err(wrong("signed in the future"));
    }
    let signed = directory_signed_bytes(&entry.document);
    let leaf = trust
        .check_signature(&signed, signature, signed_at_ms)
        .map_err(|error| ClientError::evidence(EvidenceFault::Signature(error)))?;
    let may_sign = matches!(leaf.identity.role, Role::System | Role::Lotse);
    if leaf.identity.agency != document.agency || !may_sign {
        return Err(ClientError::evidence(EvidenceFault::Signer {
            signer: leaf.identity.to_string(),
            agency: document.agency,
        }));
    }
    let sealing_keys = document.sealing_keys.iter().map(|key| {
        let suite =
            Suite::from_wire(key.suite()).ok_or_else(|| wrong("a key of no known suite"))?;
        let parsed = SealingPublicKey::parse(suite, &key.public_key);
        Ok(PublishedKey {
            key: parsed.map_err(|_| wrong("a malformed sealing key"))?,
            not_before_ms: key.not_before_ms,
            not_after_ms: key.not_after_ms,
        })
    });
    let until = document.valid_until_ms;
    Ok(AgencyEntry {
        details: EntryDetails::of(&document),
        confirmed_at_ms: match document.confirmed_at_ms {
            0 => document.signed_at_ms,
            confirmed => confirmed,
        },
        renew_by_ms: entry.renew_by_ms,
        stale: entry.stale || (until != 0 && until <= now_ms),
        sealing_keys: sealing_keys.collect::<Result<_, ClientError>>()?,
        functions: document.functions.into_iter().map(|f| (f.function, f.display_name)).collect(),
        agency: document.agency,
        revision: document.revision,
        display_name: document.display_name,
        signed_at_ms: document.signed_at_ms,
        signed_by: leaf.identity,
        receipt: Receipt::from_wire(entry.receipt.as_ref())?,
    })
}

fn directory(agency: &str, why: &'static str) -> ClientError {
    ClientError::evidence(EvidenceFault::Directory { agency: agency.to_owned(), why })
}
