"""The optional features: who can claim one, and that the rules which belong to it bind nobody else."""

import pytest
import yaml
from version import CHAPTERS, FOLDER, INDEX, SENTENCES

FEATURES = yaml.safe_load((FOLDER / "features.yaml").read_bytes())


@pytest.mark.parametrize("name", FEATURES)
def test_feature_says_what_it_is_and_who_can_claim_it(name: str) -> None:
    """In one sentence."""
    feature = FEATURES[name]
    assert feature.keys() == {"roles", "description"}
    assert feature["roles"]
    assert set(feature["roles"]) <= {"wos", "agent"}
    assert feature["description"].endswith(".")
    assert ". " not in feature["description"]


@pytest.mark.parametrize("name", FEATURES)
def test_feature_has_rules_for_whoever_can_claim_it(name: str) -> None:
    """A claim that nothing stands behind is worth nothing."""
    assert {row["role"] for row in INDEX.values() if row.get("feature") == name} == set(FEATURES[name]["roles"])


@pytest.mark.parametrize("name", FEATURES)
def test_feature_is_named_in_a_chapter(name: str) -> None:
    """Where its rules are."""
    assert any(f"feature `{name}`" in text.lower() for text in CHAPTERS.values())


@pytest.mark.parametrize("name", [name for name in INDEX if " have an identity service that " in SENTENCES[name]])
def test_rule_for_an_identity_service_belongs_to_a_feature(name: str) -> None:
    """A WOS without one has nothing to do with it."""
    assert INDEX[name]["role"] == "wos"
    assert INDEX[name]["feature"] in {"enrolment", "trust-discovery"}
