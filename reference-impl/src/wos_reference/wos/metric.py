"""Figures for Prometheus: what was asked and answered, and how the fleet stands."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wos_reference.wos.fleet import Fleet
from wos_reference.wos.overview import figures

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The figures of one process; those of the fleet are read from the database when they are asked for."""

    def __init__(self, fleet: Fleet) -> None:
        self._registry = CollectorRegistry()
        labels = ["operation", "status"]
        self._requests = Counter("wos_requests", "Requests of agents", labels, registry=self._registry)
        self._seconds = Histogram("wos_request_seconds", "Time to answer", ["operation"], registry=self._registry)
        self._registry.register(_FleetCollector(fleet))
        self._of: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Add one request of an agent."""
        requests, took = self._of.get((operation, status)) or self._find(operation, status)
        requests.inc()
        took.observe(seconds)

    def _find(self, operation: str, status: int) -> tuple[Counter, Histogram]:
        """The figures of such a request; to find them costs more than to count."""
        found = self._requests.labels(operation, str(status)), self._seconds.labels(operation)
        return self._of.setdefault((operation, status), found)

    def text(self) -> bytes:
        """All figures in the exposition format."""
        return generate_latest(self._registry)


class _FleetCollector(Collector):
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is read from the database before somebody asks."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The fleet as it stands."""
        with self._fleet.look() as connection:
            fleet = figures(connection)
        yield GaugeMetricFamily("wos_clients", "Admitted clients", fleet.clients)
        yield GaugeMetricFamily("wos_devices", "Devices that are kept", fleet.devices)
        deployments = GaugeMetricFamily("wos_deployments", "Deployments by last reported state", labels=["state"])
        for state, number in sorted(fleet.states.items()):
            deployments.add_metric([state], number)
        yield deployments
        yield GaugeMetricFamily("wos_deployments_behind", "Deployments that are not what is wanted", fleet.behind)
