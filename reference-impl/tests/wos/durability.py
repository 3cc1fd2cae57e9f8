"""A WOS is killed again and again under load (`make durability`): whatever it has answered is still so.

Each of a few clients does one thing after another and writes down what was answered.
The process ends without warning at a random moment and is started again; then each client sends once more what was in
flight, with the same `requestId`, and compares everything that it knows with what the WOS knows.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from visited_wos import MANIFEST, Client, Wos, digest_of

KILLS = 20 if os.environ.get("CI") == "true" else 200
CLIENTS = 3
LONGEST_LIFE = 0.4
SEED = int(os.environ.get("DURABILITY_SEED", "4711"))


class Witness:
    """One client, what it did, and what it was answered."""

    def __init__(self, client: Client, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.deployments: dict[str, int] = {}
        """The rate that each deployment has."""
        self.reports: dict[str, str] = {}
        self.versions: dict[int, bytes] = {}
        self.in_flight: Callable[[], None] = lambda: None
        self.answered = 0

    def work(self) -> None:
        """Go on until nobody answers."""
        try:
            while True:
                self.in_flight = self._choose()
                self.in_flight()
                self.answered += 1
                self.look()
        except httpx.TransportError:
            return

    def _choose(self) -> Callable[[], None]:
        request = {"requestId": str(uuid4())}
        rate = self.random.randrange(10**6)
        if not self.deployments or (len(self.deployments) < 4 and self.random.random() < 0.4):
            return lambda: self._assign(rate, request)
        deployment = self.random.choice(sorted(self.deployments))
        choices = [self._update, self._withdraw, self._report]
        act = self.random.choices(choices, weights=[3, 1, 3])[0]
        return lambda: act(deployment, rate, request)

    def _assign(self, rate: int, request: dict[str, str]) -> None:
        self.deployments[self.client.assign(parameters={"rate": rate}, **request)] = rate

    def _update(self, deployment: str, rate: int, request: dict[str, str]) -> None:
        self.client.wos.do("update", deploymentId=deployment, parameters={"rate": rate}, **request)
        self.deployments[deployment] = rate

    def _withdraw(self, deployment: str, _: int, request: dict[str, str]) -> None:
        self.client.wos.do("withdraw", deploymentId=deployment, **request)
        self.deployments.pop(deployment, None)

    def _report(self, deployment: str, rate: int, _: dict[str, str]) -> None:
        state = ("pending", "installing", "installed", "failed")[rate % 4]
        answer = self.client.report(deployment, state)
        assert answer.status_code in (200, 201), answer.text
        self.reports[deployment] = state

    def look(self) -> dict[str, Any]:
        """The manifest: no version goes back or has two contents."""
        answer = self.client.http.get(MANIFEST)
        assert answer.headers["etag"] == f'"{digest_of(answer.content)}"'
        manifest: dict[str, Any] = answer.json()
        version = manifest["manifestVersion"]
        assert version >= max(self.versions, default=1)
        assert self.versions.setdefault(version, answer.content) == answer.content
        return manifest

    def compare(self) -> None:
        """Send what was in flight again; then the WOS knows exactly what the client knows."""
        self.client.http.close()
        self.client.reconnect()
        self.in_flight()
        manifest = self.look()
        served = {entry["deploymentId"]: self._document(entry) for entry in manifest["deployments"]}
        rates = {name: document["spec"]["parameters"]["rate"]["value"] for name, document in served.items()}
        assert rates == self.deployments
        shown = self.client.wos.do("view", spiffeId=self.client.spiffe_id)
        assert [device["deviceId"] for device in shown["devices"]] == [self.client.device_id]
        told = {d["deploymentId"]: d["status"]["status"]["state"] for d in shown["deployments"] if d["status"]}
        assert told == self.reports

    def _document(self, entry: dict[str, Any]) -> dict[str, Any]:
        content = self.client.http.get(entry["url"]).content
        assert digest_of(content) == entry["digest"]
        return dict(yaml.safe_load(content))


@pytest.mark.timeout(1800)
def test_nothing_that_was_answered_is_ever_lost(own_wos: Wos, client_of: Callable[..., Client]) -> None:
    """However often, and whenever, the process ends."""
    moments = random.Random(SEED)
    witnesses = [Witness(client_of(own_wos, f"client{n}"), SEED + n) for n in range(CLIENTS)]
    for _ in range(KILLS):
        workers = [threading.Thread(target=witness.work) for witness in witnesses]
        for worker in workers:
            worker.start()
        time.sleep(moments.uniform(0, LONGEST_LIFE))
        own_wos.kill()
        for worker in workers:
            worker.join()
        own_wos.start()
        for witness in witnesses:
            witness.compare()
    answered = sum(witness.answered for witness in witnesses)
    assert answered > KILLS, "there was hardly any load"
    print(f"{KILLS} kills, {answered} answered changes, none lost; seed {SEED}")
