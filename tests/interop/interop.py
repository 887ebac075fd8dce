"""An independent client against the real broker, over mutual TLS.

Called by the script run beside it with the folder of the binaries. Each check builds on those
before it; everything is on 127.0.0.1 and in a temporary folder, and every wait has a limit.
"""

import base64
import json
import queue
import secrets
import signal
import socket
import ssl
import sys
import tempfile
import traceback
from pathlib import Path

import grpc
from cryptography.exceptions import InvalidSignature
from google.rpc import error_details_pb2, status_pb2
from schleuse.v1 import (
    access_log_pb2,
    access_log_pb2_grpc,
    consent_pb2,
    directory_pb2,
    messages_pb2,
    participants_pb2,
)

import formats
from case import DAY_MS, DRV, JOBCENTER, LIMIT_S, SUITES, UNCOVERED, Case, Client, now_ms

# The schema promises a heartbeat every 20 seconds; this leaves some room for a slow machine.
HEARTBEAT_LIMIT_S = 25

CHECKS = []


def check(title):
    """Registers a check; they run in the order of this file."""

    def register(function):
        CHECKS.append((title, function))
        return function

    return register


def refusal(call):
    """Status code and google.rpc.ErrorInfo with which a call is refused."""
    try:
        call()
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        assert status.code == error.code().value[0], status
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                assert info.domain == "schleuse", info
                return error.code(), info
        raise AssertionError("no ErrorInfo in the status") from error
    raise AssertionError("the call was not refused")


@check("the broker starts and says where it listens")
def starts(case):
    case.start()


@check("mutual TLS: a channel with a client certificate becomes ready")
def connects(case):
    case.lotse = Client(case, "lotsenstelle/lotse-l-01")
    case.jobcenter = Client(case, f"{JOBCENTER}/system")
    case.drv = Client(case, f"{DRV}/system")
    case.dpo = Client(case, "projekt/dpo")
    for client in (case.lotse, case.jobcenter, case.drv, case.dpo):
        grpc.channel_ready_future(client.channel).result(timeout=LIMIT_S)


@check("mutual TLS: without a client certificate nothing is answered")
def refuses_without_certificate(case):
    channel = case.connect(None)
    stub = access_log_pb2_grpc.CheckpointServiceStub(channel)
    try:
        stub.LatestCheckpoint(access_log_pb2.LatestCheckpointRequest(), timeout=LIMIT_S)
        raise AssertionError("the call was answered")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
    finally:
        channel.close()

    # In TLS 1.3 the client is done before the server looks for its certificate, so that only the
    # first read tells: it must bring an alert and not a byte of HTTP/2.
    context = ssl.create_default_context(cafile=str(case.pki / "root.pem"))
    context.set_alpn_protocols(["h2"])
    host, port = case.address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                received = secure.recv(1)
        raise AssertionError(f"received {received!r}")
    except ssl.SSLError as error:
        assert error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED", error


@check("participants: register, repeat, assign references")
def registers(case):
    request = participants_pb2.RegisterParticipantRequest(idempotency_key=secrets.token_bytes(16))
    response = case.lotse.participants.RegisterParticipant(request, timeout=LIMIT_S)
    case.checkpoint(response.checkpoint, response.receipt)
    case.lotse_reference = response.participant_reference
    assert len(case.lotse_reference) == 26, case.lotse_reference
    repeated = case.lotse.participants.RegisterParticipant(request, timeout=LIMIT_S)
    assert repeated.participant_reference == case.lotse_reference
    assert repeated.receipt == response.receipt

    references = []
    for agency in (JOBCENTER, DRV):
        assigned = case.lotse.participants.AssignReference(
            participants_pb2.AssignReferenceRequest(
                participant_reference=case.lotse_reference, agency=agency
            ),
            timeout=LIMIT_S,
        )
        case.checkpoint(assigned.checkpoint, assigned.receipt)
        references.append(assigned.agency_reference)
    case.jobcenter_reference, case.drv_reference = references
    assert len({case.lotse_reference, *references}) == 3, "references must differ"


