"""`make weak-judges`: changes the code of judges, one thing at a time; some story must notice each change."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from weakness.explained import OPEN, explained
from weakness.hunt import ROOT, Fate, Stories, fates
from weakness.mutation import Mutation, mutations

REPORTS = Path(__file__).resolve().parents[2] / "reports" / "local"
UNNOTICED = ("survived", "unreached")


def main() -> int:
    """0 when every change is noticed, explained or known to be open, 1 otherwise."""
    options = _options()
    began = time.monotonic()
    known = explained()
    chosen = [path for path in sorted(ROOT.rglob("*.py")) if _is_chosen(path, options.only)]
    changes = [mutation for path in chosen for mutation in mutations(path)]
    if options.again:
        before = _unnoticed_before()
        changes = [mutation for mutation in changes if _key(mutation) in before]
    seen = list(fates(changes, Stories(), options.workers))
    survivors = {_key(mutation): fate for mutation, fate in seen if fate in UNNOTICED}
    surplus = {key: fate for key, fate in survivors.items() if key not in known}
    asked = {_key(mutation) for mutation in changes} if options.again else known.keys()
    modules = {_inner(path) for path in chosen}
    stale = [key for key in known if key in asked and key not in survivors and _module(key) in modules]
    _write(seen, known)
    for key, fate in surplus.items():
        print(f"{fate:<10} {': '.join(key)}")
    for key in stale:
        print(f"explained, and no longer survives: {': '.join(key)}")
    counts = Counter(fate for _, fate in seen)
    told = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
    unsolved = sum(known.get(key) == OPEN for key in survivors)
    reasoned = len(survivors) - len(surplus) - unsolved
    print(f"{told}; {reasoned} explained, {unsolved} open, in {time.monotonic() - began:.0f} s")
    failed = len(surplus) + len(stale)
    print(f"{counts['killed']} passed, {failed} failed")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "only", nargs="*", metavar="PART", help="only modules below judges/ with this part in their path"
    )
    parser.add_argument("--again", action="store_true", help="only changes that were not noticed the last time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _is_chosen(path: Path, words: list[str]) -> bool:
    return not words or any(word in _inner(path) for word in words)


def _unnoticed_before() -> set[tuple[str, str]]:
    rows = json.loads((REPORTS / "weak-judges.json").read_bytes())
    return {(row["module"], row["change"]) for row in rows if row["fate"] in UNNOTICED}


def _inner(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _key(mutation: Mutation) -> tuple[str, str]:
    return _inner(mutation.path), mutation.name


def _module(key: tuple[str, str]) -> str:
    return key[0]


def _write(seen: list[tuple[Mutation, Fate]], known: dict[tuple[str, str], str]) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    rows = [
        {"module": _inner(m.path), "line": m.line, "change": m.name, "fate": fate, "reason": known.get(_key(m))}
        for m, fate in seen
    ]
    (REPORTS / "weak-judges.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
