//! Random bytes, from ring's generator only.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::ClientError;

/// Fresh random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ClientError::Random)?;
    Ok(bytes)
}

/// A duration between half and the whole of `longest`. Without random bytes it is the whole.
pub(crate) fn jitter(longest: Duration) -> Duration {
    let share = bytes::<2>().map_or(u16::MAX, u16::from_be_bytes);
    longest / 2 + (longest / 2).mul_f64(f64::from(share) / f64::from(u16::MAX))
}
