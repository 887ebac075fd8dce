//! Cosignatures against a vector of another implementation and a foreign note library.

use signed_note::{Verifier, VerifierList};

use super::*;
use crate::checkpoint::CheckpointVerifier;

// Made by Python's cryptography 48 from the specification: the log's key has the seed 07 × 32, the
// witness's 09 × 32.
const LOG_KEY: &str = "schleuse.example/log+1bd53a80+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const WITNESS_KEY: &str =
    "witness.example/dpo+92692258+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
const TIME_S: u64 = 1_679_315_147;
const SIGNED: &str = "schleuse.example/log\n20852163\n\
    SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n\n\
    \u{2014} schleuse.example/log G9U6gKllAvtA/sQoCkd8unclH/ymJrm9FtbA1P8jdb8/6+VA14U+oEo2rAXnij1FC9BSWmIzwBsJO5UOczdmPDUIuQ8=\n";
const LINE: &str = "\u{2014} witness.example/dpo kmkiWAAAAABkGFDL3arhXBSdHbsZbtRZjgSIuyWaT/9hXfbMaledd5s7k1iibA//+50qEALKiu07Mv4zUAo3yyw4BJuh+Iyum1h2Bg==\n";

fn signer(name: &str, seed: u8) -> CosignatureSigner {
    // PKCS#8 version 1 of an Ed25519 seed (RFC 8410).
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    CosignatureSigner::new(name, &[&head[..], &[seed; 32]].concat()).unwrap()
}

fn cosigned() -> Vec<u8> {
    [SIGNED, LINE].concat().into_bytes()
}

#[test]
fn the_vector_of_another_implementation_is_read_and_made() {
    let verifier = CosignatureVerifier::new(WITNESS_KEY).unwrap();
    let cosignature = verifier.verify(&cosigned()).unwrap();
    assert_eq!((cosignature.witness.as_str(), cosignature.time_s), ("witness.example/dpo", TIME_S));
    let signer = signer("witness.example/dpo", 9);
    assert_eq!(signer.verifier().witness_key(), WITNESS_KEY);
    let made = signer.cosign(SIGNED.as_bytes(), TIME_S).unwrap();
    assert_eq!(made.line(), LINE.as_bytes());
    assert_eq!(add_cosignatures(SIGNED.as_bytes(), &[made]).unwrap(), cosigned());
    CheckpointVerifier::new(LOG_KEY).unwrap().verify(&cosigned()).unwrap();
}

/// A verifier of our kind behind the interface of the foreign library.
struct Foreign(CosignatureVerifier);

impl Verifier for Foreign {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn key_id(&self) -> u32 {
        key_id(self.0.name(), &typed(&self.0.public))
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let (time, signature) = signature.split_at(8);
        let time = u64::from_be_bytes(time.try_into().unwrap());
        let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
        UnparsedPublicKey::new(&ED25519, &self.0.public).verify(&message, signature).is_ok()
    }
}

#[test]
fn a_foreign_note_library_reads_what_is_made() {
    let signer = signer("witness.example/other", 5);
    let made = signer.cosign(&cosigned(), TIME_S + 9).unwrap();
    let note = Note::from_bytes(&add_cosignatures(&cosigned(), &[made]).unwrap()).unwrap();
    let known = VerifierList::new(vec![Box::new(Foreign(signer.verifier().clone()))]);
    let (verified, unknown) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 2));
    assert_eq!(verified[0].name(), "witness.example/other");
}

#[test]
fn any_changed_byte_is_noticed() {
    let verifier = CosignatureVerifier::new(WITNESS_KEY).unwrap();
    let note = cosigned();
    let text_end = SIGNED.find("\n\n").unwrap();
    let line_start = SIGNED.len();
    for at in (0..text_end).chain(line_start..note.len()) {
        let mut changed = note.clone();
        changed[at] ^= 1;
        assert!(verifier.verify(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn an_older_line_is_replaced_and_the_newest_counts() {
    let signer = signer("witness.example/dpo", 9);
    let newer = signer.cosign(SIGNED.as_bytes(), TIME_S + 60).unwrap();
    let both = [cosigned(), newer.line()].concat();
    assert_eq!(signer.verifier().verify(&both).unwrap().time_s, TIME_S + 60);
    let replaced = add_cosignatures(&cosigned(), &[newer]).unwrap();
    assert_eq!(replaced.len(), cosigned().len());
    assert_eq!(signer.verifier().verify(&replaced).unwrap().time_s, TIME_S + 60);
}

#[test]
fn known_witnesses_count_and_others_are_ignored() {
    let (first, second) = (signer("witness.example/dpo", 9), signer("witness.example/b", 5));
    let witnesses = [first.verifier().clone(), second.verifier().clone()];
    let found = cosignatures(&cosigned(), &witnesses).unwrap();
    assert_eq!(found.len(), 1);
    let same_name = signer("witness.example/dpo", 5);
    let foreign = same_name.cosign(SIGNED.as_bytes(), TIME_S).unwrap();
    let answer = first.verifier().verify_answer(SIGNED.as_bytes(), &foreign.line());
    assert!(matches!(answer, Err(CosignatureError::Missing { .. })), "another key, the same name");
    assert!(same_name.verifier().is_same_key(second.verifier()));
}

#[test]
fn a_cosignature_of_another_checkpoint_is_no_answer() {
    let signer = signer("witness.example/dpo", 9);
    let other = SIGNED.replace("20852163", "20852164");
    let line = signer.cosign(other.as_bytes(), TIME_S).unwrap().line();
    let smuggled = [b"\n".as_slice(), &line].concat();
    for lines in [&line, &smuggled] {
        assert!(signer.verifier().verify_answer(SIGNED.as_bytes(), lines).is_err());
    }
    assert!(signer.verifier().verify_answer(SIGNED.as_bytes(), LINE.as_bytes()).is_ok());
}

#[test]
fn malformed_keys_names_and_times_are_refused() {
    for key in [
        "",
        "witness.example/dpo",
        LOG_KEY,
        &WITNESS_KEY.replace("92692258", "92692259"),
        &WITNESS_KEY.replace("9269", "+269"),
        &WITNESS_KEY.replace("dpo", "d po"),
        &WITNESS_KEY[..WITNESS_KEY.len() - 4],
    ] {
        let error = CosignatureVerifier::new(key).unwrap_err();
        assert!(matches!(error, CosignatureError::Key), "{key}");
    }
    let signer = signer("witness.example/dpo", 9);
    assert!(signer.cosign(SIGNED.as_bytes(), u64::MAX / 2).is_ok());
    assert!(signer.cosign(SIGNED.as_bytes(), u64::MAX / 2 + 1).is_err());
    assert!(signer.cosign(b"no note", TIME_S).is_err());
    assert!(matches!(CosignatureSigner::new("a b", &[]), Err(CosignatureError::PrivateKey)));
}
