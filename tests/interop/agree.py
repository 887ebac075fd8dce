"""Whether two verifiers, written apart from each other, agree on files of evidence: on each check.

Called by the script run beside it with a folder that `schleuse-campaign tamper --out` made: files,
the verdicts of the first verifier, and the public part of the PKI.
"""

import sys
import tomllib
from pathlib import Path

import verify


def main():
    """Compares the verdicts; exit code 1 if any differs."""
    folder = Path(sys.argv[1])
    trust_file = folder / "pki" / "trust.toml"
    log_key = tomllib.loads(trust_file.read_text())["log_key"]
    trust = verify.Trust(trust_file)
    differing, sound = [], 0
    # Of each file the failed checks, and those if it must be complete, separated by tabs.
    lines = (folder / "verdicts.txt").read_text().splitlines()
    verdicts = [line.split("\t") for line in lines]
    for name, *verdict in verdicts:
        content = (folder / name).read_bytes()
        for complete, expected in enumerate(verdict):
            failed = verify.verify(content, log_key, trust, bool(complete))
            sound += not failed
            if sorted(failed) != sorted(filter(None, expected.split(","))):
                differing.append(f"{name}: the first verifier says {expected!r}, the second {failed}")
    print(f"evidence: {len(verdicts)} files, sound {sound} times, {len(differing)} verdicts differ")
    for line in differing[:10]:
        print(f"  {line}")
    sys.exit(1 if differing or sound < 2 or len(verdicts) < 100 else 0)


main()
