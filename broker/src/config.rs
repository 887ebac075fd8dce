//! The configuration file: read once, checked as a whole, every fault reported together.

mod check;
pub mod files;
mod planning;
mod witnesses;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use check::Checker;

use crate::domain::consent::ReviewRules;
use crate::domain::delivery::DeliveryRules;
use crate::domain::evaluation::PERSONS_MIN;
use crate::domain::planning::PlanningRules;
use crate::domain::state::Limits as CoreLimits;
use crate::edge::limits::Limits as EdgeLimits;
use crate::engine::Retention;
use crate::journal::segments::Sizes;
use crate::witness::WitnessRules;

/// How strict the broker is about its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Development certificates are accepted.
    Development,
    /// Development certificates are refused.
    Production,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// How strict.
    pub profile: Profile,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where browsers come in; none: there is no console.
    pub console: Option<SocketAddr>,
    /// Folder of the journal and the index.
    pub data_dir: PathBuf,
    /// Catalogue file.
    pub catalogue: PathBuf,
    /// Agency whose DPO supervises the project.
    pub project_agency: String,
    /// Trust file: trust domain, root, issuers, log key.
    pub trust: PathBuf,
    /// The broker's certificate chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Folder of revocation lists.
    pub crls: PathBuf,
    /// Key that signs checkpoints.
    pub checkpoint_key: PathBuf,
    /// Whether senders' signatures are checked when a message is accepted.
    pub check_signatures: bool,
    /// Whether server reflection is offered.
    pub reflection: bool,
    /// Worker threads of the network side.
    pub worker_threads: usize,
    /// Bounds of the edge.
    pub edge: EdgeLimits,
    /// Bounds of the core.
    pub core: CoreLimits,
    /// Attempts, duties to delete, mailboxes.
    pub delivery: DeliveryRules,
    /// How reviews of consents are kept.
    pub reviews: ReviewRules,
    /// Sizes of the journal.
    pub sizes: Sizes,
    /// File on another volume that keeps the newest checkpoint.
    pub state_file: Option<PathBuf>,
    /// How long what is kept.
    pub retention: Retention,
    /// Fewest persons behind a number for the evaluation.
    pub evaluation_persons_min: u32,
    /// Who cosigns the log, and what is required of them.
    pub witnesses: WitnessRules,
    /// Places, kinds of agencies, renewal of entries.
    pub planning: PlanningRules,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.faults.join("\n"))]
pub struct ConfigError {
    /// One line for each fault: key, value, what is allowed.
    pub faults: Vec<String>,
}

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3600 * 1000;
const MIB: u64 = 1024 * 1024;

impl Config {
    /// Reads and checks a file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// All faults at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            faults: vec![format!("{}: cannot be read: {error}", path.display())],
        })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Checks the text of a file; relative paths start at `base`.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ConfigError> {
        let mut check = Checker::new(text, base)?;
        let profile = check.choice(
            "profile",
            &[("development", Profile::Development), ("production", Profile::Production)],
        );
        let listen = check.address("listen");
        let config = Self {
            profile: profile.unwrap_or(Profile::Production),
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            console: check.optional_address("console.listen"),
            data_dir: check.path("data_dir"),
            catalogue: check.file("catalogue"),
            project_agency: check.identifier("project_agency"),
            trust: check.file("tls.trust"),
            certificate: check.file("tls.certificate"),
            key: check.secret("tls.key"),
            crls: check.folder("tls.crls"),
            checkpoint_key: check.secret("log.checkpoint_key"),
            check_signatures: check.flag("messages.check_signatures", true),
            reflection: check.flag("reflection", false),
            worker_threads: check.count("worker_threads", default_workers(), 1..=64),
            edge: edge_limits(&mut check),
            core: core_limits(&mut check),
            delivery: delivery_rules(&mut check),
            reviews: reviews(&mut check),
            sizes: sizes(&mut check),
            state_file: check.optional_path("log.state_file"),
            retention: retention(&mut check),
            evaluation_persons_min: evaluation_persons_min(&mut check),
            witnesses: witnesses::rules(&mut check),
            planning: planning::rules(&mut check),
        };
        check.require(
            config.sizes.reserve_bytes >= config.sizes.segment_bytes,
            "log.reserve_mib: expected at least log.segment_mib, so that a segment fits into it",
        );
        check.finish()?;
        Ok(config)
    }
}