@check("consents: record a document signed in Python")
def records_consent(case):
    case.consent_id = secrets.token_bytes(16)
    signed_at_ms = now_ms()
    recipient = {"agency": DRV, "function": "reha-beratung"}
    categories = ["erwerbsbiografie", "gesundheit"]
    document = consent_pb2.ConsentDocument(
        consent_id=case.consent_id,
        participant_reference=case.lotse_reference,
        revision=1,
        grants=[
            {
                "senders": [JOBCENTER],
                "recipient": recipient,
                "purpose": "unterlagen",
                "categories": categories,
                "not_before_ms": signed_at_ms,
                "not_after_ms": signed_at_ms + 180 * DAY_MS,
            }
        ],
        text={
            "version": "2026-11",
            "hash": formats.sha256("Einwilligung für die Prüfung".encode()),
            "language": "de",
        },
        form=consent_pb2.CONSENT_FORM_WRITTEN,
        evidence_hashes=[formats.sha256(b"evidence")],
        given_by={},
        secrecy_releases=[
            {"holder": "Hausarzt", "addressee": recipient, "categories": ["gesundheit"]}
        ],
        review_by_ms=signed_at_ms + 90 * DAY_MS,
        signed_at_ms=signed_at_ms,
    )
    encoded = formats.canonical(document)
    response = case.lotse.consents.RecordConsent(
        consent_pb2.RecordConsentRequest(
            document=encoded, signature=case.lotse.identity.sign(formats.CONSENT + encoded)
        ),
        timeout=LIMIT_S,
    )
    case.checkpoint(response.checkpoint, response.receipt)

    listed = case.lotse.consents.ListConsents(
        consent_pb2.ListConsentsRequest(participant_reference=case.lotse_reference),
        timeout=LIMIT_S,
    )
    (summary,) = listed.consents
    assert summary.document == encoded
    assert summary.state == consent_pb2.CONSENT_STATE_ACTIVE


@check("directory: the DRV publishes its sealing keys")
def publishes(case):
    signed_at_ms = now_ms()
    validity = {"not_before_ms": signed_at_ms, "not_after_ms": signed_at_ms + 365 * DAY_MS}
    document = directory_pb2.DirectoryDocument(
        agency=DRV,
        revision=1,
        display_name="Deutsche Rentenversicherung Bayern Süd",
        functions=[{"function": "reha-beratung", "display_name": "Reha-Beratung"}],
        sealing_keys=[
            {"suite": suite, "public_key": key, **validity}
            for suite, key in case.public_keys.items()
        ],
        signed_at_ms=signed_at_ms,
    )
    encoded = formats.canonical(document)
    response = case.drv.directory.PublishEntry(
        directory_pb2.PublishEntryRequest(
            document=encoded, signature=case.drv.identity.sign(formats.DIRECTORY + encoded)
        ),
        timeout=LIMIT_S,
    )
    case.checkpoint(response.checkpoint, response.receipt)


@check("directory: the Jobcenter reads and verifies the entry")
def looks_up(case):
    response = case.jobcenter.directory.LookUpAgency(
        directory_pb2.LookUpAgencyRequest(agency=DRV), timeout=LIMIT_S
    )
    entry = response.entry
    case.trust.verify(entry.signature, formats.DIRECTORY + entry.document, DRV, "system")
    document = directory_pb2.DirectoryDocument.FromString(entry.document)
    case.directory_keys = {key.suite: key.public_key for key in document.sealing_keys}
    assert case.directory_keys == case.public_keys


@check("messages: a message sealed with the hybrid suite is accepted")
def submits_hybrid(case):
    results = case.submit(case.message("Im Anhang die Unterlagen."))
    assert results == [messages_pb2.SUBMIT_RESULT_ACCEPTED], results


@check("messages: fetched, verified and opened")
def fetches(case):
    (case.delivery,) = case.fetch()
    assert case.delivery.attempt == 1
    text = case.open(case.delivery)
    assert (text.subject, text.body) == ("Unterlagen", "Im Anhang die Unterlagen.")


@check("messages: acknowledged; a repetition returns the first receipt")
def acknowledges(case):
    decrypted = case.acknowledge([case.delivery], messages_pb2.DELIVERY_STAGE_DECRYPTED)
    first = case.acknowledge([case.delivery])
    assert first != decrypted, "each stage is a record of its own"
    assert case.acknowledge([case.delivery]) == first
    assert not case.fetch(), "an acknowledged message was handed out again"


