//! The witnesses in the configuration: `[[witness]]` and `[witnesses]`.

use std::time::Duration;

use schleuse_proto::cosignature::CosignatureVerifier;

use super::check::Checker;
use crate::witness::{WITNESSES_MAX, WitnessConfig, WitnessRules, WitnessUrl};

pub(super) fn rules(check: &mut Checker) -> WitnessRules {
    let witnesses = check.entries("witness", WITNESSES_MAX, |entry| {
        let url = entry.parsed(
            "url",
            "http://<host>[:<port>][/<prefix>]; for https, a proxy on this machine",
            WitnessUrl::parse,
        );
        let verifier = entry.parsed(
            "key",
            "what schleuse witness keygen printed: <name>+<key hash>+<base64>",
            |text| CosignatureVerifier::new(text).ok(),
        );
        Some(WitnessConfig { url: url?, verifier: verifier? })
    });
    let quorum = check.count("witnesses.quorum", 0, 0..=16);
    let max_age_s = check.number("witnesses.max_age_seconds", 3_600, 600..=604_800);
    // At most a quarter of the smallest age: a word is renewed when it has half of the age.
    let interval_s = check.number("witnesses.interval_seconds", 10, 1..=150);
    check.require(
        quorum <= witnesses.len(),
        "witnesses.quorum: expected at most the number of good [[witness]] entries",
    );
    // The same witness twice would count twice.
    check.require(
        is_each_its_own(&witnesses),
        "witness: expected a name and a key of its own for each [[witness]]",
    );
    WitnessRules {
        witnesses,
        quorum,
        max_age_ms: max_age_s.saturating_mul(1000),
        interval: Duration::from_secs(interval_s),
    }
}

fn is_each_its_own(witnesses: &[WitnessConfig]) -> bool {
    let verifiers = || witnesses.iter().map(|witness| &witness.verifier).enumerate();
    verifiers().all(|(place, one)| {
        verifiers()
            .skip(place + 1)
            .all(|(_, other)| !one.is_same_key(other) && one.name() != other.name())
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const DPO: &str = "witness.example/dpo+92692258+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";

    fn read(text: &str) -> Result<WitnessRules, String> {
        let mut check = Checker::new(text, Path::new(".")).unwrap();
        let rules = rules(&mut check);
        check.finish().map(|()| rules).map_err(|error| error.to_string())
    }

    #[test]
    fn without_witnesses_nothing_is_required() {
        let rules = read("").unwrap();
        assert!(rules.witnesses.is_empty());
        assert_eq!((rules.quorum, rules.max_age_ms), (0, 3_600_000));
    }

    #[test]
    fn witnesses_and_a_quorum_are_read() {
        let text = format!(
            "[[witness]]\nurl = \"http://127.0.0.1:7380\"\nkey = \"{DPO}\"\n\
             [witnesses]\nquorum = 1\nmax_age_seconds = 900\ninterval_seconds = 5\n"
        );
        let rules = read(&text).unwrap();
        assert_eq!(rules.witnesses[0].verifier.witness_key(), DPO);
        assert_eq!(rules.witnesses[0].url.as_str(), "http://127.0.0.1:7380");
        assert_eq!((rules.quorum, rules.max_age_ms), (1, 900_000));
        assert_eq!(rules.interval, Duration::from_secs(5));
    }

    #[test]
    fn all_faults_of_all_entries_are_reported_at_once() {
        let text = format!(
            "[[witness]]\nurl = \"http://a\"\nkey = \"{DPO}\"\n\
             [[witness]]\nurl = \"https://b\"\nkey = \"b\"\nname = \"b\"\n\
             [[witness]]\nurl = \"http://c\"\nkey = \"{DPO}\"\n\
             [[witness]]\n\
             [witnesses]\nquorum = 3\nmax_age_seconds = 599\ninterval_seconds = 150\nelse = 1\n"
        );
        let faults = read(&text).unwrap_err();
        for part in [
            "witness[2].url = \"https://b\": expected http://<host>",
            "witness[2].key = \"b\": expected what schleuse witness keygen printed",
            "witness[2].name: there is no such key",
            "witness[4].url: is missing",
            "witness[4].key: is missing",
            "witness: expected a name and a key of its own",
            "witnesses.quorum: expected at most the number of good [[witness]] entries",
            "witnesses.max_age_seconds = 599: expected a whole number from 600 to 604800",
            "witnesses.else: there is no such key",
        ] {
            assert!(faults.contains(part), "{part}\nnot in\n{faults}");
        }
        assert_eq!(faults.lines().count(), 9, "{faults}");
        let many = format!("[[witness]]\nurl = \"http://a\"\nkey = \"{DPO}\"\n").repeat(17);
        assert!(read(&many).unwrap_err().contains("witness: expected at most 16 tables"));
        assert!(read("witness = 1\n").unwrap_err().contains("expected at most 16 tables"));
    }
}
