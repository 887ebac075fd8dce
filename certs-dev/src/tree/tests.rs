//! Tests of the module `tree`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::Deserializable as _;
use hpke::kem::{DhP256HkdfSha256, MlKem1024P384};
use signed_note::StandardVerifier;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::parse_x509_certificate;

use super::*;
use crate::oracle::{Oracle, blocks};
use crate::{MARKER, ORGANIZATION, issue, issue_broker, revocation_list, revoke, serial};

/// An instant in 2026; nothing here reads the clock.
const NOW_MS: u64 = 1_790_000_000_000;
const NOW: u64 = NOW_MS / 1000;
/// When validity begins: five minutes earlier.
const FROM: i64 = 1_790_000_000 - 300;

struct Tree {
    _folder: tempfile::TempDir,
    out: PathBuf,
}

fn tree() -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pki");
    generate(&Plan::demonstration(NOW_MS), &out).unwrap();
    Tree { _folder: folder, out }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn leafs(out: &Path) -> Vec<PathBuf> {
    let mut all = files_below(&out.join("agencies"));
    all.retain(|path| {
        path.extension().is_some_and(|end| end == "pem") && !path.ends_with("issuing.pem")
    });
    all
}

#[test]
fn the_tree_has_every_file_of_the_plan() {
    let tree = tree();
    let mut expected = vec!["root.pem", "trust.toml", MARKER, "ca/root.key", "ca/broker.key"];
    expected.extend(["broker/issuing.pem", "broker/broker.pem", "broker/broker.key"]);
    expected.extend(["broker/checkpoint.key", "crls/root.crl.pem", "crls/broker.crl.pem"]);
    let mut expected: Vec<PathBuf> = expected.iter().map(|name| tree.out.join(name)).collect();
    for AgencyPlan { agency, people } in Plan::demonstration(NOW_MS).agencies {
        let folder = tree.out.join("agencies").join(&agency);
        expected.extend([folder.join("issuing.pem"), folder.join("sealing.toml")]);
        expected.push(tree.out.join(format!("ca/{agency}.key")));
        expected.push(tree.out.join(format!("crls/{agency}.crl.pem")));
        for (role, person) in people {
            let name = person.map_or(role.clone(), |person| format!("{role}-{person}"));
            expected
                .extend([folder.join(format!("{name}.pem")), folder.join(format!("{name}.key"))]);
        }
    }
    expected.sort();
    assert_eq!(files_below(&tree.out), expected);
}

#[test]
fn private_files_and_their_folders_are_closed_to_others() {
    let tree = tree();
    for path in files_below(&tree.out) {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".key") || name == "sealing.toml" {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.contains("PRIVATE KEY"), name.ends_with(".key"), "{}", path.display());
    }
}

#[test]
fn every_leaf_obeys_the_policy_and_names_its_holder() {
    let tree = tree();
    assert_eq!(leafs(&tree.out).len(), 18);
    for path in leafs(&tree.out) {
        let [leaf, issuer] = blocks(&path).try_into().unwrap();
        let (rest, leaf) = parse_x509_certificate(&leaf).unwrap();
        assert!(rest.is_empty());
        let issuer = parse_x509_certificate(&issuer).unwrap().1;
        assert!(leaf.verify_signature(Some(issuer.public_key())).is_ok());
        let agency = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let holder = path.file_stem().unwrap().to_str().unwrap().replacen('-', "/", 1);
        let uri = format!("spiffe://schleuse.example/agency/{agency}/{holder}");
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names, [GeneralName::URI(&uri)]);
        assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
        assert_eq!(leaf.key_usage().unwrap().unwrap().value.flags, 1, "digitalSignature only");
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any && usage.other.is_empty());
        assert_eq!(leaf.raw_serial().len(), 16);
        assert_eq!(leaf.validity().not_before.timestamp(), FROM);
        let seconds = i64::try_from(30 * DAY).unwrap();
        assert_eq!(leaf.validity().not_after.timestamp(), FROM + seconds);
        let identifiers = |wanted: fn(&ParsedExtension<'_>) -> bool| {
            leaf.extensions().iter().filter(|e| wanted(e.parsed_extension())).count()
        };
        assert_eq!(identifiers(|e| matches!(e, ParsedExtension::AuthorityKeyIdentifier(_))), 1);
        assert_eq!(identifiers(|e| matches!(e, ParsedExtension::SubjectKeyIdentifier(_))), 1);
    }
}

#[test]
fn the_broker_lets_every_leaf_in_but_not_another_broker() {
    let tree = tree();
    let oracle = Oracle::open(&tree.out, NOW);
    for path in leafs(&tree.out) {
        let answer = oracle.handshake(&path, &path.with_extension("key"));
        assert_eq!(answer, Ok(()), "{}", path.display());
    }
    let broker = tree.out.join("broker/broker.pem");
    assert!(oracle.handshake(&broker, &broker.with_extension("key")).is_err());
}

