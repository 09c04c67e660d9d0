"""Figures for Prometheus. Each gateway has a registry of its own, so that several can live in one process."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
NEVER: Final = -1
"""Age of what never happened."""


class Metrics:
    """One gateway's figures. Gauges are set when somebody asks for them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made = Counter(
            "chanrong_packages_made_total", "Packages made and anchored.", registry=self._registry
        )
        self._failed = Counter(
            "chanrong_packages_failed_total",
            "Packages not made, by reason.",
            ["reason"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "chanrong_package_seconds",
            "From the request to the anchored package.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._gauges: dict[str, Gauge] = {}
        self._job_ages = Gauge(
            "chanrong_job_last_success_age_seconds",
            f"Seconds since a reconciliation job last ended well; {NEVER} when it never did.",
            ["job"],
            registry=self._registry,
        )

    def package_made(self, seconds: float) -> None:
        """One package was made and anchored."""
        self._made.inc()
        self._seconds.observe(seconds)

    def package_failed(self, reason: str) -> None:
        """One package was not made."""
        self._failed.labels(reason).inc()

    def job_age(self, job: str, age_s: int | None) -> None:
        """Seconds since a job last ended well."""
        self._job_ages.labels(job).set(NEVER if age_s is None else age_s)

    def gauge(self, name: str, text: str, value: float) -> None:
        """Sets a gauge, made at its first use.

        :param name: without the prefix ``chanrong_``
        """
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"chanrong_{name}", text, registry=self._registry)
        self._gauges[name].set(value)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self._registry)
