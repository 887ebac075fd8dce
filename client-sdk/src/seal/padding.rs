//! Padding of plaintexts to a few sizes.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | length of the content, big-endian |
//! | 4 | length | content |
//! | 4 + length | rest | zero |

use super::SealError;

/// Sizes of padded plaintexts in bytes.
pub const PADDED_BYTES: [usize; 6] =
    [1024, 4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024 + 4 * 1024];

/// Bytes of the length field.
const LENGTH_BYTES: usize = 4;

/// Largest content in bytes.
pub(crate) const CONTENT_BYTES_MAX: usize = 1024 * 1024 + 4 * 1024 - LENGTH_BYTES;

/// Pads a content to the next size.
///
/// # Errors
/// The content is larger than the largest size holds.
pub fn pad(content: &[u8]) -> Result<Vec<u8>, SealError> {
    let needed = content.len().saturating_add(LENGTH_BYTES);
    let size = PADDED_BYTES.into_iter().find(|size| needed <= *size).ok_or(SealError::TooLarge)?;
    let length = u32::try_from(content.len()).map_err(|_| SealError::TooLarge)?;
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(size, 0);
    Ok(padded)
}

/// The content of a padded plaintext.
///
/// # Errors
/// The size is none of the sizes, not the smallest that fits, or the padding is not zero.
pub fn unpad(padded: &[u8]) -> Result<&[u8], SealError> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(SealError::Padding)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SealError::Padding)?;
    let (content, zeros) = rest.split_at_checked(length).ok_or(SealError::Padding)?;
    let needed = length.saturating_add(LENGTH_BYTES);
    let size = PADDED_BYTES.into_iter().find(|size| needed <= *size);
    if size != Some(padded.len()) || zeros.iter().any(|byte| *byte != 0) {
        return Err(SealError::Padding);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_gets_the_smallest_size_that_holds_it() {
        for size in PADDED_BYTES {
            let content = vec![5; size - LENGTH_BYTES];
            let padded = pad(&content).unwrap();
            assert_eq!(padded.len(), size);
            assert_eq!(unpad(&padded).unwrap(), content);
        }
        assert_eq!(pad(&[]).unwrap().len(), 1024);
        assert_eq!(pad(&[1; 1021]).unwrap().len(), 4096);
        assert_eq!(pad(&vec![0; CONTENT_BYTES_MAX + 1]), Err(SealError::TooLarge));
    }

    #[test]
    fn other_sizes_lengths_and_bytes_are_refused() {
        let good = pad(b"text").unwrap();
        let mut dirty = good.clone();
        dirty[1023] = 1;
        let mut long = good.clone();
        long[0] = 1;
        let mut wide = good.clone();
        wide.resize(4096, 0);
        for wrong in [&dirty, &long, &wide, &good[..1023].to_vec(), &vec![], &vec![0; 3]] {
            assert_eq!(unpad(wrong), Err(SealError::Padding));
        }
    }
}
