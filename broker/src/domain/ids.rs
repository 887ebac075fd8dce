//! Identifiers. Each is made only by `parse` or from entropy that the caller passes in; references
//! to participants never print themselves.

use std::fmt;
use std::sync::Arc;

use schleuse_proto::identity::is_part;

/// Unix time in milliseconds, UTC.
pub type TimeMs = u64;

/// Number of a log record, counted from 0.
pub type RecordNumber = u64;

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Takes 16 bytes; anything else is none.
            #[must_use]
            pub fn parse(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Makes it from entropy or stored bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

opaque_id!(
    /// Pseudonym of a participant inside the broker; it never leaves the broker's files.
    ParticipantId
);
impl ParticipantId {
    /// Whom messages of purposes without participant are about; never registered, never in a file.
    pub const NOBODY: Self = Self([0; 16]);
}

opaque_id!(
    /// Identifier of a consent, chosen by the Lotse.
    ConsentId
);
opaque_id!(
    /// Identifier of a release from professional secrecy, chosen by the Lotse.
    ReleaseId
);
opaque_id!(
    /// Identifier of an objection, chosen by the Lotse.
    ObjectionId
);
opaque_id!(
    /// Identifier of a hold on erasure.
    HoldId
);
opaque_id!(
    /// Identifier of a message, chosen by the sender; also its idempotency key.
    MessageId
);
opaque_id!(
    /// Identifier of a thread, chosen by the sender.
    ThreadId
);
opaque_id!(
    /// Key by which a registration is repeated without a second effect.
    RegistrationKey
);
opaque_id!(
    /// By which one agency addresses one participant. Other agencies have others.
    Reference
);

/// Letters of a printed reference: RFC 4648 base 32 in lower case, no padding.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Reference {
    /// Reads the printed form: 26 letters of base 32, unused bits zero.
    #[must_use]
    pub fn parse_text(text: &str) -> Option<Self> {
        if text.len() != 26 {
            return None;
        }
        let mut value: u128 = 0;
        for (position, byte) in text.bytes().enumerate() {
            let digit = BASE32.iter().position(|letter| *letter == byte)?;
            let digit = u128::try_from(digit).ok()?;
            if position == 25 {
                if digit & 0b11 != 0 {
                    return None;
                }
                value = (value << 3) | (digit >> 2);
            } else {
                value = (value << 5) | digit;
            }
        }
        Some(Self(value.to_be_bytes()))
    }

    /// The printed form. Not `Display`, so that it cannot slip into a log line.
    #[must_use]
    pub fn to_text(self) -> String {
        let value = u128::from_be_bytes(self.0);
        let letter = |digit: u128| {
            let index = usize::try_from(digit & 31).unwrap_or_default();
            char::from(BASE32.get(index).copied().unwrap_or(b'a'))
        };
        let mut text: String = (0..25).map(|place| letter(value >> (123 - 5 * place))).collect();
        text.push(letter(value << 2));
        text
    }
}

/// An agency identifier, `[a-z0-9-]{1,40}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgencyId(Arc<str>);

impl AgencyId {
    /// Takes a well-formed identifier.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_part(text).then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An agency and a function there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The agency.
    pub agency: AgencyId,
    /// The function, `[a-z0-9-]{1,40}`.
    function: Arc<str>,
}

impl Address {
    /// Takes well-formed identifiers.
    #[must_use]
    pub fn parse(agency: &str, function: &str) -> Option<Self> {
        let agency = AgencyId::parse(agency)?;
        is_part(function).then(|| Self { agency, function: function.into() })
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }
}

impl fmt::Display for AgencyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn references_survive_printing(bytes in any::<[u8; 16]>()) {
            let reference = Reference::from_bytes(bytes);
            let text = reference.to_text();
            prop_assert_eq!(text.len(), 26);
            prop_assert_eq!(Reference::parse_text(&text), Some(reference));
        }
    }

    #[test]
    fn only_one_spelling_of_a_reference_is_accepted() {
        let text = Reference::from_bytes([0; 16]).to_text();
        for wrong in [text.to_uppercase(), text.replace('a', "1"), format!("{text}a")] {
            assert_eq!(Reference::parse_text(&wrong), None);
        }
        assert_eq!(Reference::parse_text(&format!("{}b", &text[..25])), None);
    }

    #[test]
    fn references_do_not_print_in_debug() {
        assert_eq!(format!("{:?}", Reference::from_bytes([9; 16])), "Reference(…)");
    }
}
