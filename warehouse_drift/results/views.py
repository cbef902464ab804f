"""The views of the result schema: order of creation, meaning, and the meaning of every column.

Names that begin with ``wd_v_`` are for this package; the others are the public contract. The SQL is in
``sql_templates/views/<name>.sql.j2``; a test compares its columns with the ones here, name by name and in order.
"""

from __future__ import annotations

from dataclasses import dataclass

from warehouse_drift.results.tables import BY_NAME as TABLE
from warehouse_drift.results.tables import COLUMNS


@dataclass(frozen=True, slots=True)
class View:
    """``columns``: (name, meaning) in order. ``public`` views are part of the contract with readers."""

    name: str
    doc: str
    columns: tuple[tuple[str, str], ...]
    public: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


def _of(table: str, *names: str) -> tuple[tuple[str, str], ...]:
    """Columns of a table with their meaning; all of them when none is named."""
    docs = {c.name: c.doc for c in TABLE[table].columns}
    return tuple((name, docs[name]) for name in names or docs)


def _published(table: str, doc: str, name: str = "") -> View:
    return View(name or table.replace("wd_", "wd_v_", 1), doc, _of(table), public=False)


_HISTORY = tuple((name, doc) for name, _, doc in COLUMNS)
_MEANING = dict(_HISTORY)
_RUN = (
    ("run_id", "the run"),
    ("project", "project of the configuration"),
    ("monitor", "name of the monitor"),
    ("started_at", "when it began (UTC)"),
    ("finished_at", "when it finished or failed (UTC); NULL while it runs, and if it was killed"),
)
_STATE = ("state", "running, finished, failed or abandoned")
_COUNTS = (
    ("units_profiled", "units (column, segment column, bucket) that it profiled"),
    ("rows_scanned", "rows of the source that it read"),
    ("decided", "decisions that it took"),
    ("undecided", "decisions 'none', each with a reason"),
    ("versions", "versions of the package, the engine and the dialect (JSON)"),
)
_GRAIN = ("project", "monitor", "comparison", "window_start", "window_end", "window_date", "baseline_version", "segment", "column_name", "statistic")
_GRAIN_COLUMNS = tuple((name, _MEANING[name]) for name in _GRAIN)

VIEWS: tuple[View, ...] = (
    View("wd_v_runs", "What became of every run.", (*_RUN, ("last_event_at", "its newest sign of life (UTC)"), _STATE, *_COUNTS), public=False),
    _published("wd_units", "The published units: the newest scan of each, without abandoned runs."),
    _published("wd_windows", "The published windows: the newest decision of each, without abandoned runs."),
    _published("wd_cells", "The cells of the published units."),
    _published("wd_profiles", "The profiles of the published units."),
    _published("wd_baselines", "The baselines that count."),
    _published("wd_grids", "The grids that count."),
    _published("wd_grid_bins", "The bins of the grids that count."),
    _published("wd_noise", "The baseline's own noise, of the newest run that finished writing it."),
    _published("wd_results", "The published results with what it takes to decide them again."),
    View("drift_history", "Every statistic of every published window with its decision.", _HISTORY),
    View("drift_latest", "The newest complete window of every comparison, as drift_history shows it.", _HISTORY),
    View(
        "drift_alerts",
        "Incidents: the alerts of one column that belong together. The first alert opens one, two ok windows in a row resolve it; "
        "windows without a decision count neither way.",
        (
            ("incident_id", "hash of the key and of the window that opened it"),
            *((n, _MEANING[n]) for n in ("project", "monitor", "comparison", "segment", "column_name")),
            ("statistic", "statistic of the peak: the alert furthest beyond its limit"),
            ("owner", "owner of the monitor"),
            ("severity", "2: incidents are made of alerts"),
            ("opened_at", "start of its first window with an alert (UTC)"),
            ("opened_date", "local date of the same"),
            ("last_seen_at", "end of its newest window with an alert (UTC)"),
            ("resolved_at", "end of the second ok window in a row (UTC); NULL while it is open"),
            ("peak_value", "value of the peak"),
            ("peak_threshold", "alert limit at the peak"),
            ("peak_window_start", "start of the window of the peak (UTC)"),
            ("peak_reason", "sentence of the peak"),
            ("windows", "number of windows with an alert"),
            ("first_reason", "sentence of the alert that opened it"),
            ("state", "open or resolved"),
        ),
    ),
    View(
        "monitor_status",
        "One row a monitor: its newest complete windows, whether they are old, and what they say.",
        (
            *_RUN[1:3],
            ("last_window_start", "start of the newest complete window (UTC)"),
            ("last_window_end", "end of the newest complete window (UTC)"),
            ("last_window_date", "local date of the newest complete window"),
            ("stale", "true when a comparison's newest window ended more than two window lengths ago, or there is none"),
            ("decision", "worst decision of the newest windows: alert, warn, ok, or none"),
            ("comparisons", "comparisons with a complete window"),
            ("ok_count", "decisions ok in the newest window of every comparison"),
            ("warn_count", "decisions warn"),
            ("alert_count", "decisions alert"),
            ("none_count", "decisions none, each with a reason"),
            ("not_judged_count", "statistics without a limit"),
            ("open_incidents", "incidents that are open"),
            ("last_run_id", "the newest run"),
            ("last_run_state", "its state: running, finished, failed or abandoned"),
            ("last_run_started_at", "when it began (UTC)"),
            ("last_run_finished_at", "when it finished or failed (UTC)"),
        ),
    ),
    View(
        "drift_bins",
        "The bins behind psi in every published window.",
        (*_GRAIN_COLUMNS, *_of("wd_bins", *TABLE["wd_bins"].names[9:-1])),
    ),
    View(
        "drift_series",
        "Every statistic over its complete windows, with the band learnt from the 14 windows before each.",
        (
            *_GRAIN_COLUMNS,
            ("value", _MEANING["value"]),
            ("training_count", "windows with a value among the 14 before this one"),
            ("training_mean", "their mean"),
            ("training_stddev", "their sample standard deviation"),
            ("z_score", "(value - training_mean) / training_stddev; NULL under 5 training windows or without spread"),
            ("band_lower", "training_mean - 3 training_stddev; NULL under 5 training windows"),
            ("band_upper", "training_mean + 3 training_stddev; NULL under 5 training windows"),
            ("series_decision", "alert outside the band, ok inside, none when there is no value or no band"),
            ("series_reason", "why there is none: no_value or short_training"),
        ),
    ),
    View(
        "profile_history",
        "What every published bucket looked like, in the newest scan of it.",
        (
            *_RUN[1:3],
            ("bucket_start", "start of the bucket (UTC)"),
            ("bucket_end", "end of the bucket (UTC, exclusive)"),
            ("window_date", "local date on which the bucket starts"),
            ("segment", "'all', 'country=DE', 'country=<null>', 'country=<other>', 'country=<unseen>'"),
            *_of("wd_profiles", "column_name", "column_kind", "row_count", "null_count", "nan_count", "zero_count", "distinct_count"),
            *_of("wd_profiles", "mean", "stddev", "min_value", "max_value", "p05", "p25", "p50", "p75", "p95", "top_values"),
        ),
    ),
    View("run_history", "Every run and what it did.", (*_RUN, _STATE, *_COUNTS)),
)

BY_NAME = {v.name: v for v in VIEWS}
PUBLIC = tuple(v for v in VIEWS if v.public)
