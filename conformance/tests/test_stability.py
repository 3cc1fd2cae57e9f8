"""What `make stability` makes of its runs: one verdict for all seeds, or a flip with the seeds of each."""

from stability import CUT, Run, _result


def run(seed: int, **verdicts: str) -> Run:
    """A run with these verdicts."""
    return Run("wos", seed, verdicts, resets=2, repeats=1, seconds=1.0)


def test_same_verdicts_are_stable() -> None:
    """Whatever they are."""
    result = _result("wos", [run(seed, one="passed", other="not-tested") for seed in (1, 2, 3)])
    assert result["flips"] == {}
    assert result["flipRate"] == 0
    assert result["requirements"] == {"one": {"passed": 3}, "other": {"not-tested": 3}}
    assert (result["resets"], result["repeated"]) == (6, 3)


def test_flip_is_told_with_its_seeds() -> None:
    """Not tested and passed are two verdicts, too."""
    result = _result("wos", [run(1, one="passed", other="passed"), run(2, one="passed", other="not-tested")])
    assert result["flips"] == {"other": {"rate": 0.5, "seeds": {"passed": [1], "not-tested": [2]}}}
    assert result["flipRate"] == 0.5


def test_run_without_a_verdict_is_a_flip() -> None:
    """A run that was cut agrees with nobody."""
    result = _result("wos", [run(1, one="passed"), run(2)])
    assert result["flips"]["one"]["seeds"] == {"passed": [1], CUT: [2]}


def test_nothing_is_not_stable() -> None:
    """Runs that all broke off prove nothing."""
    assert _result("wos", [run(1), run(2)])["flipRate"] == 1
