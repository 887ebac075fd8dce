"""Checks an export or evidence of own acts without the broker, as proto/EVIDENCE.md describes it.

verify.py FILE --log-key KEY [--trust TRUST.TOML]
verify.py --batch FOLDER --log-key KEY [--trust TRUST.TOML]

Prints {"sound": ..., "failed": [names of failed checks]}, with --batch a line for each *.json file.
Exit code: 0 sound (--batch: always), 4 not sound, 2 wrong usage. It is written apart from the Rust
code on purpose: both follow the same document, so where they differ one of them is wrong.

A check that needs the checkpoint fails without it; a row whose body is unreadable fails in
`records` and is left out of what looks at events.
"""

import argparse
import base64
import json
import re
import sys
import tomllib
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from schleuse.v1 import access_log_pb2, consent_pb2, directory_pb2, messages_pb2

import formats

EXPORT = "schleuse-log-export-1"
EVIDENCE = "schleuse-evidence-1"

REVOCATION = b"schleuse/v1/revocation\0"

HASH_BYTES = 32
SALT_BYTES = 16

# Name of the event that a record of a type number holds.
EVENTS = {
    value.number: value.name.removeprefix("RECORD_TYPE_").lower()
    for value in access_log_pb2.RecordType.DESCRIPTOR.values
    if value.number
}

