//! What the benchmark measures. Figures are comparable only within one run.

pub mod attachments;
pub mod console;
pub mod counts;
pub mod decide;
pub mod echo;
pub mod evidence;
pub mod restart;
pub mod throughput;
pub mod uniformity;

use std::time::{Duration, Instant};

/// The clock of the measurements.
#[must_use]
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    Instant::now()
}

/// Things per second.
#[must_use]
pub fn rate(count: u64, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64()) as u64
}

/// A share of sorted values, in microseconds.
#[must_use]
pub fn percentile(sorted: &[Duration], share: f64) -> u64 {
    let index = ((sorted.len() as f64 - 1.0) * share) as usize;
    sorted.get(index).map_or(0, |value| value.as_micros() as u64)
}

/// Resident memory of a process in MiB.
#[must_use]
pub fn resident_mib(pid: u32) -> u64 {
    status_mib(pid, "VmRSS:")
}

/// The most resident memory that a process ever had, in MiB.
#[must_use]
pub fn peak_mib(pid: u32) -> u64 {
    status_mib(pid, "VmHWM:")
}

fn status_mib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
