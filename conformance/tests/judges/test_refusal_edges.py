"""Where the rules about adopting and refusing end: what is no occasion for an agent, and what is just one."""

from random import Random

from story import Story
from wos_conformance.history import Publication
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"desired-state.{requirement}")]


def begun() -> Story:
    """An agent was started."""
    story = Story()
    story.start()
    return story


def test_tag_of_what_was_never_retrieved_hides_no_other() -> None:
    """The one that was must not come back."""
    story = begun()
    story.publish(OTHER, defect="one-document-missing")
    bad = story.publish(GOOD, defect="tag-wrong")
    story.retrieves(bad)
    story.polls(sending=f"If-None-Match: {bad.etag}\r\n")
    assert kept(story, "tag-only-when-adopted") == [False]


def test_good_manifest_may_be_unobtainable_for_a_while() -> None:
    """Its tag is the one that was adopted."""
    story = begun()
    story.adopts(GOOD)
    story.version -= 1
    same = story.publish(GOOD, defect="artifacts-missing")
    story.retrieves(same)
    story.polls(sending=f"If-None-Match: {same.etag}\r\n")
    assert kept(story, "tag-only-when-adopted") == []


def test_coding_that_was_not_used_cannot_be_undone() -> None:
    """Another rule asks what runs."""
    story = begun()
    publication = story.publish(GOOD, note="coded")
    story.retrieves(publication)
    story.deadline("adopted", publication, met=False)
    story.look()
    assert kept(story, "coding-undone") == []


def test_failure_of_one_needs_a_look() -> None:
    """Nobody knows what runs."""
    story = begun()
    publication = story.publish(GOOD, OTHER.unobtainable())
    story.deadline("adopted", publication, met=False)
    assert kept(story, "failure-stays-alone") == []


def test_large_manifest_is_adopted_when_all_of_it_is_reported() -> None:
    """After it was published."""
    for late in (True, False):
        story = begun()
        early = [] if late else [story.reports(GOOD, "installing")]
        publication = story.publish(GOOD, note="least-sizes")
        story.retrieves(publication)
        if not early:
            story.reports(GOOD, "installing")
        story.deadline("adopted", publication, met=late)
        assert kept(story, "least-sizes-taken") == [late]


def test_manifest_that_the_agent_asked_for_anew_may_change_something() -> None:
    """It was not served in place of 304."""
    story = begun()
    story.retrieves(story.adopts(GOOD))
    story.look(NEWER)
    story.polls()
    assert kept(story, "same-manifest-unchanged") == []


def test_each_power_cut_is_survived() -> None:
    """An older manifest before it hides none after it."""
    story = begun()
    story.adopts(GOOD)
    for _ in range(2):
        lower = story.publish(NEWER, defect="version-lower")
        story.retrieves(lower)
        story.deadline("settled", lower)
        story.look(NEWER)
        story.control("cut")
        story.start()
    assert kept(story, "version-survives-power-cut") == [False]


def test_recovery_is_asked_of_what_was_adopted() -> None:
    """By a look, once something was; other waits are no recovery."""
    story = begun()
    story.publish(GOOD)
    for expected in ([], [False]):
        story.control("cut")
        start = story.start()
        story.polls()
        story.deadline("announced", start)
        story.look()
        assert kept(story, "workloads-survive-power-cut") == []
        story.deadline("recovered", start)
        assert kept(story, "workloads-survive-power-cut") == []
        story.polls()
        story.look()
        assert kept(story, "workloads-survive-power-cut") == expected
        story.adopts(GOOD)


def asks_for_the_bundle(story: Story, publication: Publication, status: int) -> None:
    """The manifest is retrieved, and its bundle asked for."""
    assert publication.bundle is not None
    story.polls(200, f"ETag: {publication.etag}\r\n", content=story.history.body(publication.manifest))
    story.asks(f"GET /api/v1/bundles/{publication.bundle.digest}", status)


def test_bundle_that_was_not_found_hides_no_other() -> None:
    """Nothing can run of it."""
    story = begun()
    story.adopts(GOOD)
    for wanted, status in ((NEWER, 404), (OTHER, 200)):
        odd = story.publish(wanted, defect="bundle-surplus")
        asks_for_the_bundle(story, odd, status)
        story.deadline("settled", odd)
        story.look(wanted)
    assert kept(story, "bundle-form-refused") == [False]


def test_refusal_is_asked_of_an_agent_that_has_settled() -> None:
    """And by a look."""
    story = begun()
    story.adopts(GOOD)
    bad = story.publish(NEWER, defect="tag-wrong")
    story.retrieves(bad)
    story.deadline("settled", bad, met=False)
    story.look(NEWER)
    story.deadline("settled", bad)
    assert kept(story, "manifest-verified") == []


def settles(story: Story, wanted: Wanted, defect: str, *, bundle: bool = True, met: bool = True) -> None:
    """Something is published that must not change anything, and does."""
    publication = story.publish(wanted, defect=defect)
    story.retrieves(publication, bundle=bundle)
    story.deadline("settled", publication, met=met)
    story.look(*([OTHER] if len(story.events) % 2 else [NEWER]))


def test_swollen_bundle_changes_nothing_between_two_looks() -> None:
    """It was fetched between them, the agent has settled, and it is the bundle that is swollen."""
    story = begun()
    settles(story, GOOD, "bundle-swollen")
    settles(story, GOOD, "bundle-swollen", met=False)
    settles(story, GOOD, "bundle-surplus")
    settles(story, NEWER, "bundle-swollen", bundle=False)
    story.publish(OTHER)
    settles(story, GOOD, "bundle-swollen")
    last = story.publish(GOOD, defect="bundle-swollen")
    story.retrieves(last, bundle=True)
    story.deadline("settled", last)
    assert kept(story, "swollen-bundle-survived") == []


def test_other_place_may_be_called() -> None:
    """It is not named in the manifest; before that it may be called, too."""
    decoy = "https://127.0.0.1:9"
    story = begun()
    story.connects("decoy", "refused", failure=decoy)
    publication = story.publish(GOOD, OTHER, defect="foreign-url", authority=decoy)
    story.retrieves(publication)
    story.connects("decoy", "refused", failure="https://127.0.0.1:8")
    story.deadline("settled", publication)
    assert kept(story, "foreign-url-not-called") == [True]


def test_stand_is_told_for_each_older_manifest_that_was_served() -> None:
    """One that was not hides none."""
    story = begun()
    story.adopts(GOOD)
    for served in (False, True):
        lower = story.publish(GOOD, defect="version-lower")
        if served:
            story.retrieves(lower)
        story.deadline("stand-reported", lower, met=False)
    assert kept(story, "version-refusal-reported") == [False]
