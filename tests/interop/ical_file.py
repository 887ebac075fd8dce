"""Calendar files of conferences, read by an independent parser (PyPI icalendar, RFC 5545).

Called by the script run beside it with the folder of the binaries. The messages of a conference are made here, with
stubs from the schemas, and put into the file that the program keeps; the program writes the calendar.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import icalendar

from schleuse.v1 import content_pb2, fallkonferenz_pb2

CONFERENCE = bytes([9] * 16)
CONVENER, BODY = "jobcenter-stadt-regensburg/fallmanagement", "drv-bayern-sued/reha-beratung"
START = datetime(2026, 12, 8, 9, 30, tzinfo=timezone.utc)
PLACE = "Suchtberatung, Raum 3; Hinterhaus\\links"
# What stands in the conference and must not stand in a calendar.
PLANTED = ["Gerhard", "Mietrückstand", "Räumung", "gesundheit", "jobcenter", "drv", "reha", "aaaaaa"]
PLANTED += ["fallmanagement", CONFERENCE.hex()[:16]]


def milliseconds(time):
    return int(time.timestamp() * 1000)


def date(start, minutes=90):
    return fallkonferenz_pb2.ProposedDate(starts_at_ms=milliseconds(start), minutes=minutes)


def said(number, **content):
    """A message of the convener's to the body, as the program keeps it."""
    encoded = content_pb2.Content(**content).SerializeToString(deterministic=True)
    return {
        "id": bytes([number] * 16).hex(),
        "from": CONVENER,
        "to": BODY,
        "at_ms": milliseconds(START - timedelta(days=20)) + number,
        "content": base64.b64encode(encoded).decode(),
    }


def messages():
    """An invitation, an item, a fixed date, a move, and a cancellation."""
    of = {"conference_id": CONFERENCE}
    item = fallkonferenz_pb2.AgendaItem(
        title="Mietrückstand von Gerhard W.",
        categories=["gesundheit"],
        minutes=20,
        item_id=bytes([3] * 16),
        notes="Räumung droht",
    )
    changed = {"place": PLACE, "reason": fallkonferenz_pb2.FALLKONFERENZ_CHANGE_REASON_PLACE}
    settled = fallkonferenz_pb2.FALLKONFERENZ_CHANGE_REASON_SETTLED
    pb = fallkonferenz_pb2
    return [
        said(
            1,
            fallkonferenz_request=pb.FallkonferenzRequest(
                proposed_dates=[date(START)], place=PLACE, answer_by_ms=milliseconds(START), **of
            ),
        ),
        said(2, fallkonferenz_part=pb.FallkonferenzPart(item=item, **of)),
        said(3, fallkonferenz_fix=pb.FallkonferenzFix(sequence=1, date=date(START), place=PLACE, **of)),
        said(
            4,
            fallkonferenz_move=pb.FallkonferenzMove(
                sequence=2, dates=[date(START + timedelta(days=7), 60)], **changed, **of
            ),
        ),
        said(5, fallkonferenz_cancel=pb.FallkonferenzCancel(sequence=3, reason=settled, **of)),
    ]


def written(binaries, count, *options):
    """The calendar file after so many messages, as text."""
    with tempfile.TemporaryDirectory() as folder:
        conference = {
            "version": 1,
            "conference": CONFERENCE.hex(),
            "own": BODY,
            "convener": CONVENER,
            "purpose": "fallkonferenz",
            "about_participant": True,
            "participant": "a" * 26,
            "plan": None,
            "messages": messages()[:count],
            "recalled": [],
            "undelivered": [],
        }
        path = Path(folder) / f"{CONFERENCE.hex()}.json"
        path.write_text(json.dumps(conference))
        os.chmod(path, 0o600)
        out = Path(folder) / "fallkonferenz.ics"
        command = [binaries / "schleuse", "agency", "conference", "ical", "--dir", folder]
        command += ["--conference", CONFERENCE.hex(), "--out", out, *options]
        done = subprocess.run(command, capture_output=True, check=False)
        return out.read_bytes().decode() if done.returncode == 0 else None


def event_of(text):
    """The one event, after the rules of RFC 5545 that a parser is lenient about."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "lines end with CRLF"
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n")), "lines are folded"
    calendar = icalendar.Calendar.from_ical(text)
    assert not calendar.errors and calendar["version"] == "2.0" and calendar["prodid"]
    [event] = calendar.walk("VEVENT")
    assert not event.errors, event.errors
    for name in ("uid", "dtstamp", "dtstart", "dtend", "sequence", "status", "summary"):
        assert name in event and not isinstance(event[name], list), name
    assert event["dtstamp"].dt.utcoffset() == timedelta(0)
    return calendar["method"], event


def main():
    """Exit code 1 if a file is not what it ought to be."""
    binaries = Path(sys.argv[1])
    assert written(binaries, 2) is None, "no date, no entry"
    uids = set()
    expected = [
        (3, "PUBLISH", "CONFIRMED", 1, START, 90),
        (4, "PUBLISH", "CONFIRMED", 2, START + timedelta(days=7), 60),
        (5, "CANCEL", "CANCELLED", 3, START + timedelta(days=7), 60),
    ]
    for count, method, status, sequence, start, minutes in expected:
        text = written(binaries, count)
        for planted in PLANTED + ["Suchtberatung", "Raum", "Hinterhaus"]:
            assert planted.lower() not in text.lower(), planted
        found, event = event_of(text)
        assert (found, event["status"], event["sequence"]) == (method, status, sequence)
        assert event["dtstart"].dt == start and event["dtend"].dt == start + timedelta(minutes=minutes)
        assert event["summary"] == "Fallkonferenz" and "location" not in event
        uids.add(str(event["uid"]))
        assert text == written(binaries, count), "the same again"
    assert len(uids) == 1, uids
    _, event = event_of(written(binaries, 3, "--with-place"))
    assert event["location"] == PLACE, event["location"]
    print("calendar: 4 files are read by an independent parser and tell nothing")


if __name__ == "__main__":
    main()
