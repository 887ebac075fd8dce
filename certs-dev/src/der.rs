//! The little DER that is needed to write extensions by hand and to tamper with certificates.
//!
//! Single-byte tags and definite lengths only; never used to decide about anything.

/// A tag, and what stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Identifier octet.
    pub(crate) tag: u8,
    /// Contents octets.
    pub(crate) content: Vec<u8>,
}

impl Element {
    /// Identifier, length and contents octets.
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(self.tag, &self.content)
    }
}

/// Identifier, length and contents octets.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match length.as_slice() {
        [] => out.push(0),
        [short @ ..0x80] => out.push(*short),
        long => {
            out.push(long.iter().fold(0x80, |count, _| count + 1));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A SEQUENCE of already encoded parts.
pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    encode(0x30, &parts.concat())
}

/// All elements that stand one after the other, `None` unless they fill the bytes exactly.
pub(crate) fn elements(mut der: &[u8]) -> Option<Vec<Element>> {
    let mut all = Vec::new();
    while !der.is_empty() {
        let (element, rest) = first(der)?;
        all.push(element);
        der = rest;
    }
    Some(all)
}

fn first(der: &[u8]) -> Option<(Element, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let add = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
        (bytes.iter().try_fold(0, add)?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag: *tag, content: content.to_vec() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back_at_every_length_form() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let content = vec![7; length];
            let der = encode(0x04, &content);
            assert_eq!(elements(&der), Some(vec![Element { tag: 0x04, content }]), "{length}");
        }
    }

    #[test]
    fn cut_bytes_are_no_elements() {
        let der = encode(0x04, &[7; 300]);
        for length in 1..der.len() {
            assert_eq!(elements(&der[..length]), None, "{length}");
        }
    }
}
