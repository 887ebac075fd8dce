//! Bounds of the edge, each with its unit and reason.
//!
//! INVARIANT (bounded): every queue, page, body, stream and wait at the edge has a bound here.

use std::time::Duration;

/// A handshake takes at most this: a silent socket costs a slot for no longer.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes at the same time, in all.
pub const HANDSHAKES_MAX: usize = 64;
/// Handshakes at the same time from one address.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 32;
/// Addresses whose handshakes are counted before those that were quiet are forgotten.
pub const HANDSHAKE_ADDRESSES_MAX: usize = 4096;
/// A unary call takes at most this; the client may retry with the same identifiers.
pub const UNARY_CALL: Duration = Duration::from_secs(10);
/// A connection is asked to end after about this time, so that certificates are looked at again.
pub const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// How long calls may go on after that.
pub const CONNECTION_AGE_GRACE: Duration = Duration::from_secs(30);
/// HTTP/2 pings on a silent connection.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A ping must be answered within this.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a call is asked to end after this time, or up to twice as long.
pub const IDLE: Duration = Duration::from_secs(300);
/// Log queries, counts and exports that read the journal at the same time.
pub const LOG_READS_MAX: usize = 4;
/// Proofs that are read at the same time.
pub const PROOFS_MAX: usize = 4;
/// Streams at the same time on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 128;
/// Streams that were reset before the application saw them (rapid reset).
pub const PENDING_RESET_STREAMS_MAX: usize = 20;
/// Streams that the broker had to reset itself (made-you-reset).
pub const LOCAL_RESET_STREAMS_MAX: usize = 64;
/// Window of one stream in bytes.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Window of one connection in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Frame size in bytes.
pub const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// Bytes read from a socket at once.
pub const READ_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes gathered before they become TLS records.
pub const WRITE_BUFFER_BYTES: usize = 32 * 1024;
/// All headers of one request in bytes.
pub const HEADER_LIST_BYTES_MAX: u32 = 8 * 1024;
/// Bytes that wait to be written on one stream.
pub const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// A heartbeat is sent on a receive stream after this silence.
pub const HEARTBEAT: Duration = Duration::from_secs(20);
/// Calls may go on for this long after the broker was asked to stop.
pub const DRAIN: Duration = Duration::from_secs(20);
/// Certificates and revocation lists are looked at this often.
pub const RELOAD_INTERVAL: Duration = Duration::from_millis(500);
/// A fetched message that is not acknowledged waits again after this, in milliseconds.
pub const FETCH_HOLD_MS: u64 = 60_000;
/// Messages of one unary submission.
pub const SUBMIT_MESSAGES_MAX: usize = 32;
/// Messages of one part of a submit stream.
pub const STREAM_PART_MESSAGES_MAX: usize = 256;
/// Parts of one submit stream that wait for their outcome.
pub const STREAM_PARTS_WAITING_MAX: usize = 16;
/// Messages of one fetch.
pub const FETCH_MESSAGES_MAX: u32 = 100;
/// Functions of one fetch or receive stream.
pub const FUNCTIONS_MAX: usize = 16;
/// Messages of one acknowledgement.
pub const ACKNOWLEDGE_MAX: usize = 1000;
/// Messages of one question after outcomes: a receipt each, together well below the largest answer.
pub const OUTCOMES_MAX: usize = 256;
/// KiB of messages of one submit stream that wait for their outcome: a few of the largest. A stream could
/// otherwise fill the broker's memory as fast as the network carries it.
pub const STREAM_KIB_WAITING_MAX: u32 = 8 * 1024;
/// Rows of one log query.
pub const LOG_ROWS_MAX: u32 = 100_000;
/// Rows of one log query that states no number.
pub const LOG_ROWS_DEFAULT: u32 = 10_000;
/// Records of one call for inclusion proofs.
pub const INCLUSION_PROOFS_MAX: usize = 1000;
/// Own records of one call.
pub const OWN_RECORDS_MAX: usize = 100;
/// Leaf hashes of one call.
pub const LEAF_HASHES_MAX: u64 = 10_000_000;
/// Leaf hashes of one message.
pub const LEAF_HASHES_PER_MESSAGE: u64 = 16_384;
/// Hits of one page of a search.
pub const SEARCH_HITS_MAX: usize = 100;
/// Hits of one page of a search that states no number.
pub const SEARCH_HITS_DEFAULT: usize = 50;
/// Entries of one directory listing that fit into one message.
pub const DIRECTORY_ENTRIES_MAX: usize = 200;

/// Bounds that the configuration sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one identity.
    pub connections_per_identity_max: usize,
    /// Handshakes per second from one address; twice as many at once.
    pub handshakes_per_second_per_address: u32,
    /// Calls per second of one agency; twice as many at once.
    pub calls_per_second: u32,
    /// Unary calls under way at the same time, in all.
    pub calls_under_way_max: usize,
    /// Unary calls under way at the same time of one agency.
    pub calls_under_way_per_agency_max: usize,
    /// Streams open at the same time, in all.
    pub streams_max: usize,
    /// Streams open at the same time of one agency.
    pub streams_per_agency_max: usize,
    /// Messages per second that one agency may submit; twice as many at once.
    pub messages_per_second: u32,
    /// Questions whether a message would pass, and consent requests, per minute of one agency; so many at
    /// once.
    pub coverage_questions_per_minute: u32,
    /// Bytes per second that are read from one connection; eight times as many at once.
    pub connection_bytes_per_second: u32,
}
