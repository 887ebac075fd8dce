"""Checks an export or evidence of own acts without the broker, as proto/EVIDENCE.md describes it.

verify.py FILE --log-key KEY [--trust TRUST.TOML] [--complete]
verify.py --batch FOLDER --log-key KEY [--trust TRUST.TOML] [--complete]

Prints {"sound": ..., "failed": [names of failed checks]}, with --batch a line for each *.json file.
Exit code: 0 sound (--batch: always), 4 not sound, 2 wrong usage. It is written apart from the Rust
code on purpose: both follow the same document, so where they differ one of them is wrong.

A row that fails in `records` is left out of all other checks; what needs the checkpoint is left out
if that does not verify.
"""

import argparse
import base64
import json
import re
import sys
import tomllib
import warnings
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from schleuse.v1 import (
    access_log_pb2,
    common_pb2,
    consent_pb2,
    delivery_pb2,
    directory_pb2,
    evaluation_pb2,
    messages_pb2,
)

import formats
import runs
import safeguards

EXPORT = "schleuse-log-export-1"
EVIDENCE = "schleuse-evidence-1"

REVOCATION = b"schleuse/v1/revocation\0"
CONFIRMATION = b"schleuse/v1/confirmation\0"

MESSAGE_DECIDED = access_log_pb2.RECORD_TYPE_MESSAGE_DECIDED
PARTICIPANT_REGISTERED = access_log_pb2.RECORD_TYPE_PARTICIPANT_REGISTERED
ERASURE_BEGUN = access_log_pb2.RECORD_TYPE_ERASURE_BEGUN

# Types of records that each ground of an erasure takes.
RETENTION = access_log_pb2.ERASURE_GROUND_RETENTION
PARTICIPANT = access_log_pb2.ERASURE_GROUND_PARTICIPANT
TAKEN = {
    RETENTION: {
        MESSAGE_DECIDED,
        access_log_pb2.RECORD_TYPE_HANDED_OUT,
        access_log_pb2.RECORD_TYPE_STAGE_REPORTED,
        access_log_pb2.RECORD_TYPE_MESSAGE_STOPPED,
        access_log_pb2.RECORD_TYPE_COVERAGE_ASKED,
        access_log_pb2.RECORD_TYPE_CONSENT_REQUESTED,
        access_log_pb2.RECORD_TYPE_DEAD_LETTERED,
        access_log_pb2.RECORD_TYPE_BASIS_ENDED,
        access_log_pb2.RECORD_TYPE_DELETION_CONFIRMED,
        access_log_pb2.RECORD_TYPE_MAILBOX_READ,
        access_log_pb2.RECORD_TYPE_LOG_QUERIED,
        access_log_pb2.RECORD_TYPE_CALL_REFUSED,
        access_log_pb2.RECORD_TYPE_UPLOAD_DISCARDED,
    },
    PARTICIPANT: set(access_log_pb2.RecordType.values())
    - {
        access_log_pb2.RECORD_TYPE_BROKER_STARTED,
        access_log_pb2.RECORD_TYPE_DIRECTORY_PUBLISHED,
        access_log_pb2.RECORD_TYPE_MAILBOX_READ,
        access_log_pb2.RECORD_TYPE_CALL_REFUSED,
        access_log_pb2.RECORD_TYPE_RECORDS_ERASED,
        access_log_pb2.RECORD_TYPE_RECORD_LOST,
        access_log_pb2.RECORD_TYPE_LOG_RECONCILED,
        access_log_pb2.RECORD_TYPE_UPLOAD_DISCARDED,
        access_log_pb2.RECORD_TYPE_EVALUATION_RELEASED,
        access_log_pb2.RECORD_TYPE_EVALUATION_EXPORTED,
        access_log_pb2.RECORD_TYPE_RUN_APPROVED,
    },
}

