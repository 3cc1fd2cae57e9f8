"""An ordinary day of a good WOS and of a good agent: a bit of everything, and nothing that breaks a rule."""

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from story import Story
from visits import DEVICE, MANIFEST_TYPE, ONE, TWO, Assigned, Visits, capabilities, problem, text
from wos_conformance.drive.archive import archive
from wos_conformance.drive.publication import digest_of
from wos_conformance.history import Control, History, Publication
from wos_conformance.suite.agent.wanted import Wanted

_PROBLEM = "Content-Type: application/problem+json"
_PRIVATE = f"Content-Type: {MANIFEST_TYPE}\nCache-Control: private, no-cache\n"
_IMMUTABLE = "Cache-Control: private, max-age=31536000, immutable\n"
_STRANGE = "sha256:" + "0" * 64
_STATUSES = {"invalid-request": 400, "semantic-error": 422, "not-authorized": 403}


def day_of_wos() -> History:
    """Two clients, one of which is retired; devices and deployments come, change and go."""
    visits = Visits()
    visits.connect(tls_version="TLSv1.3")
    for client in (ONE, TWO):
        visits.admit(client)
    _devices(visits)
    first, second, third = Assigned(), Assigned(), Assigned()
    _polls(visits)
    _deployments(visits, first, second, third)
    _reports(visits, first, second)
    _strangers(visits)
    _refuses(visits, "GET /api/v1/status", "about:blank", 404)
    pause = {"retryable": True, "backoffStrategy": "exponential"}
    unavailable = problem("about:blank", status=503, **pause)
    visits.polls(503, answer=f"{_PROBLEM}\nRetry-After: 1", content=unavailable)
    visits.retire(TWO)
    visits.polls(403, client=TWO, answer=_PROBLEM, content=problem("not-authorized", status=403))
    return visits.history


def day_without_control() -> History:
    """What clients of the pool see of a WOS to which nobody assigns anything."""
    visits = Visits()
    visits.connect(tls_version="TLSv1.3")
    _devices(visits)
    _polls(visits)
    history = visits.history
    return history.of_events([event for event in history.events if not isinstance(event, Control)])


def _refuses(visits: Visits, request: str, kind: str, status: int = 0, **facts: Any) -> None:
    status = status or _STATUSES[kind]
    visits.asks(request, status, _PROBLEM, problem(kind, status=status), **facts)


def _devices(visits: Visits) -> None:
    path = f"/api/v1/capabilities/{DEVICE}"
    visits.announces()
    visits.announces(status=200)
    _refuses(visits, f"PUT {path}", "invalid-request", sent=b"{")
    _refuses(visits, f"PUT {path}", "semantic-error", sent={"properties": {}})
    _refuses(visits, f"PUT {path}", "semantic-error", sent=capabilities("press-8"))
    visits.view({DEVICE: capabilities()})
    visits.announces("press-8", document=capabilities("press-8") | {"x-acme-extensions": {"a": 1}})
    visits.forgets("press-8")
    _refuses(visits, "DELETE /api/v1/capabilities/press-8", "device-not-found", 404)
    visits.announces(client=TWO)
    visits.announces("press-9", status=None, failure="closed")
    visits.announces("press-9", status=200)


def _polls(visits: Visits) -> None:
    tag = visits.serves(1, answer=_PRIVATE)
    same = f"ETag: {tag}\n{_PRIVATE}"
    visits.polls(304, f"If-None-Match: {tag}", answer=same)
    visits.polls(304, "If-None-Match: *", answer=same)
    visits.polls(None, failure="reset")
    visits.serves(1, headers=[f"Accept: {MANIFEST_TYPE}", 'If-None-Match: "old"'], answer=_PRIVATE)
    visits.serves(1, headers=["Accept: */*"], answer=_PRIVATE, client=TWO)
    for accept in ("text/html", f"*/*, {MANIFEST_TYPE};q=0"):
        _refuses(
            visits, "GET /api/v1/deployments", "server-cannot-generate-response", 406, headers=[f"Accept: {accept}"]
        )


def _deployments(visits: Visits, first: Assigned, second: Assigned, third: Assigned) -> None:
    visits.assign(first, second)
    visits.assign(third, client=TWO)
    visits.serves(2, first, second, answer=_PRIVATE)
    visits.serves(2, third, answer=_PRIVATE, client=TWO)
    for wanted in (first, second):
        _document(visits, wanted)
    _bundle(visits, first, second)
    _refuses(visits, f"GET /api/v1/deployments/{third.id}/{_STRANGE}", "deployment-not-found", 404)
    _refuses(visits, f"GET /api/v1/bundles/{_STRANGE}", "invalid-bundle", 404)
    old = copy.copy(first)
    visits.update(first)
    visits.serves(3, first, second, answer=_PRIVATE)
    _document(visits, first)
    _document(visits, old)


def _document(visits: Visits, wanted: Assigned) -> None:
    tag = f'"{digest_of(text(wanted.document))}"'
    answer = f"Content-Type: application/yaml\nETag: {tag}\n{_IMMUTABLE}"
    visits.fetches(wanted, answer=answer)
    path = f"GET /api/v1/deployments/{wanted.id}/{tag[1:-1]}"
    visits.asks(path, 304, answer, headers=[f"If-None-Match: {tag}"])


