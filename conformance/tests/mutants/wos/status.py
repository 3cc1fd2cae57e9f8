"""Sins of a WOS around status."""

from typing import Any

from mutants.catalogue import WOS, Patch
from wos_reference.wos import problem
from wos_reference.wos.fleet import Fleet


@WOS.against("status.unknown-deployment-404")
def stumbles_over_unknown_deployments(patch: Patch) -> None:
    """A report about a deployment that never was ends in a server error (D16)."""
    keep = Fleet.keep_status

    def stumbling(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        if (first := keep(self, client, deployment_id, report)) is None:
            raise problem.Refusal(problem.transient_problem(500))
        return first

    patch(Fleet, "keep_status", stumbling)


@WOS.against("status.newest-visible")
def shows_the_first_report_for_ever(patch: Patch) -> None:
    """Accepts later reports and throws them away."""
    keep = Fleet.keep_status

    def once(self: Fleet, client: str, deployment_id: str, report: Any) -> bool | None:
        for entry in self.view(client)["deployments"]:
            if entry["deploymentId"] == deployment_id and entry["status"] is not None:
                return False
        return keep(self, client, deployment_id, report)

    patch(Fleet, "keep_status", once)
