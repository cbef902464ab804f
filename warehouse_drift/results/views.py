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
    """``columns``: (name, meaning) in order. ``public`` views are part of the contract with readers. ``structs``: (name,
    member, member, ...): columns ``name_member`` that stand together and are one struct where the engine has structs;
    those of ``arrays`` are one array there."""

    name: str
    doc: str
    columns: tuple[tuple[str, str], ...]
    public: bool = True
    structs: tuple[tuple[str, ...], ...] = ()
    arrays: tuple[tuple[str, ...], ...] = ()

    def listed(self, structs: bool) -> tuple[tuple[str, str], ...]:
        """The columns as an engine with or without structs has them."""
        if not structs:
            return self.columns
        merged = {f"{name}_{member}": (name, member) for name, *members in (*self.structs, *self.arrays) for member in members}
        found: dict[str, str] = {}
        for column, doc in self.columns:
            name, member = merged.get(column, (column, ""))
            told = f"{member}: {doc}" if member else doc
            found[name] = f"{found[name]}; {told}" if name in found else told
        return tuple(found.items())

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

_USUAL = (
    "psi", "ks", "wasserstein", "wasserstein_normed", "jensen_shannon", "hellinger", "total_variation", "l_infinity", "chi_squared",
    "missing_rate", "missing_rate_change", "unseen_rate", "row_count", "drifted_share",
)  # fmt: skip
_NOT_KEPT = "NULL: not kept here"
_DELTAS = (
    ("avg_delta", "mean of the window minus mean of the reference, of finite values"),
    ("percent_zeros_delta", "change of the share of zeros, in percentage points"),
    ("percent_distinct_delta", "change of percent_distinct, in percentage points; NULL where distinct values are not counted, and for windows of several buckets"),
)
_WHERE = tuple((n, _MEANING[n]) for n in ("project", "monitor", "comparison"))
_SLICE = (
    ("slice_key", "column of the segment; NULL for all rows"),
    ("slice_value", "value of the segment, or <null>, <other>, <unseen>; NULL for all rows"),
    ("column_name", _MEANING["column_name"]),
)
DROP_IN: tuple[View, ...] = (
    View(
        "drift_wide",
        "drift_history with a column for each of the usual statistics; drift_history itself is the long form.",
        (
            *((n, _MEANING[n]) for n in ("project", "monitor", "comparison", "window_start", "window_end", "window_date", "granularity")),
            *((n, _MEANING[n]) for n in ("baseline_version", "segment", "segment_column", "segment_value", "column_name", "column_kind", "role")),
            ("decision", "worst decision of the column in the window: alert, warn, none, ok; not_judged when nothing has a limit"),
            ("n_reference", "most rows of the reference that a statistic used"),
            ("n_current", "most rows of the window that a statistic used"),
            *((n, f"value of {n}; NULL when it is not configured or has no value") for n in _USUAL),
        ),
    ),
    View(
        "drift_calendar",
        "A day of the calendar and what was decided, over all rows, in the windows that start on it.",
        (
            *_WHERE,
            ("baseline_version", _MEANING["baseline_version"]),
            ("window_date", _MEANING["window_date"]),
            ("calendar_year", "year of the date"),
            ("calendar_month", "month, 1 to 12"),
            ("calendar_day", "day of the month"),
            ("weekday", "1 Monday to 7 Sunday"),
            ("alert_columns", "columns whose worst decision is alert"),
            ("warn_columns", "columns whose worst decision is warn"),
            ("none_columns", "columns that could not be decided, and are not worse"),
            ("ok_columns", "columns that are ok"),
            ("decision", "worst of them"),
        ),
    ),
    View(
        "databricks_profile_metrics",
        "profile_history in the shape of a <table>_profile_metrics table of Databricks; filter on project and monitor.",
        (
            *_WHERE[:2],
            ("window_start", "start of the bucket (UTC)"),
            ("window_end", "end of the bucket (UTC, exclusive)"),
            ("log_type", "INPUT"),
            ("logging_table_commit_version", _NOT_KEPT),
            ("monitor_version", _NOT_KEPT),
            ("granularity", "1 hour, 1 day, 1 week or 1 month"),
            *_SLICE,
            ("count", "rows"),
            ("data_type", "numeric, categorical, boolean, datetime, text or table"),
            ("num_nulls", "rows without a value"),
            ("avg", "mean of the finite values"),
            ("quantiles_p05", "5 % quantile, to the width of a cell"),
            ("quantiles_p25", "25 % quantile"),
            ("quantiles_p50", "50 % quantile"),
            ("quantiles_p75", "75 % quantile"),
            ("quantiles_p95", "95 % quantile"),
            ("min", "smallest finite value"),
            ("max", "largest finite value"),
            ("stddev", "sample standard deviation of the finite values"),
            ("num_zeros", "rows with zero"),
            ("num_nan", "rows with NaN"),
            *((n, _NOT_KEPT) for n in ("min_length", "max_length", "avg_length", "non_null_columns")),
            ("frequent_items", "most frequent values with their counts (JSON text), where privacy allows"),
            ("median", "median, to the width of a cell"),
            ("distinct_count", "distinct values; NULL where a cell holds several (most continuous columns)"),
            ("percent_nan", "100 num_nan / count"),
            ("percent_null", "100 num_nulls / count"),
            ("percent_zeros", "100 num_zeros / count"),
            ("percent_distinct", "100 distinct_count / count"),
        ),
        structs=(("window", "start", "end"),),
        arrays=(("quantiles", "p05", "p25", "p50", "p75", "p95"),),
    ),
    View(
        "databricks_drift_metrics",
        "drift_history in the shape of a <table>_drift_metrics table of Databricks; filter on project and monitor.",
        (
            *_WHERE,
            ("window_start", "start of the window (UTC)"),
            ("window_end", "end of the window (UTC, exclusive)"),
            ("granularity", "1 hour, 1 day, 1 week or 1 month"),
            ("monitor_version", "counter of the baseline: raised by 'baseline refresh'"),
            *_SLICE,
            ("data_type", "type of the column when its grid was made"),
            ("window_cmp_start", "start of the reference (UTC)"),
            ("window_cmp_end", "end of the reference (UTC, exclusive)"),
            ("drift_type", "BASELINE, or CONSECUTIVE against the window before"),
            ("count_delta", "rows of the window minus rows of the reference"),
            _DELTAS[0],
            ("percent_null_delta", "change of the share of missing values, in percentage points"),
            _DELTAS[1],
            _DELTAS[2],
            ("non_null_columns_delta_added", _NOT_KEPT),
            ("non_null_columns_delta_missing", _NOT_KEPT),
            ("js_distance", "jensen_shannon"),
            ("ks_test_statistic", "ks"),
            ("ks_test_pvalue", "its p-value, not adjusted"),
            ("wasserstein_distance", "wasserstein"),
            ("population_stability_index", "psi"),
            ("chi_squared_test_statistic", "chi_squared"),
            ("chi_squared_test_pvalue", "its p-value, not adjusted"),
            ("tv_distance", "total_variation"),
            ("l_infinity_distance", "l_infinity"),
        ),
        structs=(
            ("window", "start", "end"),
            ("window_cmp", "start", "end"),
            ("non_null_columns_delta", "added", "missing"),
            ("ks_test", "statistic", "pvalue"),
            ("chi_squared_test", "statistic", "pvalue"),
        ),
    ),
    View(
        "bigquery_drift",
        "The newest windows over all rows in the shape of BigQuery's ML.VALIDATE_DATA_DRIFT.",
        (
            ("input", "column"),
            ("metric", "statistic in capitals; L_INFTY, JENSEN_SHANNON_DIVERGENCE and JENSEN_SHANNON_DISTANCE (its square root) as there"),
            ("threshold", "alert limit"),
            ("value", _MEANING["value"]),
            ("is_anomaly", "true for an alert (over the limit, and chance does not explain it); NULL when there is no decision"),
            *_WHERE,
            ("window_date", _MEANING["window_date"]),
            ("reason_code", _MEANING["reason_code"]),
        ),
    ),
    View(
        "snowflake_drift_metric",
        "Complete windows in the shape of Snowflake's MODEL_MONITOR_DRIFT_METRIC.",
        (
            *_WHERE,
            ("baseline_version", _MEANING["baseline_version"]),
            ("event_timestamp", "start of the window (UTC)"),
            ("metric_value", _MEANING["value"]),
            ("count_used", "rows of both sides that the statistic used"),
            ("count_unused", "rows of both sides that it did not use: missing values"),
            ("metric_name", "POPULATION_STABILITY_INDEX, WASSERSTEIN, JENSEN_SHANNON, DIFFERENCE_OF_MEANS, and every other statistic in capitals"),
            ("column_name", _MEANING["column_name"]),
            ("segment_column", "column of the segment; NULL for all rows"),
            ("segment_value", "value of the segment; NULL for all rows and for the segment of missing values"),
        ),
    ),
)
"""The same results in other shapes: for dashboards, and for people who move."""

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
            ("acked_at", "when somebody acknowledged it last (UTC); NULL when nobody did"),
            ("acked_by", "who"),
            ("ack_why", "their words"),
            ("muted_until", "end of its newest mute (UTC), which may be over; NULL without one"),
            ("muted_by", "who muted it"),
            ("mute_why", "their words"),
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
            ("acked_incidents", "open incidents that somebody acknowledged"),
            ("muted_incidents", "open incidents that are muted now"),
            ("outgrown_columns", "columns whose values have left their grid (reason_code grid_outgrown): refresh the baseline"),
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
    View(
        "wd_v_deltas",
        "How far the mean and the shares of zeros and of distinct values moved from the reference, from stored profiles.",
        (
            *((n, _MEANING[n]) for n in ("project", "monitor", "comparison", "window_start", "window_end", "is_complete", "baseline_version")),
            *((n, _MEANING[n]) for n in ("segment", "segment_column", "segment_value", "column_name")),
            ("count_used", "rows of both sides with a value"),
            ("count_unused", "rows of both sides without one"),
            *_DELTAS,
        ),
        public=False,
    ),
    *DROP_IN,
)

BY_NAME = {v.name: v for v in VIEWS}
PUBLIC = tuple(v for v in VIEWS if v.public)
