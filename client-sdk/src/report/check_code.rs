//! The short code on a receipt: whoever has the receipt can ask whether the consent is still the same.
//!
//! 15 signs of 31, computed from the document's hash and the record's leaf hash (74 bits, so that no other
//! consent can be made to fit), and one that checks the others. The signs are digits and capital letters
//! without those that are mistaken for each other (0, 1, I, L, O); 31 is prime, so that the check sign finds
//! every wrong sign and every two that were swapped.

use std::fmt;
use std::str::FromStr;

use schleuse_proto::evidence::{Digest, sha256};

use crate::error::ClientError;

const CONTEXT: &[u8] = b"schleuse/v1/check-code\0";
const SIGNS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const BASE: u8 = 31;
/// Signs without the one that checks them.
const LENGTH: usize = 15;
const GROUP: usize = 4;

/// The check code of a consent's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckCode([u8; LENGTH]);

impl CheckCode {
    /// The code of a document and the record that recorded it.
    #[must_use]
    pub fn of(document_hash: &[u8], leaf_hash: &Digest) -> Self {
        let digest = sha256(&[CONTEXT, document_hash, leaf_hash]);
        let mut rest = u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
        Self([(); LENGTH].map(|()| {
            let sign = rest % u128::from(BASE);
            rest /= u128::from(BASE);
            u8::try_from(sign).unwrap_or_default()
        }))
    }

    /// Weighted sum of the signs.
    fn check(&self) -> u8 {
        let weighted = self.0.iter().zip(1_u32..).map(|(sign, weight)| u32::from(*sign) * weight);
        u8::try_from(weighted.sum::<u32>() % u32::from(BASE)).unwrap_or_default()
    }
}

impl fmt::Display for CheckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs = self.0.iter().copied().chain([self.check()]);
        for (sign, place) in signs.zip(0..) {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            let sign = SIGNS.get(usize::from(sign)).copied().unwrap_or(b'?');
            write!(f, "{}", char::from(sign))?;
        }
        Ok(())
    }
}

impl FromStr for CheckCode {
    type Err = ClientError;

    /// Reads a code as people write it: small letters, spaces and hyphens do not matter.
    fn from_str(text: &str) -> Result<Self, ClientError> {
        let wrong =
            || ClientError::argument("check code", "16 signs as on the receipt; one is mistyped");
        let typed = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let values = typed.map(|typed| {
            let place = SIGNS.iter().position(|s| char::from(*s) == typed.to_ascii_uppercase())?;
            u8::try_from(place).ok()
        });
        let values: Vec<u8> = values.collect::<Option<_>>().ok_or_else(wrong)?;
        let (code, check) = values.split_first_chunk::<LENGTH>().ok_or_else(wrong)?;
        let code = Self(*code);
        if check == [code.check()] { Ok(code) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_written_down() {
        let code = CheckCode::of(&[1; 32], &[2; 32]);
        let text = code.to_string();
        assert_eq!(text.len(), 19);
        assert_eq!(text.parse::<CheckCode>().unwrap(), code);
        assert_eq!(text.to_lowercase().replace('-', " ").parse::<CheckCode>().unwrap(), code);
        assert_ne!(CheckCode::of(&[1; 32], &[3; 32]), code);
        assert_ne!(CheckCode::of(&[3; 32], &[2; 32]), code);
    }

    #[test]
    fn every_wrong_sign_and_every_swap_is_noticed() {
        let text = CheckCode::of(&[1; 32], &[2; 32]).to_string().replace('-', "");
        for place in 0..text.len() {
            for sign in SIGNS {
                let mut typed = text.clone().into_bytes();
                typed[place] = *sign;
                let typed = String::from_utf8(typed).unwrap();
                assert_eq!(typed.parse::<CheckCode>().is_ok(), typed == text, "{typed}");
            }
        }
        for place in 1..text.len() {
            let mut typed = text.clone().into_bytes();
            typed.swap(place - 1, place);
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(typed.parse::<CheckCode>().is_ok(), typed == text, "{typed}");
        }
        for wrong in ["", "2", &text[1..], &format!("{text}2"), &text.replace(&text[..1], "0")] {
            assert!(wrong.parse::<CheckCode>().is_err(), "{wrong}");
        }
    }
}
