"""What dbt is told about the generated files: columns with their meaning, types of seeds, tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BASELINE: Mapping[str, str] = {
    "column_name": "text", "grid_id": "text", "segment_key": "text", "segment_kind": "text", "segment_value": "text", "cell_kind": "text",
    "cell_index": "bigint", "cell_key": "text", "cell_left": "double", "n": "bigint", "s": "double", "q": "double", "min_value": "double", "max_value": "double",
}  # fmt: skip
BUCKETS: Mapping[str, str] = {
    "bucket_no": "bigint", "bucket_start": "timestamp", "bucket_end": "timestamp", "window_date": "date", "clock_start": "text", "clock_end": "text",
}  # fmt: skip
WINDOWS: Mapping[str, str] = {
    "pair_no": "bigint", "window_key": "text", "comparison": "text", "comparison_kind": "text", "window_start": "timestamp", "window_end": "timestamp",
    "window_date": "date", "reference_start": "timestamp", "reference_end": "timestamp", "row_scale": "double",
}  # fmt: skip
LIMITS: Mapping[str, str] = {
    "comparison": "text", "segment": "text", "column_name": "text", "statistic": "text", "warn_threshold": "double", "alert_threshold": "double",
    "threshold_source": "text", "min_rows": "bigint", "highest": "text",
}  # fmt: skip
_SEEDS = {
    "baseline": (BASELINE, "the baseline of {0} as counts and sums of cells: no row of the data, no value by name"),
    "buckets": (BUCKETS, "the calendar of {0}: when each bucket begins and ends (UTC), and as its timestamp column shows it"),
    "windows": (WINDOWS, "the windows of {0} and what each is compared with"),
    "limits": (LIMITS, "the limits of {0} by segment, column and statistic; highest: the most that it may become"),
}
_PROFILE = {
    "definition": "hash of grids, segments and filter; rows of another one are ignored",
    "project": "project of the configuration",
    "monitor": "name of the monitor",
    "baseline_version": "version of the baseline that the grids come from",
    "column_name": "the watched column; ':table' counts rows",
    "grid_id": "the column's grid",
    "segment_key": "column of the segment, empty where there is none",
    "segment_kind": "all, value, null, other or unseen",
    "segment_value": "value of the segment",
    "bucket_start": "start of the bucket (UTC)",
    "cell_kind": "value, null, nan, neg_inf, pos_inf, other, unseen, hash or rows",
    "cell_index": "number of a numeric cell",
    "cell_key": "salted md5 of a categorical value, '*' for all the rest",
    "cell_label": "the value, where it may be stored and occurs five times",
    "cell_left": "origin that sums are taken from",
    "n": "rows in the cell",
    "s": "sum of x - cell_left",
    "q": "sum of squares of the same",
    "min_value": "smallest value in the cell",
    "max_value": "largest value in the cell",
    "run_id": "invocation of dbt that profiled the bucket",
}
_METRICS = {
    "definition": "hash of grids, limits and statistics; windows of another one are measured again",
    "window_key": "comparison and start of the window",
    "project": "project of the configuration",
    "monitor": "name of the monitor",
    "comparison": "name of the comparison",
    "comparison_kind": "baseline or previous",
    "window_start": "start of the window (UTC)",
    "window_end": "end of the window (UTC, exclusive)",
    "window_date": "local date of the start",
    "baseline_version": "version of the baseline",
    "segment": "all, column=value, column=<null>, column=<other> or column=<unseen>",
    "segment_column": "column of the segment",
    "segment_value": "value of the segment",
    "column_name": "the watched column; ':table' for row_count",
    "column_kind": "numeric, categorical, boolean, datetime, text or table",
    "role": "what the column is to a model",
    "statistic": "what was measured",
    "value": "the statistic; NULL only with a reason_code",
    "value_lower": "the statistic is at least this",
    "value_upper": "the statistic is at most this",
    "value_precision": "exact, certified (an interval) or none",
    "n_reference": "values of the reference",
    "n_current": "values of the window",
    "test_value": "chi-squared or a count: what a p-value is made from",
    "test_df": "degrees of freedom or the reference's count",
    "expected": "what is expected without drift, where that is not zero",
    "bins": "bins that were compared",
    "warn_threshold": "effect at which it is a warning",
    "alert_threshold": "effect at which it is an alert",
    "threshold_source": "where the limits come from",
    "decision": "ok, warn, alert, none (with a reason_code) or not_judged, from the effect alone",
    "severity": "0, 1 or 2; NULL where nothing was decided",
    "reason_code": "why there is no decision, or why an alert is only a warning (segment)",
    "run_id": "invocation of dbt that measured the window",
}


def seeds(prefix: str, monitor: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Types of the seeds: dbt would guess them from the values. ``types``: the dialect's names."""
    return {
        "seeds": [
            {
                "name": f"{prefix}_{name}",
                "description": _text(words.format(monitor)),
                "config": {"column_types": {c: types[kind] for c, kind in columns.items()}},
            }
            for name, (columns, words) in _SEEDS.items()
        ]
    }


def models(prefix: str, monitor: str) -> dict[str, Any]:
    return {
        "models": [
            {
                "name": f"{prefix}_cells",
                "description": _text(f"Cells of {monitor} by bucket: counts, sums, least and largest values, on the grids of the baseline."),
                "columns": [_column(c, words, tested=c in ("definition", "bucket_start", "n")) for c, words in _PROFILE.items()],
            },
            {
                "name": f"{prefix}_metrics",
                "description": _text(f"Every statistic of every window of {monitor}, with the decision that fixed limits give."),
                "columns": [_column(c, words, tested=c in ("decision", "window_key")) for c, words in _METRICS.items()],
            },
        ],
        "data_tests": [
            {"name": f"{prefix}_no_alerts", "description": _text(f"Fails when the newest window of {monitor} has an alert: one row each.")},
            {"name": f"{prefix}_calendar_ends", "description": "Warns a month before the generated calendar ends: generate the models again."},
        ],
    }  # fmt: skip


def _column(name: str, words: str, *, tested: bool) -> dict[str, Any]:
    return {"name": name, "description": words, **({"data_tests": ["not_null"]} if tested else {})}


def _text(words: str) -> str:
    """Descriptions are Jinja too."""
    from warehouse_drift.dbt.weave import escaped

    return escaped(words)