#[test]
fn the_broker_is_called_by_its_names() {
    let tree = tree();
    let leaf = blocks(&tree.out.join("broker/broker.pem")).remove(0);
    let (_, leaf) = parse_x509_certificate(&leaf).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(
        names.value.general_names,
        [
            GeneralName::DNSName("localhost"),
            GeneralName::DNSName("broker.schleuse.example"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
        ]
    );
}

#[test]
fn every_ca_says_that_it_is_for_development() {
    let tree = tree();
    let mut authorities = files_below(&tree.out.join("agencies"));
    authorities.retain(|path| path.ends_with("issuing.pem"));
    authorities.extend([tree.out.join("root.pem"), tree.out.join("broker/issuing.pem")]);
    assert_eq!(authorities.len(), 11);
    for path in authorities {
        let der = blocks(&path).remove(0);
        let (_, certificate) = parse_x509_certificate(&der).unwrap();
        let organization = certificate.subject().iter_organization().next().unwrap();
        assert_eq!(organization.as_str().unwrap(), ORGANIZATION);
        let length = certificate.basic_constraints().unwrap().unwrap().value.path_len_constraint;
        assert_eq!(length, Some(u32::from(path.ends_with("root.pem"))));
    }
}

#[test]
fn the_trust_table_binds_each_issuer_to_its_agency_and_names_the_log_key() {
    let tree = tree();
    let trust = TrustFile::read(&tree.out).unwrap();
    assert_eq!(trust.root, "root.pem");
    assert_eq!(trust.issuer.len(), 9);
    for TrustedIssuer { certificate, agencies } in &trust.issuer {
        assert!(tree.out.join(certificate).exists());
        assert_eq!(certificate, &format!("agencies/{}/issuing.pem", agencies[0]));
    }
    assert!(trust.log_key.starts_with("schleuse.example/log+"));
    assert!(StandardVerifier::new(&trust.log_key).is_ok());
    let pkcs8 = blocks(&tree.out.join("broker/checkpoint.key")).remove(0);
    let key = ring::signature::Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
    let public = ring::signature::KeyPair::public_key(&key).as_ref();
    assert_eq!(trust.log_key, verifier_key("schleuse.example/log", public));
}

#[test]
fn the_verifier_key_is_that_of_the_c2sp_example() {
    // Source: C2SP signed-note, the verifier key of PeterNeumann.
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let bytes = STANDARD.decode(key.split('+').nth(2).unwrap()).unwrap();
    assert_eq!(verifier_key("PeterNeumann", &bytes[1..]), key);
}

#[test]
fn sealing_keys_are_pairs_of_their_suites() {
    #[derive(serde::Deserialize)]
    struct Sealing {
        key: Vec<toml::Table>,
    }
    fn check<K: hpke::Kem>(key: &toml::Table, suite: &str) {
        assert_eq!(key["suite"].as_str(), Some(suite));
        let bytes = |name: &str| STANDARD.decode(key[name].as_str().unwrap()).unwrap();
        let private = K::PrivateKey::from_bytes(&bytes("private_key")).unwrap();
        let public = K::PublicKey::from_bytes(&bytes("public_key")).unwrap();
        assert!(K::sk_to_pk(&private) == public);
    }
    let tree = tree();
    let path = tree.out.join("agencies/drv-bayern-sued/sealing.toml");
    let sealing: Sealing = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(sealing.key.len(), 2);
    check::<MlKem1024P384>(&sealing.key[0], "mlkem1024-p384");
    check::<DhP256HkdfSha256>(&sealing.key[1], "dhkem-p256");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone_and_ours_is_replaced() {
    let tree = tree();
    let before = fs::read(tree.out.join("root.pem")).unwrap();
    let note = tree.out.join("note.txt");
    fs::write(&note, "mine").unwrap();
    fs::write(tree.out.join("agencies/stale.pem"), "stale").unwrap();
    generate(&Plan::demonstration(NOW_MS), &tree.out).unwrap();
    assert_ne!(fs::read(tree.out.join("root.pem")).unwrap(), before);
    assert!(note.exists(), "what the tool does not write stays");
    assert!(!tree.out.join("agencies/stale.pem").exists());
    fs::write(tree.out.join(MARKER), "not our text").unwrap();
    let answer = generate(&Plan::demonstration(NOW_MS), &tree.out);
    assert!(matches!(answer, Err(CertsError::NotOurs(_))));
    assert_eq!(fs::read_to_string(&note).unwrap(), "mine");
}

#[test]
fn a_revoked_leaf_is_refused_and_a_fresh_one_let_in() {
    let tree = tree();
    let agency = "drv-bayern-sued";
    let certificate = tree.out.join("agencies/drv-bayern-sued/system.pem");
    let key = certificate.with_extension("key");
    let serials = vec![serial(&certificate).unwrap()];
    assert_eq!(revocation_list(&tree.out, agency).unwrap(), RevocationList::first());
    revoke(&tree.out, agency, &serials, 2, NOW_MS, NOW_MS + 1000).unwrap();
    let list = revocation_list(&tree.out, agency).unwrap();
    assert_eq!(list, RevocationList { number: 2, serials });
    let ask = |now| Oracle::open(&tree.out, now).handshake(&certificate, &key);
    assert_eq!(ask(NOW), Err("InvalidCertificate(Revoked)".to_owned()));
    let fresh = issue(&tree.out, agency, "system", None, NOW_MS, 1).unwrap();
    assert_eq!((&fresh.certificate, &fresh.key), (&certificate, &key));
    assert_eq!(fresh.serial, serial(&certificate).unwrap());
    assert_eq!(ask(NOW), Ok(()));
    assert!(ask(NOW + 1).unwrap_err().contains("ExpiredRevocationList"), "the list is due");
}

#[test]
fn leafs_issued_later_are_of_known_agencies_only() {
    let tree = tree();
    let issued = issue(&tree.out, "projekt", "lotse", Some("l-09"), NOW_MS, 1).unwrap();
    assert!(issued.certificate.ends_with("agencies/projekt/lotse-l-09.pem"));
    let answer = issue(&tree.out, "unbekannt", "system", None, NOW_MS, 1);
    assert!(matches!(answer, Err(CertsError::UnknownIssuer { .. })));
    assert!(issue(&tree.out, "../projekt", "system", None, NOW_MS, 1).is_err());
    let before = serial(&tree.out.join("broker/broker.pem")).unwrap();
    assert_ne!(issue_broker(&tree.out, NOW_MS, 1).unwrap().serial, before);
}