# Digest of a signature on each curve.
DIGESTS = {"secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384}

# Extensions that a leaf may mark as critical: all that are looked at.
KNOWN_EXTENSIONS = (
    x509.SubjectAlternativeName,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.BasicConstraints,
)


class Refused(Exception):
    """Something does not have the form that it must have."""


def require(condition, what):
    """Raises unless the condition holds; unlike assert it cannot be switched off."""
    if not condition:
        raise Refused(what)


# Reading the file


def strict_base64(text):
    """Bytes of standard base64 with padding and zero unused bits."""
    require(type(text) is str, "not a text")
    value = base64.b64decode(text, validate=True)
    require(base64.b64encode(value).decode() == text, "base64 that is not canonical")
    return value


def hashes_of(value):
    """Splits bytes into hashes; the last one is short if bytes are left over."""
    return [value[at : at + HASH_BYTES] for at in range(0, len(value), HASH_BYTES)]


def _text(value):
    require(type(value) is str, "not a text")
    value.encode()  # refuses halves of surrogate pairs
    return value


def _number(value):
    require(type(value) is int and 0 <= value < 1 << 64, "not an unsigned 64-bit number")
    return value


def _truth(value):
    require(type(value) is bool, "not true or false")
    return value


def _list_of(read):
    def read_list(value):
        require(type(value) is list, "not a list")
        return [read(item) for item in value]

    return read_list


def _object_of(fields):
    def read_object(value):
        require(type(value) is dict and value.keys() == fields.keys(), "other fields")
        return {name: read(value[name]) for name, read in fields.items()}

    return read_object


_read_row = _object_of(
    {
        "record_number": _number,
        "skeleton": strict_base64,
        "salt": strict_base64,
        "body": strict_base64,
        "findings": strict_base64,
        "findings_salt": strict_base64,
        "participant_reference": _text,
    }
)

_READERS = {
    EXPORT: _object_of(
        {
            "format": _text,
            "log_key": _text,
            "checkpoint": strict_base64,
            "query_record": _number,
            "truncated": _truth,
            "rows": _list_of(_read_row),
            "leaf_hashes": strict_base64,
        }
    ),
    EVIDENCE: _object_of(
        {
            "format": _text,
            "log_key": _text,
            "checkpoint": strict_base64,
            "records": _list_of(_object_of({"row": _read_row, "path": strict_base64})),
        }
    ),
}


def _object_without_repetition(pairs):
    value = dict(pairs)
    require(len(value) == len(pairs), "a key twice")
    return value


def _digits(text):
    require(text.isdigit() and len(text) <= 20, "number out of range")
    return int(text)


def _no_number(text):
    raise Refused(f"not a whole number: {text[:20]}")


class Row:
    """A row of either format, with its contents decoded where they can be."""

    def __init__(self, fields, path=None):
        self.number = fields["record_number"]
        self.skeleton = fields["skeleton"]
        self.salt = fields["salt"]
        self.body = fields["body"]
        self.findings = fields["findings"]
        self.findings_salt = fields["findings_salt"]
        self.path = path

    @cached_property
    def facts(self):
        """The decoded skeleton; None if it is malformed."""
        try:
            facts = formats.Skeleton.decode(self.skeleton)
            require(self.skeleton[0] == 1 and not any(self.skeleton[2:8]), "another version")
            return facts
        except Exception:
            return None

    @cached_property
    def entry(self):
        """The decoded body; None if it is no LogEntry."""
        return _decoded(access_log_pb2.LogEntry, self.body)

    @cached_property
    def event_name(self):
        """Name of the event, for example "handed_out"; None if there is none."""
        return self.entry.WhichOneof("event") if self.entry is not None else None

    @property
    def event(self):
        """The event itself; only if it has a name."""
        return getattr(self.entry, self.event_name)

    @property
    def shows_findings(self):
        """Whether the findings are shown."""
        return bool(self.findings or self.findings_salt)

    @cached_property
    def decoded_findings(self):
        """The findings; None if they are not shown or are no Findings."""
        return _decoded(access_log_pb2.Findings, self.findings) if self.shows_findings else None


def _decoded(message_type, encoded):
    try:
        return message_type.FromString(encoded)
    except Exception:
        return None


class Document:
    """A file of either format."""

    def __init__(self, content, log_key):
        """Raises if the bytes are no such file."""
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object_without_repetition,
            parse_int=_digits,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        require(type(value) is dict and type(value.get("format")) is str, "no format")
        require(value["format"] in _READERS, "another format")
        fields = _READERS[value["format"]](value)
        self.log_key_given = log_key
        self.log_key = fields["log_key"]
        self.note = fields["checkpoint"]
        self.is_export = fields["format"] == EXPORT
        if self.is_export:
            self.rows = [Row(row) for row in fields["rows"]]
            self.leaf_hashes = fields["leaf_hashes"]
        else:
            self.rows = [Row(record["row"], record["path"]) for record in fields["records"]]
            self.leaf_hashes = None

    @cached_property
    def checkpoint(self):
        """The verified checkpoint; None if it does not verify."""
        try:
            return read_checkpoint(self.note, LogKey(self.log_key_given))
        except Exception:
            return None

    def events(self, *names):
        """Rows with one of these events, in the order of the file."""
        return [row for row in self.rows if row.event_name in names]


# The checkpoint


class LogKey:
    """Public key of a log."""

    def __init__(self, text):
        """Reads the C2SP form name+hash+base64."""
        parts = text.split("+", 2)
        require(len(parts) == 3, "not name+hash+base64")
        self.name, key_id, encoded = parts
        require(self.name and not re.search(r"\s", self.name), "malformed name")
        require(re.fullmatch(r"[0-9a-f]{8}", key_id), "malformed key hash")
        key = strict_base64(encoded)
        require(len(key) == 1 + 32 and key[0] == 1, "not an Ed25519 key")
        self.key_id = formats.sha256(self.name.encode(), b"\n", key)[:4]
        require(self.key_id == bytes.fromhex(key_id), "key hash of another key")
        self.public_key = ed25519.Ed25519PublicKey.from_public_bytes(key[1:])


def read_checkpoint(note, key):
    """Verifies a C2SP tlog-checkpoint in a signed note; raises if it does not verify."""
    text, separator, signatures = note.decode("utf-8").rpartition("\n\n")
    require(separator and signatures.endswith("\n"), "not a signed note")
    require(not re.search(r"[\x00-\x09\x0b-\x1f]", note.decode()), "control characters")
    text += "\n"
    verified = False
    for line in signatures[:-1].split("\n"):
        dash, name, value = line.split(" ")
        signature = strict_base64(value)
        require(dash == "\u2014" and name and len(signature) > 4, "malformed signature line")
        if (name, signature[:4]) == (key.name, key.key_id):
            key.public_key.verify(signature[4:], text.encode())
            verified = True
    require(verified, "not signed with the log key")
    lines = text[:-1].split("\n")
    require(len(lines) >= 3 and all(lines), "not a checkpoint")
    origin, size, root = lines[:3]
    require(origin == key.name, "checkpoint of another log")
    require(re.fullmatch(r"0|[1-9][0-9]{0,19}", size), "malformed size")
    size = _number(int(size))
    root = strict_base64(root)
    require(len(root) == HASH_BYTES, "malformed root")
    return formats.Checkpoint(origin, size, root)


def inclusion_root(leaf, index, size, path):
    """Root that an RFC 9162 inclusion proof leads to; raises if the proof has another shape."""
    require(index < size, "leaf beyond the tree")
    require(all(len(hash_) == HASH_BYTES for hash_ in path), "not whole hashes")
    require(__debug__, "formats.py refuses by assertions")
    return formats.root_of_inclusion(leaf, index, size, path)


# The checks. Each one takes the document and says whether it holds; one that raises does not hold.


def check_log_key(document, _trust):
    """The key in the file is the one given."""
    return document.log_key == document.log_key_given


def check_checkpoint(document, _trust):
    """The checkpoint verifies with the key given."""
    return document.checkpoint is not None


def check_merkle_tree(document, _trust):
    """The leaf hashes are the tree of the checkpoint."""
    require(document.checkpoint, "no checkpoint")
    return (
        len(document.leaf_hashes) == document.checkpoint.size * HASH_BYTES
        and formats.tree_root(hashes_of(document.leaf_hashes)) == document.checkpoint.root
    )


def check_records(document, _trust):
    """Each row is in itself what its skeleton commits to."""
    return all(map(_record_holds, document.rows))


def _record_holds(row):
    facts = row.facts
    if facts is None or facts.number != row.number:
        return False
    if len(row.salt) != SALT_BYTES or formats.sha256(row.salt, row.body) != facts.body_commitment:
        return False
    if row.event_name is None or row.event_name != EVENTS.get(facts.record_type):
        return False
    return not row.shows_findings or (
        len(row.findings_salt) == SALT_BYTES
        and formats.sha256(row.findings_salt, row.findings) == facts.findings_commitment
        and row.decoded_findings is not None
    )


def check_inclusion(document, _trust):
    """Each row is a leaf of the tree."""
    if document.is_export:
        leaves = hashes_of(document.leaf_hashes)
        return all(
            row.number < len(leaves) and formats.leaf_hash(row.skeleton) == leaves[row.number]
            for row in document.rows
        )
    require(document.checkpoint, "no checkpoint")
    return bool(document.rows) and all(
        document.checkpoint.root
        == inclusion_root(
            formats.leaf_hash(row.skeleton),
            row.number,
            document.checkpoint.size,
            hashes_of(row.path),
        )
        for row in document.rows
    )


def check_order(document, _trust):
    """Numbers strictly count up, times and epochs never go back."""
    numbers = [row.number for row in document.rows]
    facts = [row.facts for row in document.rows if row.facts is not None]
    times = [fact.time_ms for fact in facts]
    epochs = [fact.epoch for fact in facts]
    return (
        all(earlier < later for earlier, later in zip(numbers, numbers[1:]))
        and times == sorted(times)
        and epochs == sorted(epochs)
    )


def check_stopped_messages(document, _trust):
    """No message is handed out after its stop or its refusal."""
    stopped = set()
    for row in document.events("message_stopped", "message_decided", "handed_out"):
        if row.event_name == "message_stopped":
            stopped.add(row.event.message_number)
        elif row.event_name == "message_decided":
            if not row.event.accepted:
                stopped.add(row.number)
        elif row.event.message_number in stopped:
            return False
    return True


def check_revoked_consents(document, _trust):
    """Nothing happens under a consent after its revocation."""
    consents, references = set(), set()
    for row in document.events("consent_revoked", "message_decided", "handed_out"):
        event = row.event
        if row.event_name == "consent_revoked":
            consents.add(event.consent_id)
            references.update(
                formats.consent_reference(event.consent_id, agency) for agency in event.agencies
            )
        elif row.event_name == "handed_out":
            if event.consent_reference in references:
                return False
        elif event.accepted and row.decoded_findings is not None:
            if row.decoded_findings.consent_id in consents:
                return False
    return True


def check_hand_outs(document, _trust):
    """Each hand-out is of an accepted message and says what its label says."""
    decided, seen = {}, set()
    for row in document.rows:
        if row.event_name == "message_decided":
            decided[row.number] = row.event
        if row.event_name == "handed_out" and not _hand_out_fits(row, decided, seen):
            return False
        seen.add(row.number)
    return True


def _hand_out_fits(row, decided, seen):
    number = row.event.message_number
    message = decided.get(number)
    if message is None:
        return number < row.number and number not in seen
    label = canonical(messages_pb2.Label, message.label)
    return message.accepted and _repeated_facts(row.event) == _repeated_facts(label)


def _repeated_facts(message):
    """What a hand-out repeats of its message's label."""
    return (
        (message.sender.agency, message.sender.function),
        (message.recipient.agency, message.recipient.function),
        message.purpose,
        message.kind,
        list(message.categories),
    )


def check_signatures(document, trust):
    """Messages, directory entries and revocations are signed by whom they name."""
    for row in document.rows:
        check = _SIGNED_EVENTS.get(row.event_name)
        if check:
            check(row, trust)
    return True


def _check_message_signature(row, trust):
    message = row.event
    label = canonical(messages_pb2.Label, message.label)
    require(row.entry.actor.agency == label.sender.agency, "submitted by another agency")
    require(len(message.payload_digest) == HASH_BYTES, "malformed payload digest")
    batch = message.signature
    root = inclusion_root(
        formats.leaf_hash(formats.label_digest(message.label) + message.payload_digest),
        batch.leaf_index,
        batch.tree_size,
        list(batch.path),
    )
    trust.require_signature(
        batch.signature,
        formats.batch_bytes(batch.tree_size, root),
        label.sender.agency,
        ("system", "lotse"),
        label.created_at_ms,
    )


def _check_directory_signature(row, trust):
    event, agency = row.event, row.entry.actor.agency
    document = canonical(directory_pb2.DirectoryDocument, event.document)
    require(document.agency == agency, "entry of another agency")
    require(row.facts, "no time")
    trust.require_signature(
        event.signature,
        formats.DIRECTORY + event.document,
        agency,
        ("system", "lotse"),
        row.facts.time_ms,
    )


def _check_revocation_signature(row, trust):
    event = row.event
    document = canonical(consent_pb2.RevocationDocument, event.document)
    require(document.consent_id == event.consent_id, "revocation of another consent")
    require(row.facts, "no time")
    trust.require_signature(
        event.signature,
        REVOCATION + event.document,
        row.entry.actor.agency,
        ("lotse",),
        row.facts.time_ms,
    )


_SIGNED_EVENTS = {
    "message_decided": _check_message_signature,
    "directory_published": _check_directory_signature,
    "consent_revoked": _check_revocation_signature,
}


def canonical(message_type, encoded):
    """Decodes a label or document; raises unless it is in canonical form."""
    message = message_type.FromString(encoded)
    message.DiscardUnknownFields()
    require(formats.canonical(message) == encoded, "not in canonical form")
    return message


# Certificates


@dataclass
class Signer:
    """What a believable leaf certificate says."""

    agency: str
    role: str
    certificate: x509.Certificate
    issuers: list

    def valid_at(self, time_ms):
        """Whether certificate and one of its issuers are valid, both ends included."""
        return _valid_at(self.certificate, time_ms) and any(
            _valid_at(issuer, time_ms) for issuer in self.issuers
        )


def _valid_at(certificate, time_ms):
    begin = certificate.not_valid_before_utc.timestamp()
    end = certificate.not_valid_after_utc.timestamp()
    return begin <= time_ms // 1000 <= end


class Trust:
    """The table of trust: which issuer speaks for which agencies."""

    def __init__(self, path):
        """Reads trust.toml; raises if it is malformed or an issuer is not of the root."""
        table = tomllib.loads(path.read_text())
        self.uri = re.compile(
            f"spiffe://{re.escape(_text(table['trust_domain']))}"
            "/agency/(?P<agency>[a-z0-9-]{1,40})/(?P<role>[a-z]+)(/[^/]+)?"
        )
        root = x509.load_pem_x509_certificate((path.parent / table["root"]).read_bytes())
        self.issuers = []
        for row in table["issuer"]:
            pem = (path.parent / row["certificate"]).read_bytes()
            issuer = x509.load_pem_x509_certificate(pem)
            issuer.verify_directly_issued_by(root)
            self.issuers.append((issuer, set(_list_of(_text)(row["agencies"]))))
        self._signers = {}
        self._signatures = {}

    def require_signature(self, signature, signed_bytes, agency, roles, time_ms):
        """Raises unless a certificate of that agency and one of the roles signed the bytes."""
        signer = self._signer(signature.certificate)
        require(signer, "certificate that is not believed")
        require(signer.agency == agency and signer.role in roles, "signed by somebody else")
        require(signer.valid_at(time_ms), "certificate not valid at that time")
        require(self._verifies(signer, signature, signed_bytes), "signature does not verify")

    def _signer(self, encoded):
        """Who a certificate names, looked up once; None if it is not believed."""
        if encoded not in self._signers:
            try:
                self._signers[encoded] = self._read_leaf(encoded)
            except Exception:
                self._signers[encoded] = None
        return self._signers[encoded]

    def _read_leaf(self, encoded):
        leaf = x509.load_der_x509_certificate(encoded)
        require(leaf.version == x509.Version.v3, "not version 3")
        extensions = leaf.extensions
        for extension in extensions:
            known = isinstance(extension.value, KNOWN_EXTENSIONS)
            require(known or not extension.critical, "unknown critical extension")
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        require(len(names) == 1, "not exactly one name")
        require(isinstance(names[0], x509.UniformResourceIdentifier), "name that is no URI")
        uri = self.uri.fullmatch(names[0].value)
        require(uri, "another URI")
        require(
            extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature,
            "not for signatures",
        )
        require(
            ExtendedKeyUsageOID.CLIENT_AUTH
            in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value,
            "not for clients",
        )
        try:
            constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
            require(not constraints.ca, "an issuer")
        except x509.ExtensionNotFound:
            pass
        key = leaf.public_key()
        require(isinstance(key, ec.EllipticCurvePublicKey), "another kind of key")
        require(key.curve.name in DIGESTS, "another curve")
        issuers = [
            issuer
            for issuer, agencies in self.issuers
            if uri["agency"] in agencies and _issued(issuer, leaf)
        ]
        require(issuers, "issuer that does not speak for the agency")
        return Signer(uri["agency"], uri["role"], leaf, issuers)

    def _verifies(self, signer, signature, signed_bytes):
        """Whether the signature verifies, tried once: all messages of a batch share one."""
        key = (signature.certificate, signature.value, signed_bytes)
        if key not in self._signatures:
            public_key = signer.certificate.public_key()
            digest = DIGESTS[public_key.curve.name]()
            try:
                public_key.verify(signature.value, signed_bytes, ec.ECDSA(digest))
                self._signatures[key] = True
            except Exception:
                self._signatures[key] = False
        return self._signatures[key]


def _issued(issuer, leaf):
    """Whether name and signature of the leaf are the issuer's."""
    try:
        leaf.verify_directly_issued_by(issuer)
        return True
    except Exception:
        return False


# All checks together

_BOTH, _EXPORT_ONLY = True, False

# Name, check, whether it is for evidence too.
CHECKS = [
    ("log key", check_log_key, _BOTH),
    ("checkpoint", check_checkpoint, _BOTH),
    ("merkle tree", check_merkle_tree, _EXPORT_ONLY),
    ("records", check_records, _BOTH),
    ("inclusion", check_inclusion, _BOTH),
    ("order", check_order, _BOTH),
    ("stopped messages", check_stopped_messages, _EXPORT_ONLY),
    ("revoked consents", check_revoked_consents, _EXPORT_ONLY),
    ("hand-outs", check_hand_outs, _BOTH),
    ("signatures", check_signatures, _BOTH),
]


def _holds(check, document, trust):
    try:
        return bool(check(document, trust))
    except Exception:
        return False


def verify(document_bytes, log_key, trust=None):
    """Names of the failed checks in the order of the table; ["format"] if the file is unreadable.

    `trust` is a Trust; without one the signatures of agencies are not checked."""
    try:
        document = Document(document_bytes, log_key)
    except Exception:
        return ["format"]
    return [
        name
        for name, check, for_evidence in CHECKS
        if (document.is_export or for_evidence)
        and (check is not check_signatures or trust is not None)
        and not _holds(check, document, trust)
    ]


def _result(content, log_key, trust):
    failed = verify(content, log_key, trust)
    return {"sound": not failed, "failed": failed}


def main():
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument("--batch", type=Path, metavar="FOLDER")
    parser.add_argument("--log-key", required=True, metavar="KEY")
    parser.add_argument("--trust", type=Path, metavar="TRUST.TOML")
    arguments = parser.parse_args()
    if (arguments.file is None) == (arguments.batch is None):
        parser.error("give either FILE or --batch FOLDER")
    # Oddities of certificates are no news here: they are believed or not.
    warnings.simplefilter("ignore")
    try:
        LogKey(arguments.log_key)
    except Exception:
        parser.error("--log-key is no key of the form name+hash+base64")
    try:
        trust = Trust(arguments.trust) if arguments.trust else None
    except Exception as error:
        parser.error(f"cannot read {arguments.trust}: {type(error).__name__} {error}")
    try:
        if arguments.file:
            result = _result(arguments.file.read_bytes(), arguments.log_key, trust)
            print(json.dumps(result))
            return 0 if result["sound"] else 4
        require(arguments.batch.is_dir(), f"no folder {arguments.batch}")
        for path in sorted(arguments.batch.glob("*.json"), key=lambda path: path.name):
            if not path.is_file():
                continue
            result = _result(path.read_bytes(), arguments.log_key, trust)
            print(json.dumps({"file": path.name, **result}))
    except (OSError, Refused) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
