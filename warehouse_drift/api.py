"""The verbs, shared by the command line and by Python users. They wire the stages and hold no logic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from warehouse_drift.config.resolved import Threshold
from warehouse_drift.decisions.decide import Rules, decide
from warehouse_drift.decisions.library import Library, dataset_decision
from warehouse_drift.decisions.library import library as load_library
from warehouse_drift.decisions.model import Decision, Summary, Verdict
from warehouse_drift.decisions.ranking import by_alerts
from warehouse_drift.decisions.rows import decision_row, summary_from
from warehouse_drift.decisions.sentences import REASONS
from warehouse_drift.decisions.thresholds import preset as load_preset
from warehouse_drift.errors import UsageError
from warehouse_drift.grid.edges import Binning
from warehouse_drift.pipeline.compare import compare as run_compare
from warehouse_drift.pipeline.library import Chunks, Judged, LibraryComparison, compare_as
from warehouse_drift.pipeline.multivariate import measure_together
from warehouse_drift.pipeline.performance import Model, measure_model
from warehouse_drift.pipeline.sides import ComparedColumn
from warehouse_drift.pipeline.streams import Detections
from warehouse_drift.pipeline.streams import detect as run_detector
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Stats

if TYPE_CHECKING:
    from warehouse_drift.verbs_check import CheckResult, check
    from warehouse_drift.verbs_init import InitResult, init
    from warehouse_drift.verbs_state import (
        MigrateResult,
        StatusResult,
        ddl,
        grants,
        migrate,
        status,
        vacuum,
        vacuum_rows,
    )

__all__ = [
    "CheckResult", "CompareResult", "InitResult", "MigrateResult", "Model", "StatusResult", "check", "compare", "ddl", "detect", "grants", "init", "migrate", "status", "vacuum",
    "vacuum_rows",
]  # fmt: skip

TABLE = ":table"
_ELSEWHERE = {
    "CheckResult": "verbs_check", "check": "verbs_check", "InitResult": "verbs_init", "init": "verbs_init",
    "MigrateResult": "verbs_state", "StatusResult": "verbs_state", "ddl": "verbs_state", "grants": "verbs_state",
    "migrate": "verbs_state", "status": "verbs_state", "vacuum": "verbs_state", "vacuum_rows": "verbs_state",
}  # fmt: skip
"""Verbs that need a configuration are imported when they are asked for: ``compare`` starts a fifth of a second earlier."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"warehouse_drift.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True, slots=True)
class CompareResult:
    """``rows``: one dictionary per (column, statistic) with the fields of ``drift_history`` that apply."""

    rows: tuple[dict[str, Any], ...]
    precision: str
    refined_rows: int
    statements: int
    rows_fetched: int
    seconds: dict[str, float] = field(default_factory=dict)
    reference_rows: tuple[dict[str, Any], ...] = ()
    """rows of the reference's own chunks, for presets that have them"""

    @property
    def worst(self) -> str:
        """``alert``, ``warn``, ``ok``, or ``none`` when nothing was decided."""
        found = {r["decision"] for r in self.rows}
        return next((v for v in ("alert", "warn", "ok") if v in found), "none")

    @property
    def ranking(self) -> list[dict[str, Any]]:
        """Columns by the number of alerts in chunks of both sides, for presets that have them."""
        chunks = [r for r in (*self.reference_rows, *self.rows) if r.get("chunk") is not None]
        return by_alerts([r for r in chunks if r["column_name"] != TABLE and r["role"] == "feature"])


def compare(
    url: str,
    reference: str,
    current: str,
    *,
    columns: Sequence[str] | None = None,
    statistics: Sequence[str] | None = None,
    preset: str = "psi_classic",
    precision: str = "certified",
    connect_args: Mapping[str, Any] | None = None,
    binning: Binning | None = None,
    zero_shares: str = "default",
    chunks: Chunks | None = None,
    model: Model | None = None,
    together: bool = False,
) -> CompareResult:
    """Compares two relations in one warehouse, read-only, and writes nothing.

    Args:
        url: SQLAlchemy URL, for example ``duckdb:///shop.duckdb``.
        reference, current: table names, or SELECTs in parentheses.
        columns: only these; default all that both have.
        statistics: only these; default the cheap ones (docs/statistics lists all).
        binning: named choice of bins of the binned statistics; default ``quantile``.
        zero_shares: what replaces a share of zero in psi and kl_divergence: default, evidently, laplace or none.
        precision: ``certified`` (intervals that surely hold the true value) or ``exact`` (a second scan closes them).
        chunks: how a preset that cuts rows into chunks (nannyml) does it.
        model: columns of a model, whose performance is measured too (and estimated, where labels are not there yet).
        together: columns are judged together too, by the reconstruction error (presets with chunks only).
        connect_args: what the driver wants beyond the URL (a client object, a protocol, a certificate).

    Raises:
        DriftError: with one sentence, for anything a user can cause.
    """
    if precision not in ("certified", "exact"):
        raise UsageError(f"precision is certified or exact, not {precision!r}.")
    owner = load_library(preset)
    if owner is not None:
        with open_warehouse(url, read_only=True, connect_args=dict(connect_args or {})) as warehouse:
            found = compare_as(
                warehouse, reference, current, owner, columns=columns, statistics=statistics, chunks=chunks
            )
            told = measure_model(warehouse, reference, current, model, owner=owner, chunks=chunks) if model else ([], [])
            if together:
                both = measure_together(warehouse, reference, current, owner, columns=columns, chunks=chunks)
                told = ([*both[0], *told[0]], [*both[1], *told[1]])
            return _as_library(found, owner, warehouse.stats, told)
    if together:
        raise UsageError("Columns are judged together in chunks only.", hint="Use --preset nannyml.")
    limits = load_preset(preset)
    warn = limits.get("numeric", {}).get("psi", (0.1, 0.25))[0]
    with open_warehouse(url, read_only=True, connect_args=dict(connect_args or {})) as warehouse:
        result = run_compare(
            warehouse, reference, current, columns=columns, statistics=statistics, precision=precision, warn=warn,
            binning=binning, zero_shares=zero_shares,
        )  # fmt: skip
        told = measure_model(warehouse, reference, current, model) if model else ([], [])
        stats = warehouse.stats
    summaries = [
        summary_from(r, column_name=r["column_name"], column_kind=r["column_kind"]) for r in result.rows
    ]
    wanted = {
        (c.name, name): Threshold(pair[0], pair[1], auto=False, source=f"preset {preset}")
        for c in result.columns
        for name, pair in limits.get(c.kind.value, {}).items()
    }
    decisions = decide(summaries, Rules(wanted))
    rules = {(r["column_name"], r["statistic"]): (r.get("binning"), r.get("zero_shares")) for r in result.rows}
    rows = [_with_values(_ruled(decision_row(d), rules), result.changed) for d in decisions] + [_problem(c) for c in result.columns if c.problem]
    order = {c.name: c.number for c in result.columns}
    rows.sort(key=lambda r: order[r["column_name"]])
    rows += [_judged_row(j) for j in told[0]]
    return CompareResult(
        _alike(rows), precision, result.refined.rows, stats.statements, stats.rows_fetched, dict(stats.seconds)
    )


