"""What ran before something that must not change it, and after: the shape of all rules that end in "keeps running"."""

from bisect import bisect_left

from wos_conformance.history import Control
from wos_conformance.judges.device import Device, difference, observed
from wos_conformance.judges.judgement import Occasions, broken, kept


def keeps_running(device: Device, begin: int, end: int, did: str) -> Occasions:
    """Compare the looks around the events from `begin` to `end`; with a publication between them nothing is said."""
    looks = _around(device, begin, end)
    if looks is None or not device.polled_after(begin):
        return
    before, after = looks
    differs = difference(observed(before), observed(after))
    if differs is None:
        yield kept(after)
    else:
        yield broken(after, did=did, expected="what ran before, unchanged", received=differs)


def _around(device: Device, begin: int, end: int) -> tuple[Control, Control] | None:
    seqs = [look.seq for look in device.looks]
    first, second = bisect_left(seqs, begin) - 1, bisect_left(seqs, end)
    if first < 0 or second == len(seqs) or not observed(device.looks[first]):
        return None
    before, after = device.looks[first], device.looks[second]
    if any(before.seq < publication.seq < after.seq for publication in device.publications):
        return None
    return before, after
