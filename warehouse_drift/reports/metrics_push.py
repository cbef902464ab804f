"""The metrics of ``reports.prometheus``, pushed: to a Pushgateway, or by OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from warehouse_drift.errors import DriftError, UsageError
from warehouse_drift.reports.prometheus import METRICS, Sample, filled

SECONDS = 10.0
"""A receiver that does not answer for this long has not taken them."""


def push(found: Sequence[Sample], url: str, job: str, project: str) -> None:
    """Replaces the group (job, project) at a Pushgateway. A user and password in the URL are used and never shown.

    Raises:
        DriftError: when the gateway does not take them.
        UsageError: when prometheus-client is not installed.
    """
    registry = filled(found)
    from prometheus_client import push_to_gateway
    from prometheus_client.exposition import basic_auth_handler, default_handler

    parts = urlsplit(url if "://" in url else f"http://{url}")
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def handler(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Any:
        if parts.username is None:
            return default_handler(url, method, timeout, headers, data)
        user, password = unquote(parts.username), unquote(parts.password or "")
        return basic_auth_handler(url, method, timeout, headers, data, user, password)

    try:
        push_to_gateway(plain, job=job, registry=registry, grouping_key={"project": project}, timeout=SECONDS, handler=handler)
    except OSError as error:
        raise DriftError(
            f"The Pushgateway at {parts.hostname} did not take the metrics: {error}.", hint="Check --pushgateway."
        ) from error


def send_otlp(found: Sequence[Sample], url: str) -> None:
    """Sends the gauges by OTLP over HTTP (protobuf), once. Headers come from OTEL_EXPORTER_OTLP_HEADERS.

    Raises:
        UsageError: without the extra ``otlp``.
        DriftError: when the receiver does not take them.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.metrics import CallbackOptions, Observation
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise UsageError(
            "--otlp needs opentelemetry-exporter-otlp-proto-http.", hint="Run: pip install 'warehouse-drift[otlp]'"
        ) from error
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource.create({"service.name": "warehouse-drift"}), shutdown_on_exit=False)
    meter = provider.get_meter("warehouse_drift")
    for name, (words, labels) in METRICS.items():

        def observe(_: CallbackOptions, name: str = name, labels: tuple[str, ...] = labels) -> list[Observation]:
            return [Observation(s.value, dict(zip(labels, s.labels, strict=True))) for s in found if s.name == name]

        meter.create_observable_gauge(name, [observe], description=words)
    data = reader.get_metrics_data()
    exporter = OTLPMetricExporter(endpoint=url, timeout=SECONDS)
    try:
        done = data is None or exporter.export(data) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown()
        provider.shutdown()
    if not done:
        raise DriftError(
            f"The OTLP receiver at {urlsplit(url).hostname} did not take the metrics.",
            hint="Check --otlp: it is the full address, as http://host:4318/v1/metrics.",
        )