@check("messages: a batch of three with both suites; the uncovered one is NOT_COVERED")
def submits_batch(case):
    results = case.submit(
        case.message("klassisch versiegelt", formats.CLASSIC),
        case.message("ohne Einwilligung", recipient=UNCOVERED),
        case.message("hybrid versiegelt", formats.HYBRID),
    )
    accepted, not_covered = (
        messages_pb2.SUBMIT_RESULT_ACCEPTED,
        messages_pb2.SUBMIT_RESULT_NOT_COVERED,
    )
    assert results == [accepted, not_covered, accepted], results
    deliveries = case.fetch()
    assert [delivery.sealed.signature.leaf_index for delivery in deliveries] == [0, 2]
    bodies = [case.open(delivery).body for delivery in deliveries]
    assert bodies == ["klassisch versiegelt", "hybrid versiegelt"], bodies
    case.acknowledge(deliveries)


def refused_as(case, message, reason, fault):
    request = messages_pb2.SubmitRequest(messages=[message])
    code, info = refusal(lambda: case.jobcenter.messages.Submit(request, timeout=LIMIT_S))
    assert code == grpc.StatusCode.INVALID_ARGUMENT, f"{fault}: {code}"
    assert info.reason == reason, f"{fault}: {info}"
    assert "document" in info.metadata, f"{fault}: {info}"


@check("refusals: a tampered signature or ciphertext is ERROR_REASON_BAD_SIGNATURE")
def refuses_bad_signature(case):
    reason = "ERROR_REASON_BAD_SIGNATURE"
    forged = case.message("falsch unterschrieben")
    formats.sign_batch([forged.sealed], case.jobcenter.identity)
    other = case.jobcenter.identity.sign(b"other bytes")
    forged.sealed.signature.signature.value = other.value
    refused_as(case, forged, reason, "signature of other bytes")

    foreign = case.message("mit fremdem Schlüssel unterschrieben")
    formats.sign_batch([foreign.sealed], case.drv.identity)
    refused_as(case, foreign, reason, "signature of another agency")

    changed = case.message("nachträglich geändert")
    formats.sign_batch([changed.sealed], case.jobcenter.identity)
    ciphertext = bytearray(changed.sealed.ciphertext)
    ciphertext[-1] ^= 1
    changed.sealed.ciphertext = bytes(ciphertext)
    refused_as(case, changed, reason, "changed ciphertext")


@check("refusals: a label that is not canonical is ERROR_REASON_NOT_CANONICAL")
def refuses_not_canonical(case):
    message = case.message("mit unbekanntem Feld")
    # Field 127, varint 1: well-formed protobuf, but no field of a label.
    message.sealed.label += b"\xf8\x07\x01"
    formats.sign_batch([message.sealed], case.jobcenter.identity)
    refused_as(case, message, "ERROR_REASON_NOT_CANONICAL", "unknown field")


@check("receive stream: no more than the credit, heartbeats with a valid checkpoint")
def receives(case):
    accepted = messages_pb2.SUBMIT_RESULT_ACCEPTED
    results = case.submit(case.message("erste"), case.message("zweite"))
    assert results == [accepted, accepted], results

    requests = queue.Queue()
    requests.put(messages_pb2.ReceiveRequest(open={"functions": ["reha-beratung"], "credit": 1}))
    stream = case.drv.messages.Receive(iter(requests.get, None), timeout=2 * HEARTBEAT_LIMIT_S)
    deliveries = []

    def next_of(kind):
        for response in stream:
            found = response.WhichOneof("response")
            if found == "delivery":
                deliveries.append(response.delivery)
                case.note(response.delivery.receipt)
            else:
                case.checkpoint(response.heartbeat.checkpoint)
                assert abs(response.heartbeat.time_ms - now_ms()) < 60_000
            if found == kind:
                return
        raise AssertionError("the stream ended")

    next_of("delivery")
    # The second message waits all the time until the heartbeat, for want of credit.
    next_of("heartbeat")
    assert [case.open(delivery).body for delivery in deliveries] == ["erste"]
    requests.put(messages_pb2.ReceiveRequest(credit=1))
    next_of("delivery")
    assert [case.open(delivery).body for delivery in deliveries] == ["erste", "zweite"]
    case.acknowledge(deliveries)
    requests.put(None)
    stream.cancel()