fn edge_limits(check: &mut Checker) -> EdgeLimits {
    let mut number = |key, default: u32, range| {
        u32::try_from(check.number(key, u64::from(default), range)).unwrap_or(default)
    };
    let handshakes_per_second_per_address =
        number("limits.handshakes_per_second_per_address", 20, 1..=100_000);
    let calls_per_second = number("limits.calls_per_second", 200, 1..=1_000_000);
    let messages_per_second = number("limits.messages_per_second", 5_000, 256..=10_000_000);
    let connection_mib_per_second = number("limits.connection_mib_per_second", 8, 1..=256);
    let coverage_questions_per_minute =
        number("limits.coverage_questions_per_minute", 60, 1..=100_000);
    EdgeLimits {
        connections_max: check.count("limits.connections_max", 512, 1..=4096),
        connections_per_identity_max: check.count(
            "limits.connections_per_identity_max",
            16,
            1..=256,
        ),
        handshakes_per_second_per_address,
        calls_per_second,
        calls_under_way_max: check.count("limits.calls_under_way_max", 1024, 1..=100_000),
        calls_under_way_per_agency_max: check.count(
            "limits.calls_under_way_per_agency_max",
            128,
            1..=100_000,
        ),
        streams_max: check.count("limits.streams_max", 1024, 1..=100_000),
        streams_per_agency_max: check.count("limits.streams_per_agency_max", 64, 1..=100_000),
        messages_per_second,
        coverage_questions_per_minute,
        connection_bytes_per_second: connection_mib_per_second * 1024 * 1024,
    }
}

fn core_limits(check: &mut Checker) -> CoreLimits {
    CoreLimits {
        queue_messages_max: check.count("limits.queue_messages_max", 10_000, 1..=10_000_000),
        queue_bytes_max: check.number("limits.queue_mib_max", 256, 2..=65_536) * MIB,
        idempotency_keys_max: check.count(
            "limits.idempotency_keys_max",
            4_000_000,
            1_000..=100_000_000,
        ),
        consents_per_participant_max: check.count(
            "limits.consents_per_participant_max",
            256,
            1..=10_000,
        ),
        parts_wait_ms: check.number("limits.parts_wait_hours", 24, 1..=24) * HOUR_MS,
    }
}

fn delivery_rules(check: &mut Checker) -> DeliveryRules {
    const HOUR_MS: u64 = 3_600_000;
    let attempts = check.number("messages.attempts_max", 50, 3..=10_000);
    let rules = DeliveryRules {
        attempts_max: u32::try_from(attempts).unwrap_or(u32::MAX),
        deletion_due_ms: check.number("messages.deletion_due_days", 30, 1..=365) * 24 * HOUR_MS,
        mailbox_slow_ms: check.number("messages.mailbox_slow_hours", 24, 13..=8760) * HOUR_MS,
        mailbox_unread_ms: check.number("messages.mailbox_unread_hours", 72, 13..=8760) * HOUR_MS,
    };
    check.require(
        rules.mailbox_slow_ms < rules.mailbox_unread_ms,
        "messages.mailbox_unread_hours: expected more than messages.mailbox_slow_hours",
    );
    rules
}

fn reviews(check: &mut Checker) -> ReviewRules {
    let months_max = check.number("consents.review_months_max", 6, 1..=24);
    ReviewRules {
        suspend_missed: check.flag("consents.suspend_missed_reviews", true),
        grace_ms: check.number("consents.review_grace_days", 14, 0..=366) * 24 * 3600 * 1000,
        months_max: u32::try_from(months_max).unwrap_or(6),
    }
}

fn sizes(check: &mut Checker) -> Sizes {
    Sizes {
        segment_bytes: check.number("log.segment_mib", 64, 24..=2048) * MIB,
        reserve_bytes: check.number("log.reserve_mib", 64, 24..=4096) * MIB,
        free_bytes_min: check.number("log.free_mib_min", 256, 0..=1_048_576) * MIB,
    }
}

