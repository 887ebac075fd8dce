//! A log key for tests: signs any checkpoint that it is told to sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use schleuse_proto::evidence::Digest;
use signed_note::{Note, Signature, key_id};
use tlog_tiles::{Checkpoint, Hash};

const NAME: &str = "schleuse.example/log";

fn key() -> (Ed25519KeyPair, Vec<u8>) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = [&[1], key.public_key().as_ref()].concat();
    (key, public)
}

pub(crate) fn log_key() -> String {
    let (_, public) = key();
    format!("{NAME}+{:08x}+{}", key_id(NAME, &public), STANDARD.encode(public))
}

pub(crate) fn sign(size: u64, root: Digest) -> Vec<u8> {
    let (key, public) = key();
    let text = Checkpoint::new(NAME, size, Hash(root), "").unwrap().to_bytes();
    let signature = key.sign(&text).as_ref().to_vec();
    let signature = Signature::new(NAME.to_owned(), key_id(NAME, &public), signature).unwrap();
    Note::new(&text, &[signature]).unwrap().to_bytes()
}
