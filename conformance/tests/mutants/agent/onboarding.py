"""Sins of an agent around onboarding."""

from typing import Any

from mutants.catalogue import AGENT, Patch
from wos_reference.agent import supervisor
from wos_reference.agent.ledger import Ledger


@AGENT.against("onboarding.release-forgets")
def takes_its_past_along(patch: Patch) -> None:
    """Forgets nothing when it is released."""
    patch(Ledger, "release", lambda self: None)


@AGENT.against("onboarding.release-keeps-running")
def stops_everything_when_it_is_released(patch: Patch) -> None:
    """Removes its workloads before it knows what its next WOS wants."""
    release = supervisor.Supervisor.release

    def stop(self: supervisor.Supervisor, content: dict[str, Any]) -> dict[str, Any]:
        answer = release(self, content)
        for workload in self._running(state := supervisor.state_name(content)):
            self._runtime(state).remove(workload.deployment_id)
        return answer

    patch(supervisor.Supervisor, "release", stop)
