"""Byte formats of Schleuse as the comments of proto/schleuse/v1/*.proto describe them.

Owns signing, sealing, Merkle trees, signed notes and record skeletons. It is written apart from the
Rust code on purpose and uses other libraries: a mistake shared by broker and SDK shows here.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem

from schleuse.v1 import common_pb2, content_pb2, messages_pb2

LABEL = b"schleuse/v1/label\0"
PARTICIPANT = b"schleuse/v1/participant\0"
BATCH = b"schleuse/v1/batch\0"
CONSENT = b"schleuse/v1/consent\0"
DIRECTORY = b"schleuse/v1/directory\0"

HYBRID = common_pb2.SEALING_SUITE_MLKEM1024_P384_SHA384_AES256GCM
CLASSIC = common_pb2.SEALING_SUITE_DHKEM_P256_SHA256_AES256GCM

_KEMS = {HYBRID: hpke.KEM.MLKEM1024_P384, CLASSIC: hpke.KEM.P256}
_KDFS = {HYBRID: hpke.KDF.HKDF_SHA384, CLASSIC: hpke.KDF.HKDF_SHA256}

# 1 KiB, 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1 MiB + 4 KiB.
PADDED_SIZES = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, (1 << 20) + (4 << 10)]

_MLKEM1024_PUBLIC_BYTES = 1568


def sha256(*parts):
    """SHA-256 over the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(message):
    """Canonical encoding: Python writes the fields of these messages in ascending order and leaves
    out defaults. An empty submessage that was set is written, with length 0."""
    return message.SerializeToString(deterministic=True)


# Signatures


@dataclass
class Identity:
    """A TLS identity: the same key also signs documents and batches."""

    chain: bytes
    key_pem: bytes

    @staticmethod
    def read(path):
        """Reads PATH.pem (chain, leaf first) and PATH.key."""
        return Identity(
            path.with_suffix(".pem").read_bytes(), path.with_suffix(".key").read_bytes()
        )

    def sign(self, signed_bytes):
        """A Signature message over the bytes."""
        key = serialization.load_pem_private_key(self.key_pem, None)
        leaf = x509.load_pem_x509_certificates(self.chain)[0]
        return common_pb2.Signature(
            certificate=leaf.public_bytes(serialization.Encoding.DER),
            value=key.sign(signed_bytes, ec.ECDSA(hashes.SHA256())),
        )


class Trust:
    """The trust table: which issuing CA speaks for which agency."""

    def __init__(self, folder, table):
        self.domain = table["trust_domain"]
        self.log_key = table["log_key"]
        root = x509.load_pem_x509_certificate((folder / table["root"]).read_bytes())
        self.issuers = {}
        for row in table["issuer"]:
            issuer = x509.load_pem_x509_certificate((folder / row["certificate"]).read_bytes())
            issuer.verify_directly_issued_by(root)
            self.issuers.update(dict.fromkeys(row["agencies"], issuer))

    def verify(self, signature, signed_bytes, agency, role):
        """Raises unless a certificate of that agency and role signed the bytes."""
        leaf = x509.load_der_x509_certificate(signature.certificate)
        leaf.verify_directly_issued_by(self.issuers[agency])
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == [f"spiffe://{self.domain}/agency/{agency}/{role}"], uris
        leaf.public_key().verify(signature.value, signed_bytes, ec.ECDSA(hashes.SHA256()))


# Sealing


def _public_key(suite, encoded):
    if suite == CLASSIC:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)
    return hpke.MLKEM1024P384PublicKey(
        mlkem.MLKEM1024PublicKey.from_public_bytes(encoded[:_MLKEM1024_PUBLIC_BYTES]),
        ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP384R1(), encoded[_MLKEM1024_PUBLIC_BYTES:]
        ),
    )


def private_key(suite, encoded):
    """A private key from its 32 bytes: a scalar for P-256, a seed for the hybrid, which expands
    with SHAKE256 to the seed of ML-KEM-1024 (64 bytes) and the scalar of P-384 (48 bytes)."""
    if suite == CLASSIC:
        return ec.derive_private_key(int.from_bytes(encoded, "big"), ec.SECP256R1())
    expanded = hashlib.shake_256(encoded).digest(64 + 48)
    return hpke.MLKEM1024P384PrivateKey(
        mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:64]),
        ec.derive_private_key(int.from_bytes(expanded[64:], "big"), ec.SECP384R1()),
    )


def _hpke(suite):
    return hpke.Suite(_KEMS[suite], _KDFS[suite], hpke.AEAD.AES_256_GCM)


def label_digest(label):
    """Digest of label bytes; also the HPKE info."""
    return sha256(LABEL, label)


def consent_reference(consent_id, agency):
    """How one recipient's agency knows a consent."""
    return sha256(b"schleuse/v1/consent-reference\0", consent_id, agency.encode())[:16]


def participant_commitment(nonce, reference):
    """Binds a label to the sender's reference without showing it."""
    return sha256(PARTICIPANT, nonce, reference.encode())


def seal(label, content, public_key):
    """An unsigned SealedMessage."""
    encoded = content.SerializeToString()
    framed = struct.pack(">I", len(encoded)) + encoded
    size = next(size for size in PADDED_SIZES if size >= len(framed))
    label_bytes = canonical(label)
    sealed = _hpke(label.suite).encrypt(
        framed.ljust(size, b"\0"), _public_key(label.suite, public_key), label_digest(label_bytes)
    )
    key_bytes = _KEMS[label.suite].enc_length()
    return messages_pb2.SealedMessage(
        label=label_bytes, encapsulated_key=sealed[:key_bytes], ciphertext=sealed[key_bytes:]
    )


