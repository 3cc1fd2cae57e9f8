"""What an agent remembers across a power cut (desired-state.md, "What an agent remembers")."""

from wos_conformance.history import Deadline, History
from wos_conformance.judges.desired_state.agent import compared, was_adopted
from wos_conformance.judges.desired_state.refusal import settled
from wos_conformance.judges.device import devices, workloads_of
from wos_conformance.judges.judgement import Occasions, judge


@judge("desired-state.version-survives-power-cut")
def version_survives_a_power_cut(history: History) -> Occasions:
    """After a power cut, older manifests are still refused."""
    for device, publication, look, expected in settled(history, "version-lower", "version-equal"):
        good = device.good_before(publication.seq)
        if good is None or not any(good.seq < cut.seq < publication.seq for cut in device.cuts):
            continue
        told = f"cut the power, then published version {publication.version} ({publication.defect})"
        yield compared(look, expected, told)


@judge("desired-state.workloads-survive-power-cut")
def workloads_survive_a_power_cut(history: History) -> Occasions:
    """After a power cut, what was adopted runs again."""
    for device in devices(history):
        starts = {start.seq for start in device.starts}
        for deadline in history.of(Deadline):
            if deadline.what != "recovered" or deadline.subject not in starts:
                continue
            look, good = device.look_after(deadline.seq), device.good_before(deadline.subject)
            if look is None or good is None or not was_adopted(history, good):
                continue
            if any(deadline.subject < poll.seq < look.seq for poll in device.asked("manifest")):
                told = f"cut the power, started the agent, waited {deadline.bound:.1f} s"
                yield compared(look, workloads_of(history, good), told)
