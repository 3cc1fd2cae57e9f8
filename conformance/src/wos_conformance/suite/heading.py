"""The first line of a history: what was run against what."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import wos_conformance
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import Header, Recorder
from wos_conformance.specification import Specification
from wos_conformance.suite.settings import Settings


def heading(recorder: Recorder, settings: Settings, specification: Specification, trust_domain: TrustDomain) -> None:
    """Write the header of the run."""
    recorder.record(
        Header,
        run=settings.run,
        role=settings.role,
        specification=specification.version,
        specification_digest=specification.digest,
        suite=wos_conformance.__version__,
        suite_digest=suite_digest(),
        seed=settings.seed,
        depth=settings.depth,
        level=settings.level,
        target=settings.target,
        features=settings.features,
        declared=settings.declared,
        diagnostic=_diagnostic(settings),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        trust_domain=trust_domain.name,
        wos_id=trust_domain.wos_id,
        roots=[hashlib.sha256(der).hexdigest() for der in trust_domain.roots],
    )


def suite_digest() -> str:
    """SHA-256 over the names and bytes of all modules of the suite."""
    root = Path(wos_conformance.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"sha256:{total.hexdigest()}"


def _diagnostic(settings: Settings) -> list[str]:
    selected = [f"only {', '.join(settings.only)} was selected"] if settings.only else []
    relayed = [f"a relay with seed {settings.relay_seed} was on the path"] if settings.relay_seed is not None else []
    budget = settings.time_budget
    limited = [f"no scenario began after {budget:g} s"] if budget is not None else []
    return selected + relayed + limited
