"""How the identity service of a WOS tells which roots are in force (onboarding.md, "Trust discovery")."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from wos_conformance.history import ExchangeView, History
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept
from wos_conformance.judges.onboarding.service import roots_at, visits
from wos_conformance.judges.reading import entity_tags, told
from wos_conformance.specification import Specification

_DISCOVERY = "/.well-known/margo"


def _value(view: ExchangeView) -> Any:
    try:
        return view.json()
    except ValueError:
        return None


def _valid(view: ExchangeView, schema: str) -> Judgement:
    faults = Specification.load().errors(schema, _value(view))
    if view.status == 200 and not faults:
        return kept(view)
    received = told(view) if view.status != 200 else "; ".join(faults[:3])
    return broken(view, expected=f"status 200 and a document that is valid by the schema {schema}", received=received)


@judge("onboarding.discovery-valid")
def discovery_document_is_valid(history: History) -> Occasions:
    """It names the trust domain, and where its trust bundle is."""
    for visit in visits(history):
        if visit.view.path == _DISCOVERY and visit.view.method == "GET" and visit.view.status != 304:
            yield _valid(visit.view, "discovery-document")


def _bundles(history: History) -> Iterator[ExchangeView]:
    """Requests for the trust bundle at the place that the discovery document named last."""
    path = None
    for visit in visits(history):
        view = visit.view
        if view.path == _DISCOVERY:
            value = _value(view)
            if Specification.load().is_valid("discovery-document", value):
                path = urlsplit(value["trustBundleUri"]).path or "/"
        elif view.path == path and view.method == "GET":
            yield view


@judge("onboarding.trust-bundle-valid")
def trust_bundle_is_valid(history: History) -> Occasions:
    """In the format of SPIFFE, with at least one root."""
    for view in _bundles(history):
        if view.status != 304:
            yield _valid(view, "trust-bundle")


@judge("onboarding.trust-not-modified")
def current_trust_bundle_is_not_sent_again(history: History) -> Occasions:
    """A request with the current tag."""
    known: tuple[str, set[str]] | None = None
    for view in _bundles(history):
        roots = roots_at(history, view)
        held = entity_tags(view.request_header("if-none-match"))
        if known is not None and known[0] in held and roots == known[1]:
            body = view.exchange.response.body if view.exchange.response else None
            if view.status == 304 and body is None:
                yield kept(view)
            else:
                received = f"status {view.status} with {len(view.body)} bytes"
                yield broken(view, expected="status 304 and no body", received=received)
        tag = view.header("etag")
        if view.status == 200 and tag is not None and roots is not None:
            known = tag.removeprefix("W/"), roots


@judge("onboarding.sequence-grows")
def sequence_grows_with_other_roots(history: History) -> Occasions:
    """A greater number for every other set of roots."""
    last: tuple[int, list[str]] | None = None
    for view in _bundles(history):
        value = _value(view)
        if view.status != 200 or not Specification.load().is_valid("trust-bundle", value):
            continue
        roots = sorted(str(key["x5c"]) for key in value["keys"] if key["use"] == "x509-svid")
        sequence = value.get("spiffe_sequence")
        if last is not None and roots != last[1]:
            if isinstance(sequence, int) and sequence > last[0]:
                yield kept(view)
            else:
                yield broken(view, expected=f"spiffe_sequence above {last[0]}", received=f"{sequence}")
        last = (sequence if isinstance(sequence, int) else -1), roots
