"""One judge per requirement, one module per chapter: pure functions over a history."""

from importlib import import_module
from pkgutil import walk_packages

from wos_conformance.judges.judgement import (
    REGISTER,
    Findings,
    Judgement,
    Occasions,
    broken,
    judge,
    judge_history,
    kept,
)

__all__ = ["REGISTER", "Findings", "Judgement", "Occasions", "broken", "judge", "judge_history", "kept"]

for _module in sorted(found.name for found in walk_packages(__path__, f"{__name__}.")):
    import_module(_module)