def open_sealed(sealed, private_keys):
    """The Content of a SealedMessage. Raises unless it was sealed for one of the keys under its
    label."""
    label = messages_pb2.Label.FromString(sealed.label)
    padded = _hpke(label.suite).decrypt(
        sealed.encapsulated_key + sealed.ciphertext,
        private_keys[label.suite],
        label_digest(sealed.label),
    )
    assert len(padded) in PADDED_SIZES, len(padded)
    (size,) = struct.unpack_from(">I", padded)
    assert not any(padded[4 + size :]), "padding is not zero"
    return content_pb2.Content.FromString(padded[4 : 4 + size])


# Merkle trees, RFC 9162 section 2.1


def leaf_hash(entry):
    """Leaf hash of an entry."""
    return sha256(b"\0", entry)


def _node_hash(left, right):
    return sha256(b"\1", left, right)


def _split(size):
    """Largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def tree_root(leaves):
    """Root over leaf hashes."""
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node_hash(tree_root(leaves[:at]), tree_root(leaves[at:]))


def inclusion_path(leaves, index):
    """Proof of one leaf, lowest level first."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*inclusion_path(leaves[:at], index), tree_root(leaves[at:])]
    return [*inclusion_path(leaves[at:], index - at), tree_root(leaves[:at])]


def root_of_inclusion(leaf, index, size, path):
    """Root that an inclusion proof leads to, section 2.1.3.2."""
    assert index < size, "leaf beyond the tree"
    node, last, result = index, size - 1, leaf
    for hash_ in path:
        assert last > 0, "proof too long"
        if node & 1 or node == last:
            result = _node_hash(hash_, result)
            while not node & 1 and node > 0:
                node, last = node >> 1, last >> 1
        else:
            result = _node_hash(result, hash_)
        node, last = node >> 1, last >> 1
    assert last == 0, "proof too short"
    return result


def roots_of_consistency(old_root, old_size, new_size, path):
    """Roots of the old and of the new tree that a consistency proof leads to, section 2.1.4.2."""
    if old_size == new_size:
        assert not path, "proof too long"
        return old_root, old_root
    if old_size & (old_size - 1) == 0:
        path = [old_root, *path]
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old, new = path[0], path[0]
    for hash_ in path[1:]:
        assert last > 0, "proof too long"
        if node & 1 or node == last:
            old, new = _node_hash(hash_, old), _node_hash(hash_, new)
            while not node & 1 and node > 0:
                node, last = node >> 1, last >> 1
        else:
            new = _node_hash(new, hash_)
        node, last = node >> 1, last >> 1
    assert last == 0, "proof too short"
    return old, new


def _batch_leaf(sealed):
    payload = sha256(sealed.encapsulated_key, sealed.ciphertext)
    return leaf_hash(label_digest(sealed.label) + payload)


def batch_bytes(size, root):
    """The signed bytes of a batch."""
    return BATCH + struct.pack(">Q", size) + root


def sign_batch(messages, identity):
    """Puts one signature over the tree of the SealedMessages into each of them."""
    leaves = [_batch_leaf(sealed) for sealed in messages]
    signature = identity.sign(batch_bytes(len(leaves), tree_root(leaves)))
    for index, sealed in enumerate(messages):
        sealed.signature.CopyFrom(
            messages_pb2.BatchSignature(
                signature=signature,
                tree_size=len(leaves),
                leaf_index=index,
                path=inclusion_path(leaves, index),
            )
        )


def verify_batch(sealed, trust):
    """Raises unless the system of the agency that the label names as sender signed the message."""
    label = messages_pb2.Label.FromString(sealed.label)
    batch = sealed.signature
    root = root_of_inclusion(
        _batch_leaf(sealed), batch.leaf_index, batch.tree_size, list(batch.path)
    )
    trust.verify(batch.signature, batch_bytes(batch.tree_size, root), label.sender.agency, "system")


# The log


@dataclass
class Checkpoint:
    """A verified statement of the broker about its log."""

    origin: str
    size: int
    root: bytes


def read_checkpoint(note, log_key):
    """Verifies a C2SP tlog-checkpoint in a signed note with a C2SP verifier key."""
    name, key_id, encoded = log_key.split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1, "not an Ed25519 key"
    assert sha256(name.encode(), b"\n", key)[:4] == bytes.fromhex(key_id), "malformed log key"
    text, separator, signatures = note.partition(b"\n\n")
    assert separator, "not a signed note"
    text += b"\n"
    for line in signatures.decode().splitlines():
        dash, signer, value = line.split(" ")
        signature = base64.b64decode(value)
        if (dash, signer, signature[:4]) == ("\u2014", name, bytes.fromhex(key_id)):
            ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text)
            break
    else:
        raise AssertionError("the note is not signed with the log key")
    origin, size, root = text.decode().splitlines()[:3]
    assert origin == name, origin
    return Checkpoint(origin, int(size), base64.b64decode(root))


@dataclass
class Skeleton:
    """The public facts of a record: version 1, type, 6 zero bytes, epoch, number, time in Unix
    milliseconds (8 bytes each, big-endian), then commitments to body, findings and private section and
    the digest of the payload (32 bytes each)."""

    record_type: int
    epoch: int
    number: int
    time_ms: int
    body_commitment: bytes
    findings_commitment: bytes
    private_commitment: bytes
    payload_digest: bytes

    @staticmethod
    def decode(encoded):
        """Reads 160 bytes."""
        version, record_type, zero, *rest = struct.unpack(">BB6sQQQ32s32s32s32s", encoded)
        assert (version, zero) == (1, bytes(6)), encoded[:8]
        return Skeleton(record_type, *rest)
