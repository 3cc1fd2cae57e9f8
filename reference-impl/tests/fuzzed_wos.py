"""What a request can name in a WOS that is fuzzed, and who bears what takes that away.

Whoever is retired is answered 403 from then on, so that each verb which ends something is aimed at a client of its own.
"""

from typing import Any

from visited_wos import Client, Wos

ENDING = ("retire", "withdraw", "set_version", "fault")
COMPONENTS = ("mixer", "pump")
"""What reports name; the application has only the first one."""


class Ground:
    """One client that asks, with two devices and a deployment, and one for each verb that ends something."""

    def __init__(self, wos: Wos) -> None:
        self._wos = wos
        self.client = Client(wos, "fuzzed")
        self._spare_device = f"{self.client.device_id}-spare"
        self._ending = {verb: Client(wos, f"fuzzed-by-{verb}") for verb in ENDING}
        for client in self._ending.values():
            client.announce()
        self.client.announce()
        self.deployment = self.client.assign()
        self.restore()

    def restore(self) -> None:
        """Everything is there that was there before."""
        self._wos.do("admit", spiffeId=self._ending["retire"].spiffe_id)
        if not self._ending["withdraw"].manifest()["deployments"]:
            self._withdrawn = self._ending["withdraw"].assign()
        self.code = self._wos.do("admit", spiffeId=f"{self.client.spiffe_id}-enrolled")["enrolmentCode"]
        for device_id in (self.client.device_id, self._spare_device):
            self.client.announce(device_id)
        manifest = self.client.manifest()
        self._bundle = manifest["bundle"]["digest"]
        self._documents = {entry["deploymentId"]: entry["digest"] for entry in manifest["deployments"]}

    def aim(self, operation: str, case: Any, *, is_valid: bool) -> None:
        """Name what is there; what lies deeper in a body can be named only where it has the right form."""
        named, body = case.path_parameters or {}, case.body if isinstance(case.body, dict) else {}
        there = self._there(operation)
        for place in (named, body):
            place.update({name: there[name] for name in there.keys() & place.keys()})
        if isinstance(body.get("properties"), dict):
            body["properties"]["id"] = named["deviceId"]
        if is_valid:
            _aim_within(body)

    def _there(self, operation: str) -> dict[str, str]:
        client = self._ending.get(operation, self.client)
        there = {
            "deploymentId": self._withdrawn if operation == "withdraw" else self.deployment,
            "spiffeId": client.spiffe_id,
            "deviceId": self._spare_device if operation == "withdrawCapabilities" else client.device_id,
            "digest": self._bundle if operation == "getBundle" else self._documents[self.deployment],
        }
        if operation == "announceCapabilities":  # under any id, so that the device that is there stays as it is
            del there["deviceId"]
        return there


def _aim_within(body: dict[str, Any]) -> None:
    for component, name in zip(body.get("components", []), COMPONENTS, strict=False):
        component["name"] = name
    if "application" in body and "profileId" in body:
        body["profileId"] = body["application"]["deploymentProfiles"][0]["id"]
