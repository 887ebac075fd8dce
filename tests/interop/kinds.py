"""Contents of every message kind, read and written from the schemas alone.

Called by the script run beside it with two folders: the first has an example of every kind as
`<code>.json` and `<code>.bin`, the second gets what this reads and writes again.
"""

import base64
import json
import sys
from pathlib import Path

from google.protobuf import json_format
from schleuse.v1 import content_pb2

MAJOR, MINOR = 1, 0
RAW = "@raw"


class UnknownMajor(Exception):
    """A content of another major version of the schema."""


def read_content(encoded):
    """A Content. Raises UnknownMajor before anything else of another major version is read."""
    first = content_pb2.ContentVersion.FromString(encoded)
    if first.HasField("schema_version") and first.schema_version.major != MAJOR:
        raise UnknownMajor(f"schema version {first.schema_version.major}, this reads {MAJOR}.x")
    return content_pb2.Content.FromString(encoded)


def to_json(content, raw):
    """The JSON mapping with the names of the schemas; of a newer minor version also the bytes."""
    members = json_format.MessageToDict(content, preserving_proto_field_name=True)
    if content.schema_version.minor > MINOR:
        members[RAW] = base64.b64encode(raw).decode()
    return members


def check(name, source, made):
    """Reads one example in both forms, compares them, writes both forms again."""
    encoded = (source / f"{name}.bin").read_bytes()
    members = json.loads((source / f"{name}.json").read_text(encoding="utf-8"))
    content = read_content(encoded)
    if RAW in members:
        assert base64.b64decode(members[RAW]) == encoded, "the JSON keeps other bytes"
        again = content.SerializeToString(deterministic=True)
        assert content_pb2.Content.FromString(again) == content
        assert b"neu" in again, "a field of a newer version was lost"
    else:
        again = content.SerializeToString(deterministic=True)
        assert again == encoded, "other bytes"
        assert content.WhichOneof("content"), "no kind"
    readable = {key: value for key, value in members.items() if key != RAW}
    parsed = json_format.ParseDict(readable, content_pb2.Content())
    if RAW not in members:
        assert parsed == content, "JSON and bytes differ"
    assert to_json(content, encoded) == members, "other JSON"
    (made / f"{name}.bin").write_bytes(again)
    (made / f"{name}.json").write_text(
        json.dumps(to_json(content, encoded), ensure_ascii=False), encoding="utf-8"
    )


def main():
    source, made = Path(sys.argv[1]), Path(sys.argv[2])
    made.mkdir(parents=True, exist_ok=True)
    names = sorted(path.stem for path in source.glob("*.json"))
    failed = 0
    for name in names:
        try:
            check(name, source, made)
        except Exception as error:
            failed += 1
            print(f"FAILED  {name}: {error}")
    try:
        read_content((source / "other-major.bin").read_bytes())
        failed += 1
        print("FAILED  other-major: a content of schema version 2.0 was read")
    except UnknownMajor:
        pass
    arms = {field.name for field in content_pb2.Content.DESCRIPTOR.oneofs_by_name["content"].fields}
    used = {read_content(path.read_bytes()).WhichOneof("content") for path in source.glob("*.bin")
            if path.stem != "other-major"}
    # A file is what a note can hold beside the text that the examples have.
    if missing := arms - used - {"file"}:
        failed += 1
        print(f"FAILED  without an example: {sorted(missing)}")
    print(f"kinds: {len(names)} contents, {failed} failed", flush=True)
    sys.exit(1 if failed or len(names) < 50 else 0)


main()
