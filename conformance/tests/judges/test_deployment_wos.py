"""Judges of the chapters deployment and extensions for a WOS: a story that keeps each rule, and one with a sin."""

import pytest

from visits import Assigned, Tales, Visits, problem, text
from wos_conformance.judges.document import document_of, ornament

TALES = Tales()
X = "x-acme-extensions"


@TALES.of("deployment.properties-as-described")
def component_takes_its_time(story: Visits, sin: bool) -> None:
    """The time is made another one."""
    wanted = Assigned()
    wanted.profile["components"][1]["properties"]["timeout"] = "5m30s"
    document = wanted.document
    if sin:
        document["spec"]["deploymentProfile"]["components"][1]["properties"]["timeout"] = "330s"
    story.shows(wanted, document)


@TALES.of("deployment.constraints-as-described")
def profile_has_constraints(story: Visits, sin: bool) -> None:
    """An unknown operator is left out."""
    wanted = Assigned(deviceConstraints={"eligibilityRules": [{"odd": [1]}]})
    document = wanted.document
    if sin:
        document["spec"]["deploymentProfile"]["deviceConstraints"]["eligibilityRules"] = []
    story.shows(wanted, document)


@TALES.of("deployment.constraints-as-described")
def profile_has_no_constraints(story: Visits, sin: bool) -> None:
    """Empty ones are made."""
    wanted = Assigned()
    document = wanted.document
    document["spec"]["deploymentProfile"] |= {"deviceConstraints": {}} if sin else {}
    story.shows(wanted, document)


@TALES.of("deployment.plain-yaml")
def document_has_equal_parts(story: Visits, sin: bool) -> None:
    """One is an alias of the other."""
    alias = b"a: &id001 [1]\nb: *id001\n"
    wanted = Assigned()
    story.shows(wanted, alias if sin else text(wanted.document))


@TALES.of("extensions.device-extensions-copied")
def profile_has_an_extension(story: Visits, sin: bool) -> None:
    """It is moved."""
    wanted = Assigned(**{X: {"a": 1}})
    document = wanted.document
    if sin:
        document["spec"][X] = document["spec"]["deploymentProfile"].pop(X)
    story.shows(wanted, document)


@TALES.of("extensions.device-extensions-copied")
def component_has_an_extension(story: Visits, sin: bool) -> None:
    """It is changed."""
    wanted = Assigned()
    wanted.profile["components"][0][X] = {"a": True}
    document = wanted.document
    if sin:
        document["spec"]["deploymentProfile"]["components"][0][X] = {"a": 1}
    story.shows(wanted, document)


@TALES.of("extensions.root-extensions-withheld")
def application_has_an_extension(story: Visits, sin: bool) -> None:
    """It is passed on."""
    wanted = Assigned()
    wanted.application[X] = {"price": 7}
    document = wanted.document
    document["spec"] |= {X: {"price": 7}} if sin else {}
    story.shows(wanted, document)


@TALES.of("extensions.unknown-members-accepted")
def report_has_a_member_of_a_later_version(story: Visits, sin: bool) -> None:
    """It is refused."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, wanted.report() | {"progress": 0.5}, status=422 if sin else 201)


@TALES.of("extensions.unknown-major-404")
def version_is_of_a_far_future(story: Visits, sin: bool) -> None:
    """It is answered like any other path."""
    kind = "deployment-not-found" if sin else "about:blank"
    story.asks("GET /api/v4711/deployments", 404, content=problem(kind))


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a: 1\n", None),
        (b"a: a\nb: a\n", None),
        (b"%YAML 1.2\n---\n- {a: [b, b]}\n- {a: [b, b]}\n...\n", None),
        (b"a: &x 1\n", None),
        (b"a: &x 1\nb: *x\n", "the alias *x"),
        (b"a: !!str 1\n", "the tag tag:yaml.org,2002:str"),
        (b"!x {a: 1}\n", "the tag !x"),
        (b"a: 1\nb: {}\na: 2\n", "the key 'a' twice"),
        (b"b: {c: 1, 'c': 2}\n", "the key 'c' twice"),
        (b"a: 1\n---\nb: 2\n", "a second document"),
        (b"a: [\n", None),
        (b"\xff\xfe\x00", None),
    ],
)
def test_ornaments_of_yaml_are_found(content: bytes, found: str | None) -> None:
    """What JSON does not have; what is no YAML has none, and is judged by its schema."""
    assert ornament(content) == found


def test_yaml_bomb_costs_little() -> None:
    """Aliases that stand for a thousand million nodes are not followed, nor are a thousand levels."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert document_of("\n".join(lines).encode()) is None
    assert document_of(b"{a: " * 101 + b"1" + b"}" * 101) is None
    assert document_of(b"{a: " * 100 + b"1" + b"}" * 100) is not None


@pytest.mark.parametrize(("entries", "is_read"), [(99_997, True), (99_998, False)])
def test_document_of_very_many_parts_is_not_read(entries: int, is_read: bool) -> None:
    """It and its list are parts too, and a hundred thousand are too many."""
    assert (document_of(b"a: [" + b"1," * entries + b"]") is not None) == is_read


@pytest.mark.parametrize("end", ["withdrawn", "device deleted", "client retired"])
def test_updated_deployment_may_have_ended(end: str) -> None:
    """It is looked for only while it is wanted."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.update(wanted)
    if end == "withdrawn":
        story.control("withdraw", deploymentId=wanted.id)
    elif end == "device deleted":
        story.forgets()
    else:
        story.retire()
        story.admit()
    story.serves(3)
    assert not story.judged("deployment.update-keeps-id")