# Most records that one record of an erasure lists.
LISTED_MAX = 1000

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
        "document": strict_base64,
        "document_signature": _object_of({"certificate": strict_base64, "value": strict_base64}),
        "erased": _truth,
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
        self.participant = fields["participant_reference"]
        self.document = fields["document"]
        self.certificate = fields["document_signature"]["certificate"]
        self.signature = fields["document_signature"]["value"]
        self.erased = fields["erased"]
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
        """The decoded body; None if it is no LogEntry, or erased."""
        return None if self.erased else _decoded(access_log_pb2.LogEntry, self.body)

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

    @cached_property
    def consent(self):
        """The document of a recorded consent; None if it is not shown."""
        if not self.document or self.event_name != "consent_recorded":
            return None
        return consent_pb2.ConsentDocument.FromString(self.document)

    @cached_property
    def safeguard(self):
        """The document of a release, an objection or an end; None if it is not shown."""
        if not self.document or self.event_name not in safeguards.DOCUMENTS:
            return None
        return safeguards.DOCUMENTS[self.event_name][0].FromString(self.document)

    @property
    def has_actor(self):
        """Whether somebody caused it; otherwise the broker itself did."""
        return self.entry.HasField("actor")


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
            self.all_rows = [Row(row) for row in fields["rows"]]
            self.leaf_hashes = fields["leaf_hashes"]
        else:
            self.all_rows = [Row(record["row"], record["path"]) for record in fields["records"]]
            self.leaf_hashes = None
        self.rows = [row for row in self.all_rows if _record_holds(row)]

    @cached_property
    def checkpoint(self):
        """The verified checkpoint; None if it does not verify."""
        try:
            return read_checkpoint(self.note, LogKey(self.log_key_given))
        except Exception:
            return None

    @cached_property
    def is_complete(self):
        """Whether there is a row for every record of the log."""
        return bool(
            self.is_export
            and self.checkpoint
            and len(self.rows) == self.checkpoint.size
            and all(row.number == number for number, row in enumerate(self.rows))
        )

    @cached_property
    def erasure_going_on(self):
        """Number behind which an erasure may hide whom a row is about; -1 if none is going on."""
        begun = [row.number for row in self.events("erasure_begun") if not row.participant]
        return max(begun, default=-1)

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
    return len(document.rows) == len(document.all_rows)


def _record_holds(row):
    try:
        facts = row.facts
        require(facts is not None and facts.number == row.number, "another skeleton")
        require(re.fullmatch(r"([a-z2-7]{26})?", row.participant), "malformed reference")
        if row.erased:
            left = (row.salt, row.body, row.findings, row.findings_salt)
            signature = (row.document, row.certificate, row.signature)
            return facts.record_type in EVENTS and not any(left + signature)
        require(len(row.salt) == SALT_BYTES, "another salt")
        require(formats.sha256(row.salt, row.body) == facts.body_commitment, "another body")
        require(row.event_name is not None, "no event")
        require(row.event_name == EVENTS.get(facts.record_type), "an event of another type")
        if row.shows_findings:
            require(len(row.findings_salt) == SALT_BYTES, "another salt")
            findings = formats.sha256(row.findings_salt, row.findings)
            require(findings == facts.findings_commitment, "other findings")
            require(row.decoded_findings is not None, "malformed findings")
        return _document_holds(row)
    except Exception:
        return False


def _document_holds(row):
    if not row.document:
        return not row.certificate and not row.signature
    require(row.certificate and row.signature, "not signed")
    beside = safeguards.DOCUMENTS.get(row.event_name)
    require(beside or row.event_name == "consent_recorded", "another event")
    require(formats.sha256(row.document) == row.event.document_hash, "another document")
    if beside:
        document = canonical(beside[0], row.document)
        return safeguards.is_about(row.event, row.event_name, document)
    document = canonical(consent_pb2.ConsentDocument, row.document)
    same = (document.consent_id, document.revision)
    return same == (row.event.consent_id, row.event.revision)


def check_completeness(_document, _trust):
    """Says whether the file is complete, which is no fault by itself."""
    return True


