"""What an agent runs of a document, and what it refuses (deployment.md)."""

from collections.abc import Callable, Iterator

from wos_conformance.history import Control, Deadline, History, Publication
from wos_conformance.judges.device import (
    Device,
    Running,
    Workload,
    deadlines,
    observed,
    same_parameters,
    workloads_of,
)
from wos_conformance.judges.judgement import Judgement, Occasions, broken, judge, kept

Judge = Callable[[History], Iterator[Judgement]]


def adopted(history: History) -> Iterator[tuple[Device, Deadline, Publication, Control]]:
    """Publications that were to be adopted and were retrieved, with the look after the wait."""
    for device, deadline, publication in deadlines(history, "adopted"):
        look = device.look_after(deadline.seq)
        if look is not None and publication.defect is None and device.was_served(publication, look.started):
            yield device, deadline, publication, look


def running_revisions(history: History) -> Iterator[tuple[Publication, Control, Workload, Workload]]:
    """Components that run in the revision that was published, with the look: as they should be, and as they are."""
    for _, _, publication, look in adopted(history):
        seen = observed(look)
        for key, expected in workloads_of(history, publication).items():
            if (found := seen.get(key)) == expected:
                yield publication, look, expected, found


def not_run(reason: str) -> Judge:
    """The judge of a deployment that cannot run for this reason: nothing of its new revision runs."""

    def hopeless_deployment_does_not_run(history: History) -> Occasions:
        """Nothing of it runs, while the device is alive."""
        for device, _, publication, look in adopted(history):
            running = observed(look)
            for name in sorted(n for n, why in publication.hopeless.items() if why == reason):
                before = device.good_before(publication.seq)
                if before is not None and name in before.documents:
                    continue
                found = [str(workload) for key, workload in running.items() if key[0] == name]
                did = f"published version {publication.version} with a deployment that must not run ({reason})"
                if found:
                    yield broken(look, did=did, expected=f"nothing of {name} runs", received=f"{found} run")
                elif others_run(history, publication, running) and device.polled_after(publication.seq):
                    yield kept(look)

    return hopeless_deployment_does_not_run


def others_run(history: History, publication: Publication, running: Running) -> bool:
    """Whether everything else of it runs: the twins, which show that it was adopted."""
    others = workloads_of(history, publication)
    return bool(others) and all(workload.same(running.get(key)) for key, workload in others.items())


judge("deployment.ambiguous-yaml-refused")(not_run("ambiguous-yaml"))
judge("deployment.ineligible-not-run")(not_run("ineligible"))


@judge("deployment.parameters-applied")
def parameters_reach_their_targets(history: History) -> Occasions:
    """Each component shows exactly the values that name it, at their pointers."""
    for publication, look, expected, found in running_revisions(history):
        if expected.parameters:
            yield parameters_compared(publication, look, expected, found)


def parameters_compared(publication: Publication, look: Control, expected: Workload, found: Workload) -> Judgement:
    """Whether a component shows the values that it should."""
    if same_parameters(expected.parameters, found.parameters):
        return kept(look)
    did = f"published version {publication.version} with parameters for {expected}"
    return broken(look, did=did, expected=f"{expected.parameters}", received=f"{found.parameters}")
