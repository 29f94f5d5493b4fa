"""Metrics for Prometheus: the publisher's own, and the present values of Kamailio's counters."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.settings import Settings, parse_address

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """Served over HTTP at VFAX_METRICS_LISTEN, when that is set."""

    def __init__(self, settings: Settings, rpc: KamailioRpc) -> None:
        registry = CollectorRegistry()
        self.connected = Gauge(
            "vfax_publisher_connected", "1 while PostgreSQL is followed", registry=registry
        )
        self._version = Gauge(
            "vfax_routes_version", "Version of the routing tables in force", registry=registry
        )
        self._refused = Gauge(
            "vfax_routes_refused", "Rejected rows, whose entries stay unchanged", registry=registry
        )
        self._seconds = Histogram(
            "vfax_publish_seconds", "From reading a change to its publication",
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        registry.register(_Kamailio(rpc))
        if settings.metrics_listen:
            address, port = parse_address(settings.metrics_listen)
            start_http_server(port, address, registry)

    def published(self, version: int, seconds: float, refused: Mapping[str, str]) -> None:
        """Record a publication."""
        self._version.set(version)
        self._refused.set(len(refused))
        self._seconds.observe(seconds)


class _Kamailio:
    """Reads Kamailio's counters at each scrape."""

    def __init__(self, rpc: KamailioRpc) -> None:
        self._rpc = rpc

    def describe(self) -> list[Metric]:
        """Return nothing: the metrics are known at the scrape alone."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the counters of the routing, and the state of every destination."""
        up = GaugeMetricFamily("vfax_kamailio_up", "1 while Kamailio answers its RPC")
        try:
            counts = self._rpc.table("counts")
            destinations = self._rpc.destinations()
        except (OSError, RuntimeError):
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        calls = CounterMetricFamily("vfax_calls", "Decisions on calls", labels=["kind"])
        took = CounterMetricFamily(
            "vfax_decisions_within", "Decisions by duration", labels=["microseconds"]
        )
        for name, value in counts.items():
            kind, _, bound = name.partition(":us:")
            if bound:
                took.add_metric([bound], float(value))
            else:
                calls.add_metric([kind], float(value))
        yield calls
        yield took
        servers = GaugeMetricFamily(
            "vfax_server_active", "1 when the dispatcher uses a server", labels=["set", "uri"]
        )
        for set_id, uri, flags in destinations:
            servers.add_metric([str(set_id), uri], float(flags.startswith("A")))
        yield servers
