"""Whether two verifiers, written apart from each other, agree on files of evidence.

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
    verdicts = [line.split() for line in (folder / "verdicts.txt").read_text().splitlines()]
    for name, verdict in verdicts:
        failed = verify.verify((folder / name).read_bytes(), log_key, trust)
        sound += not failed
        if (verdict == "true") != (not failed):
            differing.append(f"{name}: the first verifier says sound {verdict}, the second {failed}")
    print(f"evidence: {len(verdicts)} files, {sound} sound, {len(differing)} verdicts differ")
    for line in differing[:10]:
        print(f"  {line}")
    sys.exit(1 if differing or sound < 2 or len(verdicts) < 100 else 0)


main()
