"""The reports of an agent, and which deployments a publication changes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wos_conformance.history import ExchangeView, Publication
from wos_conformance.judges.device import Device
from wos_conformance.specification import Specification


@dataclass(frozen=True)
class Report:
    """A status report that is valid, with the exchange that brought it."""

    view: ExchangeView
    value: dict[str, Any]

    @property
    def deployment_id(self) -> str:
        """Which deployment it is about."""
        return str(self.value["deploymentId"])

    @property
    def state(self) -> str:
        """The state of the deployment."""
        return str(self.value["status"]["state"])

    @property
    def code(self) -> str:
        """The code of the error of the deployment; empty when there is none."""
        error = self.value["status"].get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""

    @property
    def version(self) -> int:
        """`adoptedManifestVersion`."""
        return int(self.value["adoptedManifestVersion"])


@lru_cache(maxsize=256)
def reports(device: Device) -> list[Report]:
    """The valid reports of an agent, in order of arrival."""
    found = []
    for view in device.asked("status"):
        try:
            value = view.request_json()
        except ValueError:
            continue
        if Specification.load().is_valid("deployment-status", value):
            found.append(Report(view, value))
    return found


@lru_cache(maxsize=256)
def reports_about(device: Device) -> dict[str, list[Report]]:
    """The valid reports of an agent by deployment, each in order of arrival."""
    found: dict[str, list[Report]] = {}
    for report in reports(device):
        found.setdefault(report.deployment_id, []).append(report)
    return found


def changed(publication: Publication, before: Publication | None) -> set[str]:
    """The deployments that are new in a publication, or have another document than before."""
    known = before.documents if before else {}
    return {
        name
        for name, document in publication.documents.items()
        if name not in known or known[name].digest != document.digest
    }
