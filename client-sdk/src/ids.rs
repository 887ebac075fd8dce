//! Identifiers: random ids of 16 bytes, addresses, references of participants, receipts.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use schleuse_proto::evidence::Digest;
use schleuse_proto::identity::is_part;
use schleuse_proto::v1;
use serde::{Serialize, Serializer};

use crate::error::ClientError;
use crate::random;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A fresh random one.
            ///
            /// # Errors
            /// The operating system gives no random bytes.
            pub fn generate() -> Result<Self, ClientError> {
                random::bytes().map(Self)
            }

            /// Reads 16 bytes.
            ///
            /// # Errors
            /// Another length.
            pub fn parse(bytes: &[u8]) -> Result<Self, ClientError> {
                let wrong = |_| ClientError::argument($what, "16 bytes");
                bytes.try_into().map(Self).map_err(wrong)
            }

            /// The 16 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            pub(crate) fn to_bytes(self) -> Bytes {
                Bytes::copy_from_slice(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ClientError;

            fn from_str(text: &str) -> Result<Self, ClientError> {
                let wrong = || ClientError::argument($what, "32 hexadecimal digits");
                from_hex(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(wrong)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

random_id! {
    /// Names a message; also the idempotency key of its submission.
    MessageId, "message id"
}
random_id! {
    /// Names a thread of messages.
    ThreadId, "thread id"
}
random_id! {
    /// Names a consent through all its revisions.
    ConsentId, "consent id"
}
random_id! {
    /// Names a release from professional secrecy.
    ReleaseId, "release id"
}
random_id! {
    /// Names an objection.
    ObjectionId, "objection id"
}
random_id! {
    /// Names a Fallkonferenz.
    ConferenceId, "conference id"
}
random_id! {
    /// Names an item of the agenda of a Fallkonferenz.
    ItemId, "item id"
}
random_id! {
    /// Names an agreement of a Fallkonferenz.
    AgreementId, "agreement id"
}

random_id! {
    /// Names an attachment.
    AttachmentId, "attachment id"
}

/// An agency and a function there, written `agency/function`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Agency identifier.
    pub agency: String,
    /// Function at that agency.
    pub function: String,
}

impl Address {
    /// Both parts, checked.
    ///
    /// # Errors
    /// A part is not 1 to 40 of `[a-z0-9-]`.
    pub fn new(agency: &str, function: &str) -> Result<Self, ClientError> {
        if is_part(agency) && is_part(function) {
            return Ok(Self { agency: agency.to_owned(), function: function.to_owned() });
        }
        Err(ClientError::argument("address", "AGENCY/FUNCTION, each 1 to 40 of [a-z0-9-]"))
    }

    pub(crate) fn to_wire(&self) -> v1::Address {
        v1::Address { agency: self.agency.clone(), function: self.function.clone() }
    }

    pub(crate) fn from_wire(address: Option<&v1::Address>) -> Result<Self, ClientError> {
        address.map_or_else(
            || Err(ClientError::argument("address", "an agency and a function")),
            |address| Self::new(&address.agency, &address.function),
        )
    }
}

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let (agency, function) = text.split_once('/').unwrap_or((text, ""));
        Self::new(agency, function)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.agency, self.function)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One's own reference of a participant. It does not print: ask for the text on purpose.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantReference(String);

impl ParticipantReference {
    /// Reads the printed form: 26 lower-case letters and digits of base 32.
    ///
    /// # Errors
    /// Another length or other characters.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let fits = text.len() == 26
            && text.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(ClientError::argument("participant", "26 lower-case letters and digits of base 32"))
    }

    /// No participant: for messages of purposes that forbid one. Its printed form is empty.
    #[must_use]
    pub fn none() -> Self {
        Self(String::new())
    }

    /// Whether it means no participant.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The printed form.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl FromStr for ParticipantReference {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        Self::parse(text)
    }
}

impl fmt::Debug for ParticipantReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParticipantReference(…)")
    }
}

/// Proof that a request became one record of the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the record, from 0.
    pub record_number: u64,
    /// RFC 9162 leaf hash of the record.
    pub leaf_hash: Digest,
}

impl Receipt {
    pub(crate) fn from_wire(receipt: Option<&v1::Receipt>) -> Result<Self, ClientError> {
        let missing = || ClientError::protocol("a receipt is missing or malformed");
        let receipt = receipt.ok_or_else(missing)?;
        let leaf_hash = receipt.leaf_hash.as_ref().try_into().map_err(|_| missing())?;
        Ok(Self { record_number: receipt.record_number, leaf_hash })
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal digits, if they are.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_hexadecimal_digits() {
        let id = ConsentId::generate().unwrap();
        assert_eq!(id.to_string().parse::<ConsentId>().unwrap(), id);
        for wrong in ["", "00", "zz", &"g".repeat(32), &"+".repeat(32)] {
            assert!(wrong.parse::<ConsentId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_are_parsed_strictly() {
        let address: Address = "drv-bayern-sued/reha".parse().unwrap();
        assert_eq!(address.to_string(), "drv-bayern-sued/reha");
        for wrong in ["drv", "drv/", "/reha", "DRV/reha", "drv/reha/x", "*/*"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn references_do_not_print_by_accident() {
        let reference = ParticipantReference::parse(&"a".repeat(26)).unwrap();
        assert_eq!(format!("{reference:?}"), "ParticipantReference(…)");
        assert!(ParticipantReference::parse(&"A".repeat(26)).is_err());
    }
}
