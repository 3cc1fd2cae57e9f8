"""What a WOS does with what it does not know (extensions.md)."""

import re
from collections.abc import Iterator
from typing import Any

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.deployment.wos import at, current_documents, paired_components
from wos_conformance.judges.document import member_names
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.reading import problem_type, same_json, served, told
from wos_conformance.judges.status.wos import right_reports

_UNKNOWN_MAJOR = re.compile(r"/api/v[1-9][0-9]{3,}(?:/.*)?")
"""Nobody has a thousandth major version."""
_REPORT = {"deploymentId", "deviceId", "adoptedManifestVersion", "status", "components"}
_STATUS = {"state", "error"}
_COMPONENT = {"name", "state", "error"}


def _extensions(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if re.fullmatch(r"x-[a-z][a-z0-9-]*-extensions", name)}


@judge("extensions.device-extensions-copied")
def extensions_reach_the_device(history: History) -> Occasions:
    """What the supplier wrote into a profile or a component stands at the same place of the document."""
    for view, document, wanted in current_documents(history):
        found = at(document, "spec", "deploymentProfile") or {}
        places = [(wanted.profile, found), *paired_components(document, wanted)]
        for described, passed in places:
            for name, value in _extensions(described).items():
                yield _copied(view, name, value, passed.get(name))


def _copied(view: ExchangeView, name: str, expected: Any, found: Any) -> Judgement:
    if same_json(found, expected):
        return kept(view)
    return broken(view, expected=f"{name}: {expected}"[:300], received="nothing" if found is None else f"{found}"[:300])


@judge("extensions.root-extensions-withheld")
def extensions_for_the_wos_stay_there(history: History) -> Occasions:
    """What stands at the root of a description is for the WOS alone."""
    for view, document, wanted in current_documents(history):
        withheld = set(_extensions(wanted.application)) - member_names(wanted.profile)
        if not withheld:
            continue
        if found := withheld & member_names(document):
            yield broken(view, expected=f"no {min(found)}, which is for the WOS", received="a document that has it")
        else:
            yield kept(view)


@judge("extensions.unknown-members-accepted")
def unknown_members_of_a_report_do_not_matter(history: History) -> Occasions:
    """A valid report may hold more than this version defines."""
    for view, value, _ in right_reports(history):
        if not _surplus(value):
            continue
        yield kept(view) if view.status in (200, 201) else broken(view, expected="200 or 201", received=told(view))


def _surplus(report: dict[str, Any]) -> set[str]:
    parts = [set(part) - _COMPONENT for part in report["components"]]
    return (set(report) - _REPORT).union(set(report["status"]) - _STATUS, *parts)


@judge("extensions.unknown-major-404")
def unknown_major_version_is_not_found(history: History) -> Occasions:
    """A path of another major version is unknown."""
    for view in _of_unknown_major(history):
        if view.status == 404 and problem_type(view) == "about:blank":
            yield kept(view)
        else:
            yield broken(view, expected="status 404 with the type 'about:blank'", received=told(view))


def _of_unknown_major(history: History) -> Iterator[ExchangeView]:
    return (view for view in served(history) if _UNKNOWN_MAJOR.fullmatch(view.path))
