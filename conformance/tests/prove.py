"""`make mutants`: the proof that the suite can fail; mutants must be caught, targets without a life earn nothing."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from mutants import CATALOGUES, Role
from proof import gate, table
from wos_conformance.drive.trust_domain import TrustDomain

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "local"


def main() -> int:
    """Prove, and say what stands against the proof; 0 when nothing does."""
    options = _options()
    if options.page:
        return table.write_page()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        credentials = Path(temporary) / "credentials"
        TrustDomain.create("plant.example", "main").save(credentials)
        roles = [role for role in CATALOGUES if options.role in (None, role)]
        proofs = [_prove(role, options, credentials, Path(temporary) / role) for role in roles]
    table.write_report(REPORTS / "mutants.json", proofs)
    for proof in proofs:
        for fault in gate.faults(proof):
            _tell(fault)
    for proof in proofs if not options.only else ():
        _tell(table.figure(proof.role, sum(conclusion.outcome == "killed" for conclusion in proof.conclusions)))
    failed = sum(proof.failed for proof in proofs)
    _tell(f"{sum(proof.passed for proof in proofs)} passed, {failed} failed in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _prove(role: Role, options: argparse.Namespace, credentials: Path, folder: Path) -> gate.Proof:
    chosen, recordings = gate.chosen_mutants(role, options.only), REPORTS / "mutants" / role
    proof = gate.prove(role, chosen, recordings, credentials, folder, options.workers, _tell)
    if not options.only:
        proof.facades = gate.prove_facades(role, recordings, credentials, folder, options.workers, _tell)
        proof.unnoticed = gate.prove_judges(role, chosen, recordings)
    return proof


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="WORD", help="only mutants with this name or requirement")
    parser.add_argument("--role", choices=list(CATALOGUES))
    parser.add_argument("--workers", type=int, default=2, help="targets at once; agents three times as many")
    parser.add_argument(
        "--page",
        action="store_true",
        help="write docs/certifiers/mutants.md and the figures of the README, nothing else",
    )
    return parser.parse_args()


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