def detect(
    url: str,
    relation: str,
    column: str,
    order_by: str,
    detector: str,
    *,
    connect_args: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Detections:
    """Where a detector of streams (ddm, eddm, hddm_a, hddm_w, page_hinkley, cusum, adwin) sees drift in a column of a
    table or SELECT in parentheses, row by row in the order of ``order_by``.

    Raises:
        DriftError: with one sentence, for anything a user can cause.
    """
    with open_warehouse(url, read_only=True, connect_args=dict(connect_args or {})) as warehouse:
        return run_detector(warehouse, relation, column, order_by, detector, parameters)


def _judged_row(j: Judged) -> dict[str, Any]:
    own = {"binning": j.binning, "zero_shares": j.zero_shares, "chunk": j.chunk, "period": j.period}
    made = decision_row(j.decision) | own | {"lower_threshold": j.lower_limit}
    made |= dict(zip(("sampling_error", "band_lower", "band_upper"), j.band, strict=True))
    return made if j.chunk is None else made | {"reason": f"Chunk {j.chunk}: {made['reason']}"}


def _as_library(
    found: LibraryComparison, owner: Library, stats: Stats, told: tuple[Sequence[Judged], Sequence[Judged]]
) -> CompareResult:
    """A library's decisions as rows; ``chunk`` and ``period`` say which rows they are about."""
    rows = [_judged_row(j) for j in found.judged]
    whole = dataset_decision(owner, [j.decision for j in found.judged])
    rows += [_problem(c) for c in found.columns if c.problem]
    if whole is not None:
        rows.append(_judged_row(Judged(whole, None, "current", None, None)))
    rows += [_judged_row(j) for j in told[0]]
    own = tuple(_judged_row(j) for j in (*found.own, *told[1]))
    return CompareResult(
        _alike(rows), "exact", 0, stats.statements, stats.rows_fetched, dict(stats.seconds), reference_rows=own
    )


def _alike(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """All rows with the same keys in the same order, as a table (CSV) needs them."""
    keys = dict.fromkeys(k for r in sorted(rows, key=len, reverse=True) for k in r)
    return tuple({k: r.get(k) for k in keys} for r in rows)


def _ruled(row: dict[str, Any], rules: Mapping[tuple[str, str], tuple[str | None, str | None]]) -> dict[str, Any]:
    """A row with the names of its bins and of its rule for shares of zero (None where it has no bins)."""
    binning, zero_shares = rules.get((row["column_name"], row["statistic"]), (None, None))
    return row | {"binning": binning, "zero_shares": zero_shares}


def _with_values(row: dict[str, Any], changed: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """``values``: what is new or gone, by name; the sentence names the first of them."""
    which = {"unseen_rate": "new", "vanished_rate": "vanished"}.get(row["statistic"])
    found = changed.get(row["column_name"], {}).get(which or "", [])
    if not found:
        return row | {"values": []}
    named = ", ".join(f"{v['value']} ({v['rows']:,})" for v in found[:3])
    more = "" if len(found) <= 3 else ", ..."
    word = "New" if which == "new" else "Gone"
    return row | {"values": found, "reason": f"{row['reason']} {word}: {named}{more}."}


def _problem(column: ComparedColumn) -> dict[str, Any]:
    """A column that cannot be compared is a decision too."""
    code = column.problem or "not_computable"
    verdict = Verdict.ALERT if code == "column_missing" else Verdict.NONE
    summary = Summary(
        "all", None, None, column.name, column.kind.value, "feature", "psi", None, None, None, 0, 0, reason_code=code
    )
    why = f"No number for {column.name}: {REASONS[code]}."
    return decision_row(Decision(summary, verdict, verdict, "exact", None, None, None, None, "not judged", code, why))