def check_inclusion(document, _trust):
    """Each row is a leaf of the tree."""
    if document.is_export:
        leaves = hashes_of(document.leaf_hashes)
        return all(
            row.number < len(leaves) and formats.leaf_hash(row.skeleton) == leaves[row.number]
            for row in document.rows
        )
    require(check_records(document, None) and document.rows, "no records")
    return all(
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
    """No message is handed out after its stop, its refusal or its erasure."""
    stopped = set()
    ends = ("message_stopped", "dead_lettered")
    for row in document.events(*ends, "message_decided", "handed_out", "records_erased"):
        if row.event_name in ends:
            stopped.add(row.event.message_number)
        elif row.event_name == "records_erased":
            stopped.update(_listed(row) or [])
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
        if not (row.erased and row.facts.record_type == MESSAGE_DECIDED):
            seen.add(row.number)
    return True


def _hand_out_fits(row, decided, seen):
    number = row.event.message_number
    message = decided.get(number)
    if message is None:
        return number < row.number and number not in seen
    label = canonical(messages_pb2.Label, message.label)
    return (
        message.accepted
        and message.without_participant == row.event.without_participant
        and _repeated_facts(row.event) == _repeated_facts(label)
        and row.facts.time_ms < label.expires_at_ms
    )


def _repeated_facts(message):
    """What a hand-out repeats of its message's label."""
    return (
        _parts(message.sender),
        _parts(message.recipient),
        message.purpose,
        message.kind,
        list(message.categories),
        message.professional_secret,
    )


# Participants


def check_participants(document, _trust):
    """It is told whom rows are about, and what is told fits what Lotsen signed."""
    of_consent, of_signed, signed_of = {}, {}, {}
    for row in document.rows:
        if not row.participant:
            if document.is_complete and _must_tell(row):
                require(row.number < document.erasure_going_on, "of nobody")
            continue
        told, signed = row.participant, None
        if row.event_name == "consent_recorded":
            require(of_consent.setdefault(row.event.consent_id, told) == told, "another's")
            signed = row.consent
        elif row.event_name in safeguards.NAMING:
            signed = row.safeguard
        if signed is not None:
            agency, signed = row.entry.actor.agency, signed.participant_reference
            require(of_signed.setdefault((agency, signed), told) == told, "signed for another")
            require(signed_of.setdefault((agency, told), signed) == signed, "signed as another")
    return True


def _must_tell(row):
    if row.event_name == "message_decided":
        return row.event.accepted and not row.event.without_participant
    if row.event_name == "handed_out":
        return not row.event.without_participant
    if row.event_name == "coverage_asked":
        return row.event.covered
    told = (
        "consent_recorded",
        "participant_restricted",
        "task_closed",
        "participation_set",
    )
    return row.event_name in told or row.event_name in safeguards.DOCUMENTS


# Consents and permits


@dataclass
class Known:
    """A consent as its newest revision before some row."""

    revision: int
    hash: bytes
    document: object
    participant: str
    suspended: bool = False
    review_by_ms: int = 0


class History:
    """The consents as the rows before some row show them."""

    def __init__(self):
        self.consents = {}
        self.beside = safeguards.Safeguards()
        self.revoked = set()
        self.blocked = set()
        # Purposes without participant, as the newest start names them; functions of each agency.
        self.without_participant = None
        self.functions = {}
        # Participant that the first record of each consent tells.
        self.first_told = {}

    def apply(self, row):
        """Takes the next row of the file."""
        event = row.event if row.event_name else None
        self.beside.apply(row)
        if row.event_name == "consent_recorded":
            self.first_told.setdefault(event.consent_id, row.participant)
            self.consents[event.consent_id] = Known(
                event.revision, event.document_hash, row.consent, row.participant
            )
            if row.consent is not None:
                self.consents[event.consent_id].review_by_ms = row.consent.review_by_ms
        elif row.event_name == "consent_revoked":
            self.revoked.add(event.consent_id)
        elif row.event_name in ("consent_suspended", "consent_confirmed"):
            if event.consent_id in self.consents:
                suspended = row.event_name == "consent_suspended"
                self.consents[event.consent_id].suspended = suspended
                if not suspended and event.next_review_by_ms:
                    self.consents[event.consent_id].review_by_ms = event.next_review_by_ms
        elif row.event_name == "participant_restricted" and row.participant:
            if event.restricted:
                self.blocked.add(row.participant)
            else:
                self.blocked.discard(row.participant)
        elif row.event_name == "erasure_begun" and row.participant:
            self.blocked.add(row.participant)
        elif row.event_name == "broker_started":
            self.without_participant = set(event.purposes_without_participant)
        elif row.event_name == "directory_published":
            try:
                entry = canonical(directory_pb2.DirectoryDocument, event.document)
            except Exception:
                return
            self.functions[entry.agency] = {function.function for function in entry.functions}
        elif row.event_name == "log_reconciled":
            for known in self.consents.values():
                known.suspended = True


def check_consents(document, _trust):
    """Revisions, revocations and confirmations follow what they name."""
    history = History()
    checks = {
        "consent_recorded": _revision_follows,
        "consent_revoked": _revocation_follows,
        "consent_confirmed": _confirmation_follows,
        "consent_suspended": _suspension_follows,
    }
    for row in document.rows:
        check = checks.get(row.event_name)
        if check and not check(row, history) and document.is_complete:
            return False
        history.apply(row)
    return True


# Each of these raises if the row does not follow what it names, and returns whether that is shown.


def _revision_follows(row, history):
    event, known = row.event, history.consents.get(row.event.consent_id)
    require(event.revision >= 1, "no revision")
    require(event.consent_id not in history.revoked, "revised after its revocation")
    require(known is None or known.revision < event.revision, "not after the one before")
    follows = known is not None and known.revision + 1 == event.revision
    if row.consent is not None:
        previous = row.consent.previous_hash
        require(len(previous) == (0 if event.revision == 1 else HASH_BYTES), "another length")
        require(not follows or previous == known.hash, "another revision before")
        agencies = {agency for grant in row.consent.grants for agency in grant.senders}
        agencies.update(
            grant.recipient.agency for grant in row.consent.grants if grant.HasField("recipient")
        )
        # Sorted as their UTF-8 bytes are.
        require(sorted(agencies, key=str.encode) == list(event.agencies), "other agencies")
    return follows or event.revision == 1


def _revocation_follows(row, history):
    document = canonical(consent_pb2.RevocationDocument, row.event.document)
    require(document.consent_id == row.event.consent_id, "of another consent")
    return not row.has_actor or _names_newest(row, history, document)


def _confirmation_follows(row, history):
    document = canonical(consent_pb2.ConfirmationDocument, row.event.document)
    require(document.consent_id == row.event.consent_id, "of another consent")
    signed = document.next_review_by_ms
    require(not signed or signed == row.event.next_review_by_ms, "another review")
    return _names_newest(row, history, document)


def _suspension_follows(row, history):
    """A suspension for a missed review comes after the review was due."""
    known = history.consents.get(row.event.consent_id)
    missed = row.event.reason == access_log_pb2.SUSPENSION_REASON_REVIEW_MISSED
    if missed and known is not None and known.review_by_ms:
        require(row.facts.time_ms >= known.review_by_ms, "a review that was not due")
    return True


def _names_newest(row, history, document):
    known = history.consents.get(row.event.consent_id)
    if known is None or known.revision < row.event.revision:
        return False
    require(known.revision == row.event.revision, "a revision that was replaced")
    require(document.revision_hash == known.hash, "another document")
    return True


def check_safeguards(document, _trust):
    """What ends a release or an objection names it, and ends it once."""
    known = safeguards.Safeguards()
    for row in document.rows:
        if row.event_name in safeguards.DOCUMENTS:
            require(row.document or not document.is_complete, "not shown")
            require(known.follow(row, document.is_complete), "not what it names")
        known.apply(row)
    return True


def check_permits(document, _trust):
    """Every permit that can be decided again is covered."""
    history = History()
    for row in document.rows:
        if row.event_name == "handed_out" or (
            row.event_name == "message_decided" and row.event.accepted
        ):
            if not _permit_again(row, history, document) and document.is_complete:
                return False
        elif row.event_name == "message_decided" and document.is_complete:
            _require_rightly_refused(row, history)
        elif row.event_name == "coverage_asked":
            if row.event.covered:
                if not _permit_again(row, history, document) and document.is_complete:
                    return False
            elif document.is_complete:
                _require_rightly_refused(row, history)
        history.apply(row)
    return True


def _permit_again(row, history, document):
    """Raises unless the permit is covered; False if the file does not show what is needed."""
    is_message = row.event_name in ("message_decided", "handed_out")
    if is_message and row.event.without_participant:
        return _permit_without_participant(row, history, document)
    findings = row.decoded_findings
    if row.event_name == "handed_out" and findings is not None:
        reference = formats.consent_reference(findings.consent_id, row.event.recipient.agency)
        require(row.event.consent_reference == reference, "another consent")
    if findings is None:
        return False
    message = _message_of(row)
    require(message.categories, "about nobody, on a consent")
    if row.event_name == "message_decided":
        require(message.participant_commitment, "about nobody, on a consent")
    require(findings.deny_reason == 0 and findings.consent_id, "without a consent")
    require(row.participant not in history.blocked, "restricted or erased")
    known = history.consents.get(findings.consent_id)
    if known is None:
        return False
    require(findings.consent_id not in history.revoked, "revoked")
    if known.revision < findings.consent_revision:
        return False
    require(known.revision == findings.consent_revision, "a revision that was replaced")
    require(known.hash == findings.document_hash, "another document")
    require(not known.suspended, "suspended")
    told = {row.participant, known.participant}
    if not document.is_complete:
        told -= {""}
    require(len(told) < 2, "of another participant")
    if known.document is None:
        return False
    require(findings.grant_index < len(known.document.grants), "no such grant")
    grant = known.document.grants[findings.grant_index]
    time_ms = row.facts.time_ms
    require(_covers(grant, message, time_ms), "not covered")
    beside = history.beside.permit(row.participant, message, findings.release_hash, time_ms)
    require(beside is not None, "an objection, an end, or no release")
    return beside


def _permit_without_participant(row, history, document):
    """As _permit_again, for what is about nobody: it needs no consent and may have none."""
    require(not row.participant, "about somebody")
    findings = row.decoded_findings
    require(findings is None or not findings.ByteSize(), "a consent or a reason")
    require(findings is not None or not document.is_complete, "findings left out")
    message = _message_of(row)
    require(not message.categories, "data about somebody")
    require(not message.professional_secret, "a secret of somebody")
    if row.event_name == "handed_out":
        require(not message.consent_reference, "a consent")
    else:
        require(not message.participant_commitment, "a label about somebody")
    require(message.HasField("sender") and message.HasField("recipient"), "of or to nobody")
    if history.without_participant is None:
        return False
    require(message.purpose in history.without_participant, "a purpose that needs one")
    named = history.functions.get(message.recipient.agency, ())
    return message.sender.agency in history.functions and message.recipient.function in named


def _message_of(row):
    """What says who sends what to whom; raises if a label is not canonical."""
    if row.event_name == "handed_out":
        return row.event
    if row.event_name == "coverage_asked":
        return row.event.planned
    return canonical(messages_pb2.Label, row.event.label)


def _covers(grant, message, time_ms):
    return (
        message.sender.agency in grant.senders
        and grant.HasField("recipient")
        and message.HasField("recipient")
        and _parts(grant.recipient) == _parts(message.recipient)
        and grant.purpose == message.purpose
        and set(message.categories) <= set(grant.categories)
        and grant.not_before_ms <= time_ms < grant.not_after_ms
    )


def _parts(address):
    return address.agency, address.function


def _require_rightly_refused(row, history):
    findings = row.decoded_findings
    require(findings is not None and findings.deny_reason, "no reason")
    if findings.deny_reason == access_log_pb2.DENY_REASON_NOT_ALL_COVERED or not row.participant:
        return
    try:
        message = _message_of(row)
    except Exception:
        return
    if row.participant in history.blocked:
        return
    if history.beside.refuse(row.participant, message, row.facts.time_ms):
        return
    for consent_id, known in history.consents.items():
        if (
            history.first_told[consent_id] == row.participant
            and consent_id not in history.revoked
            and not known.suspended
            and known.document is not None
        ):
            covered = (_covers(g, message, row.facts.time_ms) for g in known.document.grants)
            require(not any(covered), "refused although covered")


def check_duties(document, _trust):
    """Duties to delete fit what was handed out, answers fit duties, dead letters were handed out."""
    strict = document.is_complete and not any(row.erased for row in document.rows)
    received, duties = {}, {}
    names = ("handed_out", "basis_ended", "deletion_confirmed", "dead_lettered")
    for row in document.events(*names):
        event = row.event
        by = row.entry.actor.agency if row.has_actor else None
        if row.event_name == "handed_out":
            received[event.message_number] = _parts(event.recipient)
        elif row.event_name == "basis_ended":
            require(event.HasField("recipient") and by is None, "a duty of nobody, or by somebody")
            numbers = list(event.message_numbers)
            require(numbers and len(numbers) == len(event.message_ids), "malformed")
            require(all(a < b for a, b in zip(numbers, numbers[1:])), "not ascending")
            require(event.due_ms > row.facts.time_ms, "due before it began")
            erased = row.decoded_findings is not None and not row.decoded_findings.consent_id
            require(not erased or not row.participant, "a consent without a name")
            if row.decoded_findings is not None and not erased:
                reference = formats.consent_reference(
                    row.decoded_findings.consent_id, event.recipient.agency
                )
                require(event.consent_reference == reference, "another consent")
            for number in numbers:
                to = received.get(number)
                require(to == _parts(event.recipient) or (to is None and not strict), "another")
            duties[row.number] = event.recipient.agency
        elif row.event_name == "deletion_confirmed":
            if event.duty_number in duties:
                require(duties[event.duty_number] == by, "the duty of another agency")
            else:
                require(not strict and event.duty_number < row.number, "without a duty")
        elif row.event_name == "dead_lettered":
            require(event.message_number in received or not strict, "not handed out")
            attempts = event.reason == delivery_pb2.DEAD_LETTER_REASON_ATTEMPTS
            require(by == (None if attempts else event.recipient_agency), "by somebody else")
    return True


def _listed(row):
    """Numbers of the records that a record of an erasure lists; None if it lists none rightly."""
    behind, count = 0, 0
    for range_ in row.event.ranges:
        end = range_.first + range_.count
        if not range_.count or range_.first < behind or end > row.number:
            return None
        behind, count = end, count + range_.count
    if not 1 <= count <= LISTED_MAX:
        return None
    return [
        number
        for range_ in row.event.ranges
        for number in range(range_.first, range_.first + range_.count)
    ]


def check_erased(document, _trust):
    """Erased rows are listed by a record of their erasure, and were erased as they must be."""
    types = {row.number: row.facts.record_type for row in document.rows}
    listed, whole = set(), []
    for row in document.events("records_erased"):
        numbers = _listed(row)
        require(numbers, "lists nothing rightly")
        taken = TAKEN[row.event.ground]
        require(all(types[number] in taken for number in numbers if number in types), "forbidden")
        listed.update(numbers)
        if row.event.ground == PARTICIPANT:
            whole.append((row.number, numbers))
    if not document.is_complete:
        return True
    _require_whole_participants(types, whole)
    return all(row.number in listed for row in document.rows if row.erased)


def _require_whole_participants(types, parts):
    """Participants are erased from their registration to the beginning of their erasure."""
    begun = [number for number, kind in types.items() if kind == ERASURE_BEGUN]
    registrations, ends = set(), set()
    for record, numbers in parts:
        registrations.update(n for n in numbers if types[n] == PARTICIPANT_REGISTERED)
        require(all(types[n] != ERASURE_BEGUN for n in numbers[:-1]), "more after the end")
        last = numbers[-1]
        if types[last] == ERASURE_BEGUN:
            require(last not in ends, "ended before")
            ends.add(last)
            require(len(registrations) >= len(ends), "not from the registration on")
        else:
            require(len(registrations) > len(ends), "not from the registration on")
            require(any(last < number < record for number in begun), "not begun")
    require(len(registrations) <= len(begun), "without an end")


def check_runs(document, _trust):
    """What was erased, one person proposed and another one approved before."""
    return runs.check(document, _listed)


# Fewest persons behind a number of the evaluation, whatever its tables say.
PERSONS_MIN = 5


def check_evaluation(document, _trust):
    """Quarters are released once, after their end, and no number has few persons behind it."""
    releases = {}
    for row in document.events("evaluation_released"):
        event = row.event
        require(row.entry.actor.role == "evaluation", "not caused by the evaluation")
        require(row.facts.time_ms >= _quarter_end_ms(event.quarter), "a quarter not over")
        tables = canonical(evaluation_pb2.EvaluationTables, event.tables)
        require(tables.quarter == event.quarter, "tables of another quarter")
        _check_tables(tables)
        released = {one.quarter for one in releases.values()}
        require(event.quarter not in released, "released before")
        releases[row.number] = event
    shown = {row.number for row in document.rows}
    for row in document.events("evaluation_exported"):
        event = row.event
        require(row.entry.actor.role == "evaluation", "not caused by the evaluation")
        require(len(event.tables_hash) == HASH_BYTES, "no hash")
        require(event.release_number < row.number, "exported before its release")
        release = releases.get(event.release_number)
        if release is None:
            missing = event.release_number not in shown and not document.is_complete
            require(missing, "no release")
        else:
            require(release.quarter == event.quarter, "another quarter")
            require(formats.sha256(release.tables) == event.tables_hash, "other tables")
    return True


def _quarter_end_ms(text):
    """First instant after a quarter in UTC."""
    match = re.fullmatch(r"(2[0-9]{3})-Q([1-4])", text, re.ASCII)
    require(match, "malformed quarter")
    year, number = int(match[1]), int(match[2])
    begin = datetime(year + number // 4, number % 4 * 3 + 1, 1, tzinfo=timezone.utc)
    return int(begin.timestamp()) * 1000


def _check_tables(tables):
    require(tables.persons_min >= PERSONS_MIN, "a smaller minimum")
    agencies = list(tables.agencies)
    require(agencies == sorted(set(agencies)), "agencies out of order")
    require([table.measure for table in tables.pair_tables] == [1, 2, 3, 4], "other tables")
    for table in tables.pair_tables:
        places = [
            (agency, partner)
            for agency in agencies
            for partner in ["", *agencies]
            if partner != agency
        ]
        places.append(("", ""))
        found = [(cell.agency, cell.partner) for cell in table.cells]
        require(found == places, "other cells")
        numbers = {
            place: _persons(table.measure, cell, tables.persons_min)
            for place, cell in zip(places, table.cells)
        }
        for agency in agencies:
            below = [numbers[agency, partner] for partner in agencies if partner != agency]
            _check_group(numbers[agency, ""], below, tables.persons_min)
        totals = [numbers[agency, ""] for agency in agencies]
        _check_group(numbers["", ""], totals, tables.persons_min)
    _check_figures(tables)


def _persons(measure, cell, minimum):
    """Numbers of persons in a cell, each with enough of them; None if it is suppressed."""
    if cell.suppressed:
        require(not (cell.persons or cell.reached or cell.median_days), "numbers suppressed")
        return None
    require((1 <= cell.median_days <= 6) == (measure == 4), "class of days")
    require(measure == 4 or cell.median_days == 0, "class of days")
    if measure in (2, 3):
        parts = [cell.reached, cell.persons - cell.reached]
    else:
        require(cell.reached == 0, "a share of nothing")
        parts = [cell.persons]
    require(min(parts) >= minimum, "few persons in a cell")
    return parts


def _check_group(total, below, minimum):
    """Under a total nothing is suppressed, or at least two cells with enough persons together."""
    if total is None:
        require(all(cell is None for cell in below), "shown under a suppressed total")
        return
    suppressed = below.count(None)
    require(suppressed != 1, "a single suppressed cell")
    for place, whole in enumerate(total):
        rest = whole - sum(cell[place] for cell in below if cell is not None)
        require(rest >= minimum if suppressed else rest == 0, "few persons under a total")


def _check_figures(tables):
    require([figure.kind for figure in tables.figures] == list(range(1, 9)), "other figures")
    first = tables.figures[0]
    participants = None if first.suppressed else first.number
    for figure in tables.figures:
        if figure.suppressed:
            require(not (figure.number or figure.of_participants), "numbers suppressed")
            continue
        require(figure.number >= tables.persons_min, "few persons in a figure")
        if figure.kind <= 2:
            require(figure.of_participants == 0, "a share of nothing")
        else:
            require(figure.of_participants == participants, "a share of others")
            rest = figure.of_participants - figure.number
            require(rest >= tables.persons_min, "a share of nearly all")


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


def _require_lotse(row, signature, signed_bytes, trust):
    require(row.has_actor, "a document of nobody")
    trust.require_signature(
        signature, signed_bytes, row.entry.actor.agency, ("lotse",), row.facts.time_ms
    )


def _check_consent_signature(row, trust):
    if row.document:
        signature = common_pb2.Signature(certificate=row.certificate, value=row.signature)
        _require_lotse(row, signature, formats.CONSENT + row.document, trust)


def _check_revocation_signature(row, trust):
    event = row.event
    if row.has_actor:
        _require_lotse(row, event.signature, REVOCATION + event.document, trust)
        return
    document = canonical(consent_pb2.RevocationDocument, event.document)
    require(document.signed_at_ms >= 0, "before 1970")
    trust.require_signature(
        event.signature, REVOCATION + event.document, None, ("lotse",), document.signed_at_ms
    )


def _check_confirmation_signature(row, trust):
    _require_lotse(row, row.event.signature, CONFIRMATION + row.event.document, trust)


def _check_safeguard_signature(row, trust):
    if row.document:
        signature = common_pb2.Signature(certificate=row.certificate, value=row.signature)
        _require_lotse(row, signature, safeguards.signed_bytes(row.event_name, row.document), trust)


_SIGNED_EVENTS = {
    **dict.fromkeys(safeguards.DOCUMENTS, _check_safeguard_signature),
    "message_decided": _check_message_signature,
    "directory_published": _check_directory_signature,
    "consent_recorded": _check_consent_signature,
    "consent_revoked": _check_revocation_signature,
    "consent_confirmed": _check_confirmation_signature,
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
        """Raises unless a certificate of that agency and one of the roles signed the bytes; without
        an agency, of any."""
        signer = self._signer(signature.certificate)
        require(signer, "certificate that is not believed")
        require(agency in (None, signer.agency), "signed by another agency")
        require(signer.role in roles, "signed in another role")
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
        # The library takes a signature with unused bits for the same; strict DER has none.
        tail = b"\0" + leaf.signature
        require(encoded.endswith(bytes([3, len(tail)]) + tail), "not strict DER")
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
    ("completeness", check_completeness, _EXPORT_ONLY),
    ("stopped messages", check_stopped_messages, _EXPORT_ONLY),
    ("revoked consents", check_revoked_consents, _EXPORT_ONLY),
    ("hand-outs", check_hand_outs, _BOTH),
    ("participants", check_participants, _BOTH),
    ("consents", check_consents, _BOTH),
    ("safeguards", check_safeguards, _BOTH),
    ("permits", check_permits, _BOTH),
    ("duties", check_duties, _BOTH),
    ("erased", check_erased, _BOTH),
    ("runs", check_runs, _BOTH),
    ("evaluation", check_evaluation, _BOTH),
    ("signatures", check_signatures, _BOTH),
]


def _holds(check, document, trust):
    try:
        return bool(check(document, trust))
    except Exception:
        return False


def _applies(name, document, trust):
    """Whether a check is made of this file."""
    if name == "signatures":
        return trust is not None
    needs_checkpoint = name in ("merkle tree", "completeness") or (
        name == "inclusion" and not document.is_export
    )
    return not needs_checkpoint or document.checkpoint is not None


def verify(document_bytes, log_key, trust=None, complete=False):
    """Names of the failed checks in the order of the table; ["format"] if the file is unreadable.

    `trust` is a Trust; without one the signatures of agencies are not checked. With `complete` the
    file must have a row for every record of the log."""
    try:
        document = Document(document_bytes, log_key)
    except Exception:
        return ["format"]
    failed = [
        name
        for name, check, for_evidence in CHECKS
        if (document.is_export or for_evidence)
        and _applies(name, document, trust)
        and not _holds(check, document, trust)
    ]
    can_tell = not document.is_export or document.checkpoint is not None
    if complete and can_tell and not document.is_complete:
        failed.append("completeness")
    return failed


def _result(content, log_key, trust, complete):
    failed = verify(content, log_key, trust, complete)
    return {"sound": not failed, "failed": failed}


def main():
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument("--batch", type=Path, metavar="FOLDER")
    parser.add_argument("--log-key", required=True, metavar="KEY")
    parser.add_argument("--trust", type=Path, metavar="TRUST.TOML")
    parser.add_argument("--complete", action="store_true")
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
            content = arguments.file.read_bytes()
            result = _result(content, arguments.log_key, trust, arguments.complete)
            print(json.dumps(result))
            return 0 if result["sound"] else 4
        require(arguments.batch.is_dir(), f"no folder {arguments.batch}")
        for path in sorted(arguments.batch.glob("*.json"), key=lambda path: path.name):
            if not path.is_file():
                continue
            content = path.read_bytes()
            result = _result(content, arguments.log_key, trust, arguments.complete)
            print(json.dumps({"file": path.name, **result}))
    except (OSError, Refused) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