/// Messages live up to 90 days: what is about them is kept at least six months, so that nothing unfinished is
/// ever erased.
fn retention(check: &mut Checker) -> Retention {
    let mut months = |key, default: u32| {
        let months = check.number(key, u64::from(default), 0..=600);
        u32::try_from(months).unwrap_or(default)
    };
    let retention = Retention {
        messages_months: months("retention.messages_months", 36),
        queries_months: months("retention.queries_months", 36),
        refused_calls_months: months("retention.refused_calls_months", 12),
        participants_months: months("retention.participants_months", 36),
        payload_grace_ms: check.number("retention.payload_grace_minutes", 60, 1..=100_000) * 60_000,
    };
    for (key, months) in [
        ("messages_months", retention.messages_months),
        ("participants_months", retention.participants_months),
    ] {
        check.require(
            months == 0 || months >= 6,
            &format!("retention.{key} = {months}: expected 0 (for ever) or at least 6"),
        );
    }
    retention
}

/// Below five persons a number can single somebody out.
fn evaluation_persons_min(check: &mut Checker) -> u32 {
    let least = u64::from(PERSONS_MIN);
    let number = check.number("evaluation.persons_min", least, least..=1_000);
    u32::try_from(number).unwrap_or(PERSONS_MIN).max(PERSONS_MIN)
}

/// One thread fewer than there are processors, at least one: the sequencer is a busy thread too, and
/// more workers than processors make everything slower.
fn default_workers() -> u64 {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    u64::try_from(processors).unwrap_or(2).saturating_sub(1).clamp(1, 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["catalogue.toml", "trust.toml", "broker.pem", "broker.key", "log.key"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::create_dir(folder.path().join("crls")).unwrap();
        folder
    }

    const GOOD: &str = r#"
        profile = "development"
        listen = "127.0.0.1:8443"
        data_dir = "data"
        catalogue = "catalogue.toml"
        project_agency = "projekt"
        [tls]
        trust = "trust.toml"
        certificate = "broker.pem"
        key = "broker.key"
        crls = "crls"
        [log]
        checkpoint_key = "log.key"
    "#;

    #[test]
    fn a_good_file_is_accepted_with_defaults() {
        let folder = folder();
        let config = Config::parse(GOOD, folder.path()).unwrap();
        assert_eq!(config.core.queue_messages_max, 10_000);
        assert_eq!(config.data_dir, folder.path().join("data"));
        assert!(config.check_signatures);
    }

    #[test]
    fn all_faults_are_reported_at_once_with_key_value_and_range() {
        let folder = folder();
        let key = folder.path().join("broker.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let text = GOOD
            .replace("\"development\"", "\"test\"")
            .replace("127.0.0.1:8443", "localhost")
            .replace("catalogue.toml", "missing.toml")
            .replace("\"projekt\"", "\"Projekt\"")
            + "segment_mib = 7\nunknown_key = 1\n[limits]\nqueue_messages_max = \"many\"\n";
        let error = Config::parse(&text, folder.path()).unwrap_err();
        let all = error.to_string();
        for part in [
            "profile = \"test\": expected one of \"development\", \"production\"",
            "listen = \"localhost\": expected an address with port",
            "catalogue = \"missing.toml\": cannot be read",
            "project_agency = \"Projekt\": expected 1 to 40",
            "tls.key = \"broker.key\": others can read it (mode 644); run chmod 600",
            "log.segment_mib = 7: expected a whole number from 24 to 2048",
            "log.unknown_key: there is no such key",
            "limits.queue_messages_max = \"many\": expected a whole number from 1 to 10000000",
        ] {
            assert!(all.contains(part), "{part}\nnot in\n{all}");
        }
        assert_eq!(error.faults.len(), 8, "{all}");
    }

    #[test]
    fn fewer_than_five_persons_are_never_enough_for_the_evaluation() {
        let folder = folder();
        let with = |least: u32| {
            let text = format!("{GOOD}\n[evaluation]\npersons_min = {least}\n");
            Config::parse(&text, folder.path())
        };
        assert_eq!(with(7).unwrap().evaluation_persons_min, 7);
        assert_eq!(Config::parse(GOOD, folder.path()).unwrap().evaluation_persons_min, 5);
        let error = with(4).unwrap_err().to_string();
        let expected = "evaluation.persons_min = 4: expected a whole number from 5 to 1000";
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn missing_keys_are_named() {
        let error = Config::parse("", Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("tls.key: is missing"), "{error}");
    }
}