def _bundle(visits: Visits, *wanted: Assigned) -> None:
    tag = digest_of(archive({one.id: text(one.document) for one in wanted}))
    kind = "Content-Type: application/vnd.margo.bundle.v1+tar+gzip"
    visits.fetches_bundle(*wanted, answer=f'{kind}\nETag: "{tag}"\n{_IMMUTABLE}')


def _reports(visits: Visits, first: Assigned, second: Assigned) -> None:
    path = f"POST /api/v1/deployments/{first.id}/status"
    visits.reports(first, first.report(3, "installing"), 201)
    visits.reports(first, first.report(3))
    _refuses(visits, path, "invalid-request", sent=b"[")
    _refuses(visits, path, "semantic-error", sent={"state": "installed"})
    _refuses(visits, path, "semantic-error", sent=second.report())
    strange = Assigned()
    report = strange.report()
    _refuses(visits, f"POST /api/v1/deployments/{strange.id}/status", "deployment-not-found", 404, sent=report)
    devices = {name: capabilities(name) for name in (DEVICE, "press-9")}
    visits.view(devices, {first.id: first.report(3)}, ages={first.id: 0.5})
    visits.reports(first, first.report(2))
    visits.withdraw(second)
    visits.serves(4, first, answer=_PRIVATE)
    visits.reports(second, second.report(4, "removing"), 201)
    visits.reports(second, second.report(4, "removed"))


def _strangers(visits: Visits) -> None:
    known = visits.connect(tls_version="TLSv1.3")
    visits.connect("none", "handshake-failed", client=None, failure="alert certificate required")
    visits.connect("expired-leaf", "handshake-failed", failure="alert certificate expired")
    visits.connect("unlisted")
    visits.polls(403, answer=_PROBLEM, content=problem("not-authorized", status=403))
    visits.on(known)


def day_of_agent() -> History:
    """One agent: deployments come, change, cannot be had and go; the WOS is unwell for a while."""
    random = Random(3)
    story, good, other = Story(), Wanted.new(random, components=2), Wanted.new(random)
    story.start()
    story.connects(None, tls_version="TLSv1.3")
    story.announces()
    _asks(story, None)
    first = _adopts(story, [good, other], [good, other])
    _asks(story, first)
    newer = good.changed(random)
    second = _adopts(story, [newer, other], [newer])
    _refused(story, second, [newer, other], random)
    _unwell(story, second, newer)
    _removes(story, newer, other)
    return story.history


def _held(publication: Publication | None) -> str:
    tag = f"If-None-Match: {publication.etag}\r\n" if publication else ""
    return f"Accept: {MANIFEST_TYPE}\r\n{tag}"


def _asks(story: Story, held: Publication | None, status: int = 304, headers: str = "") -> None:
    story.waits(1.0)
    story.polls(status, headers, sending=_held(held))


def _gets(story: Story, publication: Publication) -> None:
    story.waits(1.0)
    story.retrieves(publication, sending=f"Accept: {MANIFEST_TYPE}\r\n")


def _adopts(story: Story, wanted: list[Wanted], changed: list[Wanted]) -> Publication:
    publication = story.publish(*wanted)
    _gets(story, publication)
    for one in changed:
        _installs(story, one)
    story.look(*wanted)
    story.deadline("adopted", publication)
    story.look(*wanted)
    story.deadline("installed-reported", publication)
    _asks(story, publication)
    return publication


def _installs(story: Story, wanted: Wanted) -> None:
    """One component after the other."""
    names = [part["name"] for part in wanted.application["deploymentProfiles"][0]["components"]]
    for number in range(len(names)):
        states = ["installed"] * number + ["installing"] + ["pending"] * (len(names) - number - 1)
        parts = [{"name": name, "state": state} for name, state in zip(names, states, strict=True)]
        story.reports(wanted, "installing", components=parts)
    story.reports(wanted, "installed")


def _refused(story: Story, held: Publication, running: list[Wanted], random: Random) -> None:
    """A manifest with another tag than it should have is served, and then the good one once more."""
    bad = story.publish(running[0].changed(random), defect="tag-wrong")
    _gets(story, bad)
    _asks(story, held)
    _asks(story, held)
    story.deadline("settled", bad)
    story.look(*running)
    story.version = held.version


def _unwell(story: Story, held: Publication, running: Wanted) -> None:
    """The WOS fails, asks for patience, and does not take a report at first."""
    _asks(story, held, 500)
    story.waits(1.0)
    _asks(story, held, 503, "Retry-After: 3\r\n")
    story.waits(3.0)
    _asks(story, held)
    story.reports(running, "installed", status=503)
    story.waits(1.0)
    story.reports(running, "installed")
    story.connects("expired-leaf", "handshake-failed")
    _asks(story, held)


def _removes(story: Story, kept: Wanted, gone: Wanted) -> None:
    story.version += 1
    publication = story.publish(kept)
    _gets(story, publication)
    for state in ("removing", "removed"):
        story.reports(gone, state, publication.version - 2)
    story.look(kept)
    story.deadline("adopted", publication)
    story.look(kept)
    story.deadline("removed-reported", publication)
    _asks(story, publication)


DAYS: dict[str, Callable[[], History]] = {"wos": day_of_wos, "agent": day_of_agent}
