//! Tests of the module `faulty`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::oracle::{Oracle, blocks};
use crate::trust::TrustFile;
use crate::{AgencyPlan, Plan, generate, revocation_list, revoke, serial};

/// An instant in 2026; nothing here reads the clock.
const NOW_MS: u64 = 1_790_000_000_000;
const NOW: u64 = NOW_MS / 1000;
const KINDS_MIN: usize = 64;

struct Tree {
    _folder: tempfile::TempDir,
    out: PathBuf,
    table: Vec<FaultyCertificate>,
}

fn tree() -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_owned();
    generate(&Plan::demonstration(NOW_MS), &out).unwrap();
    let table = generate_faulty(&out, NOW_MS).unwrap();
    Tree { _folder: folder, out, table }
}

#[test]
fn names_are_unique_and_safe_and_every_verdict_occurs() {
    let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), KINDS.len());
    assert!(KINDS.len() >= KINDS_MIN);
    let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    assert!(names.iter().all(|name| name.bytes().all(safe)), "{names:?}");
    for verdict in [Verdict::Accepted, Verdict::RefusedByTls, Verdict::RefusedByIdentity] {
        assert!(KINDS.iter().filter(|kind| kind.verdict == verdict).count() > 10, "{verdict:?}");
    }
}

#[test]
fn the_verdict_on_tls_is_what_rustls_says() {
    let tree = tree();
    let oracle = Oracle::open(&tree.out, NOW);
    let mut wrong = Vec::new();
    for FaultyCertificate { name, verdict, certificate, key, .. } in &tree.table {
        let answer = oracle.handshake(certificate, key);
        if answer.is_err() != (*verdict == Verdict::RefusedByTls) {
            wrong.push((name, verdict, answer));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_kind_is_refused_for_its_own_reason() {
    let tree = tree();
    let oracle = Oracle::open(&tree.out, NOW);
    for (name, reason) in [
        ("expired-one-second-ago", "ExpiredContext"),
        ("not-yet-valid", "NotValidYet"),
        ("validity-reversed", "Expired"),
        ("eku-any", "InvalidPurpose"),
        ("eku-empty", "EmptyEkuExtension"),
        ("ca-true", "CaUsedAsEndEntity"),
        ("extension-unknown-critical", "UnsupportedCriticalExtension"),
        ("san-extension-twice", "ExtensionValueInvalid"),
        ("version-1", "UnsupportedCertVersion"),
        ("version-2", "UnsupportedCertVersion"),
        ("signature-corrupted", "BadSignature"),
        ("truncated", "BadEncoding"),
        ("trailing-garbage", "BadEncoding"),
        ("key-ed25519", "NoCertificatesPresented"),
        ("key-rsa-2048", "UnsupportedSignatureAlgorithmForPublicKey"),
        ("key-of-another", "BadSignature"),
        ("no-certificate", "NoCertificatesPresented"),
        ("root-foreign", "UnknownIssuer"),
        ("root-foreign-same-names", "BadSignature"),
        ("issuer-impostor", "BadSignature"),
        ("chain-without-issuer", "UnknownIssuer"),
        ("signed-by-leaf", "EndEntityUsedAsCa"),
        ("level-too-many", "PathLenConstraintViolated"),
        ("issuer-expired", "ExpiredContext"),
        ("issuer-for-servers", "InvalidPurpose"),
        ("issuer-constrained-uri", "NameConstraintViolation"),
        ("issuer-constrained-subject", "NameConstraintViolation"),
        ("issuer-ed25519", "UnsupportedSignatureAlgorithm"),
        ("issuer-p384-sha256", "UnsupportedSignatureAlgorithmForPublicKey"),
        ("algorithm-mismatch", "SignatureAlgorithmMismatch"),
        ("revoked", "Revoked"),
        ("issuer-revoked", "Revoked"),
        ("crl-missing", "UnknownRevocationStatus"),
        ("crl-expired", "ExpiredRevocationList"),
        ("crl-not-allowed", "IssuerInvalidForCrl"),
    ] {
        let row = tree.table.iter().find(|row| row.name == name).unwrap();
        let answer = oracle.handshake(&row.certificate, &row.key);
        let answer = answer.unwrap_err();
        assert!(answer.contains(reason), "{name}: {answer}");
    }
}

#[test]
fn every_kind_has_its_files_and_stands_in_the_table() {
    #[derive(serde::Deserialize)]
    struct Table {
        kind: Vec<toml::Table>,
    }
    let tree = tree();
    let text = fs::read_to_string(tree.out.join("faulty/table.toml")).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    assert_eq!(table.kind.len(), KINDS.len());
    for (row, written) in table.kind.iter().zip(&tree.table) {
        assert_eq!(row["name"].as_str(), Some(written.name));
        assert!(
            ["accepted", "refused-by-tls", "refused-by-identity"]
                .contains(&row["verdict"].as_str().unwrap())
        );
        assert!(written.certificate.exists());
        assert!(fs::read_to_string(&written.key).unwrap().contains("PRIVATE KEY"));
        assert_eq!(blocks(&written.certificate).is_empty(), written.name == "no-certificate");
    }
}

#[test]
fn extra_issuers_are_trusted_without_disturbing_the_others() {
    let tree = tree();
    let trust = TrustFile::read(&tree.out).unwrap();
    let (extra, own): (Vec<_>, Vec<_>) =
        trust.issuer.iter().partition(|issuer| issuer.certificate.starts_with("faulty/"));
    assert_eq!(own.len(), 9);
    assert!(extra.iter().all(|issuer| tree.out.join(&issuer.certificate).exists()));
    let oracle = Oracle::open(&tree.out, NOW);
    for AgencyPlan { agency, people } in Plan::demonstration(NOW_MS).agencies {
        for (role, person) in people {
            let name = person.map_or(role.clone(), |person| format!("{role}-{person}"));
            let place = tree.out.join("agencies").join(&agency).join(name);
            let (leaf, key) = (place.with_extension("pem"), place.with_extension("key"));
            assert_eq!(oracle.handshake(&leaf, &key), Ok(()));
        }
    }
}

#[test]
fn the_table_may_be_written_again() {
    let tree = tree();
    let trust = TrustFile::read(&tree.out).unwrap();
    assert_eq!(revocation_list(&tree.out, "root").unwrap().number, 2);
    generate_faulty(&tree.out, NOW_MS).unwrap();
    let list = revocation_list(&tree.out, "root").unwrap();
    assert_eq!((list.number, list.serials.len()), (3, 2));
    assert_eq!(TrustFile::read(&tree.out).unwrap(), trust);
}

#[test]
fn a_folder_without_a_tree_gets_no_table() {
    let folder = tempfile::tempdir().unwrap();
    assert!(generate_faulty(folder.path(), NOW_MS).is_err());
    assert!(matches!(generate_faulty(&tree().out, 1000), Err(CertsError::Time)));
}

#[test]
fn a_padded_serial_number_escapes_the_revocation_list() {
    let tree = tree();
    let row = tree.table.iter().find(|row| row.name == "serial-padded").unwrap();
    let mut list = revocation_list(&tree.out, "drv-bayern-sued").unwrap();
    list.serials.push(serial(&row.certificate).unwrap());
    let (serials, due_ms) = (list.serials, NOW_MS + 60_000);
    revoke(&tree.out, "drv-bayern-sued", &serials, list.number + 1, NOW_MS, due_ms).unwrap();
    let oracle = Oracle::open(&tree.out, NOW);
    assert_eq!(
        oracle.handshake(&row.certificate, &row.key),
        Ok(()),
        "so the policy must refuse it"
    );
}