def rust_sends(case, suite, body):
    case.cli(
        case.jobcenter,
        *("agency", "send", "--participant", case.jobcenter_reference),
        *("--to", f"{DRV}/reha-beratung", "--as", "fallmanagement"),
        *("--purpose", "unterlagen", "--kind", "unterlagen.supply", "--category", "gesundheit"),
        *("--subject", "Aus der Kommandozeile", "--text", body, "--suite", suite),
    )
    (delivery,) = case.fetch()
    assert messages_pb2.Label.FromString(delivery.sealed.label).suite == SUITES[suite]
    text = case.open(delivery)
    assert (text.subject, text.body) == ("Aus der Kommandozeile", body)
    case.acknowledge([delivery])


@check("across languages: sealed by Rust with the hybrid suite, opened in Python")
def rust_to_python_hybrid(case):
    rust_sends(case, "mlkem1024-p384", "Grüße von Rust, hybrid")


@check("across languages: sealed by Rust with DHKEM(P-256), opened in Python")
def rust_to_python_classic(case):
    rust_sends(case, "dhkem-p256", "Grüße von Rust, klassisch")


@check("across languages: sealed in Python with both suites, opened by Rust")
def python_to_rust(case):
    bodies = {suite: f"Grüße von Python, {name}" for name, suite in SUITES.items()}
    case.submit(*(case.message(body, suite) for suite, body in bodies.items()))
    sealing = case.pki / "agencies" / DRV / "sealing.toml"
    shown = case.cli(
        case.drv,
        *("--json", "agency", "inbox", "--function", "reha-beratung"),
        *("--sealing", sealing, "--acknowledge"),
    )
    received = strings_of(json.loads(shown))
    assert set(bodies.values()) <= received, shown
    assert case.drv_reference in received, shown
    assert not case.fetch(), "the command line did not acknowledge"


