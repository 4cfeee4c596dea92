"""Values under the names of the catalogue, as the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from types import MappingProxyType
from typing import TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from vectormigrate.model.measure import Histogram

from .catalogue import BY_NAME

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Write: TypeAlias = Callable[[CollectorRegistry], bytes]
_KINDS: dict[str, type[Family]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class Families(Collector):
    """One look at the daemon: fill it, then `text`."""

    def __init__(self, places: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> None:
        """`places`: collection and partition of each migration, which stand behind its id among the labels."""
        self._places = places
        self._families: dict[str, Family] = {}

    def add(self, name: str, value: float | None, *labels: str) -> None:
        """A number, with the values of its labels in the order of the catalogue, collection and partition aside; None is left out."""
        if value is not None:
            family, placed = self._family(name, labels)
            assert not isinstance(family, HistogramMetricFamily)
            family.add_metric(placed, value)

    def histogram(self, name: str, seen: Histogram, *labels: str) -> None:
        """The values of something that was observed."""
        buckets = [
            _bucket(bound, count, seen.exemplars.get(at))
            for at, (bound, count) in enumerate(seen.cumulative())
        ]
        family, placed = self._family(name, labels)
        assert isinstance(family, HistogramMetricFamily)
        family.add_metric(placed, buckets, sum_value=seen.sum)

    def one_of(self, name: str, chosen: str, all_of: Iterable[str], *labels: str) -> None:
        """1 for the state that something is in and 0 for the others, the state being the last label."""
        for state in all_of:
            self.add(name, float(state == chosen), *labels, state)

    def _family(self, name: str, labels: tuple[str, ...]) -> tuple[Family, tuple[str, ...]]:
        metric = BY_NAME[name]
        if metric.labels[:1] == ("migration",):
            labels = (labels[0], *self._places.get(labels[0], ("", "")), *labels[1:])
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name} has {len(metric.labels)} labels, not {len(labels)}")
        family = self._families.get(name)
        if family is None:
            make = _KINDS[metric.kind]
            family = self._families[name] = make(metric.full_name, metric.help, labels=metric.labels)
        return family, labels

    def collect(self) -> Iterator[Family]:
        """`Collector.collect`, in the order of the catalogue."""
        yield from (self._families[name] for name in BY_NAME if name in self._families)

    def text(self, write: Write = generate_latest) -> bytes:
        """The exposition, in the text format 0.0.4 or another."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return write(registry)


def _bucket(
    bound: float, count: int, example: tuple[str, float] | None
) -> tuple[str, float] | tuple[str, float, Exemplar]:
    """`example` is a trace and the value that it had."""
    name = "+Inf" if bound == inf else str(bound)
    if example is None:
        return name, count
    trace, value = example
    return name, count, Exemplar({"trace_id": trace}, value)
