"""What stands beside the consents, for verify.py: releases from professional secrecy, objections, and ends.

Written apart from the Rust code on purpose, as proto/EVIDENCE.md describes it.
"""

from dataclasses import dataclass

from schleuse.v1 import safeguards_pb2

# Document and context of the signature of each event.
DOCUMENTS = {
    "secrecy_release_recorded": (safeguards_pb2.SecrecyReleaseDocument, b"secrecy-release"),
    "secrecy_release_revoked": (
        safeguards_pb2.SecrecyReleaseRevocationDocument,
        b"secrecy-release-revocation",
    ),
    "objection_recorded": (safeguards_pb2.ObjectionDocument, b"objection"),
    "objection_withdrawn": (safeguards_pb2.ObjectionWithdrawalDocument, b"objection-withdrawal"),
    "participation_ended": (safeguards_pb2.ParticipationEndDocument, b"participation-end"),
}

# Events whose document names the Lotse's reference of the participant.
NAMING = ("secrecy_release_recorded", "objection_recorded", "participation_ended")


def signed_bytes(event_name, document):
    """What the signature of a document signs."""
    return b"schleuse/v1/" + DOCUMENTS[event_name][1] + b"\0" + document


def is_about(event, event_name, document):
    """Whether a document is of the release or objection that its event names."""
    for field in ("release_id", "objection_id"):
        if field in type(event).DESCRIPTOR.fields_by_name:
            return getattr(event, field) == getattr(document, field)
    return event_name == "participation_ended"


@dataclass
class _Recorded:
    hash: bytes
    document: object
    participant: str
    ended: bool = False


class Safeguards:
    """Releases, objections and ends as the rows before some row show them."""

    def __init__(self):
        self.releases = {}
        self.objections = {}
        self.ended = set()

    def follow(self, row, is_complete):
        """Whether a row follows what it names; raises nothing."""
        name, event = row.event_name, row.event
        if name == "secrecy_release_recorded":
            return event.release_id not in self.releases
        if name == "objection_recorded":
            return event.objection_id not in self.objections
        if name == "participation_ended":
            return not row.participant or row.participant not in self.ended
        if name == "secrecy_release_revoked":
            known, field = self.releases.get(event.release_id), "release_hash"
        else:
            known, field = self.objections.get(event.objection_id), "objection_hash"
        if known is None:
            return not is_complete
        named = getattr(row.safeguard, field) if row.safeguard is not None else known.hash
        return not known.ended and named == known.hash

    def apply(self, row):
        """Takes the next row of the file."""
        name = row.event_name
        if name == "secrecy_release_recorded":
            self.releases[row.event.release_id] = _Recorded(
                row.event.document_hash, row.safeguard, row.participant
            )
        elif name == "objection_recorded":
            self.objections[row.event.objection_id] = _Recorded(
                row.event.document_hash, row.safeguard, row.participant
            )
        elif name == "secrecy_release_revoked":
            if row.event.release_id in self.releases:
                self.releases[row.event.release_id].ended = True
        elif name == "objection_withdrawn":
            if row.event.objection_id in self.objections:
                self.objections[row.event.objection_id].ended = True
        elif name == "participation_ended" and row.participant:
            self.ended.add(row.participant)

    def object_to(self, participant, message, time_ms):
        """Whether an objection of the participant is met."""
        return any(
            known.participant == participant
            and not known.ended
            and known.document is not None
            and _meets(known.document, message, time_ms)
            for known in self.objections.values()
        )

    def permit(self, participant, message, release_hash, time_ms):
        """True if nothing stands against a permit, False if that is not shown, None if something does."""
        if participant and participant in self.ended:
            return None
        if participant and self.object_to(participant, message, time_ms):
            return None
        if not message.professional_secret:
            return None if release_hash else True
        if not release_hash:
            return None
        found = [known for known in self.releases.values() if known.hash == release_hash]
        if not found:
            return False
        known = found[0]
        others = participant and known.participant and participant != known.participant
        if known.ended or others:
            return None
        if known.document is None:
            return False
        return True if _releases(known.document, message, time_ms) else None

    def refuse(self, participant, message, time_ms):
        """Whether something stands against what a consent covers."""
        if participant in self.ended or self.object_to(participant, message, time_ms):
            return True
        return message.professional_secret and not any(
            known.participant == participant
            and not known.ended
            and known.document is not None
            and _releases(known.document, message, time_ms)
            for known in self.releases.values()
        )


def _parts(address):
    return address.agency, address.function


def _releases(release, message, time_ms):
    return (
        release.HasField("holder")
        and _parts(release.holder) == _parts(message.sender)
        and _parts(release.addressee) == _parts(message.recipient)
        and message.purpose in release.purposes
        and set(message.categories) <= set(release.categories)
        and release.not_before_ms <= time_ms < release.not_after_ms
    )


def _meets(objection, message, time_ms):
    recipients = {_parts(address) for address in objection.recipients}
    parties = (
        not recipients
        and not objection.agencies
        or _parts(message.recipient) in recipients
        or message.recipient.agency in objection.agencies
        or message.sender.agency in objection.agencies
    )
    return (
        parties
        and (not objection.purposes or message.purpose in objection.purposes)
        and (not objection.categories or bool(set(objection.categories) & set(message.categories)))
        and (objection.until_ms == 0 or time_ms < objection.until_ms)
    )