def strings_of(value):
    """All strings in a JSON document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*map(strings_of, value))
    return {value} if isinstance(value, str) else set()


@check("log: the newest checkpoint is a signed note of the log key")
def latest_checkpoint(case):
    response = case.dpo.checkpoints.LatestCheckpoint(
        access_log_pb2.LatestCheckpointRequest(), timeout=LIMIT_S
    )
    case.earlier = case.checkpoint(response.checkpoint)
    # A larger size is well-formed: only the signature tells.
    size = case.earlier.size
    note = response.checkpoint.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1), 1)
    assert note != response.checkpoint
    try:
        formats.read_checkpoint(note, case.trust.log_key)
    except InvalidSignature:
        return
    raise AssertionError("a changed note verified")


@check("log: the root over all leaf hashes is the one of the query's checkpoint")
def recomputes_root(case):
    responses = list(
        case.dpo.log.QueryLog(
            access_log_pb2.QueryLogRequest(reason="Prüfung der Vollständigkeit"), timeout=LIMIT_S
        )
    )
    kinds = [response.WhichOneof("response") for response in responses]
    assert kinds == ["row"] * (len(kinds) - 1) + ["end"], kinds
    case.rows = [response.row for response in responses[:-1]]
    end = responses[-1].end
    assert not end.truncated
    case.later = case.checkpoint(end.checkpoint, end.receipt)
    chunks = case.dpo.log.ReadLeafHashes(
        access_log_pb2.ReadLeafHashesRequest(first=0, count=case.later.size), timeout=LIMIT_S
    )
    joined = b"".join(chunk.leaf_hashes for chunk in chunks)
    case.leaves = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    assert len(case.leaves) == case.later.size
    assert formats.tree_root(case.leaves) == case.later.root
    assert formats.tree_root(case.leaves[: case.earlier.size]) == case.earlier.root


@check("log: a consistency proof leads from the earlier checkpoint to the later one")
def proves_consistency(case):
    assert case.earlier.size < case.later.size
    response = case.dpo.checkpoints.ProveConsistency(
        access_log_pb2.ProveConsistencyRequest(
            old_size=case.earlier.size, new_size=case.later.size
        ),
        timeout=LIMIT_S,
    )
    roots = formats.roots_of_consistency(
        case.earlier.root, case.earlier.size, case.later.size, list(response.path)
    )
    assert roots == (case.earlier.root, case.later.root)


@check("log: every receipt stands in the tree, and the DPO of the project sees its record")
def contains_receipts(case):
    assert case.receipts
    rows = {row.record_number for row in case.rows}
    for receipt in case.receipts:
        assert case.leaves[receipt.record_number] == receipt.leaf_hash, receipt
    # The query's own record is the last receipt; whether it is a row is the broker's choice.
    missing = {receipt.record_number for receipt in case.receipts[:-1]} - rows
    assert not missing, missing


@check("log: every row's skeleton is a leaf and commits to its body")
def rows_match(case):
    assert case.rows
    for row in case.rows:
        assert formats.leaf_hash(row.skeleton) == case.leaves[row.record_number]
        skeleton = formats.Skeleton.decode(row.skeleton)
        assert skeleton.number == row.record_number
        assert len(row.salt) == 16
        assert formats.sha256(row.salt, row.body) == skeleton.body_commitment
    numbers = [row.record_number for row in case.rows]
    assert numbers == sorted(set(numbers)), "rows are not in ascending order"


@check("log: the record of a decision holds the sender's signature and the payload's digest")
def decisions_hold_evidence(case):
    accepted = 0
    for row in case.rows:
        skeleton = formats.Skeleton.decode(row.skeleton)
        entry = access_log_pb2.LogEntry.FromString(row.body)
        is_decision = entry.WhichOneof("event") == "message_decided"
        assert is_decision == (skeleton.record_type == access_log_pb2.RECORD_TYPE_MESSAGE_DECIDED)
        if not is_decision:
            continue
        decided = entry.message_decided
        batch = decided.signature
        leaf = formats.leaf_hash(formats.label_digest(decided.label) + decided.payload_digest)
        root = formats.root_of_inclusion(leaf, batch.leaf_index, batch.tree_size, list(batch.path))
        signed = formats.batch_bytes(batch.tree_size, root)
        case.trust.verify(batch.signature, signed, JOBCENTER, "system")
        if decided.accepted:
            accepted += 1
            findings = access_log_pb2.Findings.FromString(row.findings)
            assert findings.consent_id == case.consent_id
            commitment = formats.sha256(row.findings_salt, row.findings)
            assert commitment == skeleton.findings_commitment
            assert skeleton.payload_digest == decided.payload_digest
    assert accepted == 9, accepted


@check("grpcurl: server reflection lists the services")
def grpcurl_lists(case):
    services = case.grpcurl(case.address, "list").split()
    assert {"schleuse.v1.MessageService", "grpc.health.v1.Health"} <= set(services), services


@check("grpcurl: the health check answers SERVING")
def grpcurl_health(case):
    answer = json.loads(case.grpcurl(case.address, "grpc.health.v1.Health/Check"))
    assert answer == {"status": "SERVING"}, answer


@check("grpcurl: the descriptor set of the broker works instead of reflection")
def grpcurl_protoset(case):
    protoset = case.folder / "schleuse.binpb"
    case.run("schleuse-broker", "descriptor", "--out", protoset)
    services = case.grpcurl("-protoset", protoset, "list").split()
    assert "schleuse.v1.MessageService" in services, services
    method = "schleuse.v1.CheckpointService/LatestCheckpoint"
    answer = json.loads(case.grpcurl("-protoset", protoset, case.address, method))
    case.checkpoint(base64.b64decode(answer["checkpoint"]))


@check("the broker ends with exit code 0 on SIGTERM")
def ends(case):
    for channel in case.channels:
        channel.close()
    assert case.broker.stop() == 0, case.broker.process.returncode


def run_checks(case):
    """Runs the checks, tells of each and returns how many passed and failed."""
    passed = failed = 0
    for title, function in CHECKS:
        if failed and case.address is None:
            print(f"not run {title}", flush=True)
            continue
        try:
            function(case)
        except Exception:
            failed += 1
            print(f"FAILED  {title}", flush=True)
            traceback.print_exc()
        else:
            passed += 1
            print(f"passed  {title}", flush=True)
    return passed, failed


def main():
    # Leaving by an exception also stops the broker.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    binaries = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="schleuse-interop-") as folder:
        case = Case(binaries, Path(folder))
        try:
            passed, failed = run_checks(case)
            if failed and case.broker:
                print((case.folder / "broker.log").read_text(), file=sys.stderr)
        finally:
            if case.broker and case.broker.process.poll() is None:
                case.broker.process.kill()
                case.broker.process.wait()
    print(f"interop: {passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
