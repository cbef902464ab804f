"""Plain words about one decision: what changed, how sure, how big, what to do next. Pure functions of result rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warehouse_drift.decisions import sentences

Row = Mapping[str, Any]
RANK = {"alert": 0, "warn": 1, "none": 2, "ok": 3, "not_judged": 4}
LABELS = {"alert": "Alert", "warn": "Warning", "ok": "OK", "none": "Undecided", "not_judged": "Not judged"}


def times_limit(row: Row, which: str = "alert") -> float | None:
    """How many times the limit the value is; None without a limit, and for row counts (their limit is on a ratio)."""
    limit, value = row[f"{which}_threshold"], row["value"]
    if limit is None or value is None or limit <= 0 or row["statistic"] == "row_count":
        return None
    return abs(float(value)) / float(limit)


def importance(row: Row) -> tuple[int, float]:
    """Sorts the rows that matter most first."""
    return RANK[row["decision"]], -(times_limit(row) or times_limit(row, "warn") or 0.0)


def what_changed(row: Row, bins: Sequence[Row]) -> list[str]:
    """Sentences: for psi the bins that gained and lost most, else the decision's own sentence."""
    if row["statistic"] != "psi" or not bins:
        return [row["reason"]]
    said = []
    for b in sorted(bins, key=lambda b: -b["contribution"])[:4]:
        before, now = float(b["share_reference"]), float(b["share_current"])
        if b["contribution"] <= 0 or before == now or b["bin_index"] < 0:
            continue
        more = "More" if now > before else "Fewer"
        said.append(f"{more} rows {_in_bin(b)}: {percent(now)} now, {percent(before)} in the reference.")
    return said or [row["reason"]]


def _in_bin(b: Row) -> str:
    """``with 10 to under 20``, ``with the value b``, ``in bin 3 (its values are not stored)``."""
    if b.get("unnamed") or b["label"] == sentences.UNNAMED:
        return f"in bin {b['bin_index'] + 1} (its values are not stored)"
    if b["bin_lower"] is None and b["bin_upper"] is None and b["label"] != "any other value":
        rare = b["label"].endswith(" rare values")
        return f"with one of {b['label']}" if rare else f"with the value {b['label']}"
    return f"with {b['label']}"


def percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share >= 0.0005 or share == 0 else "under 0.05 %"


def how_sure(row: Row) -> str:
    adjusted = row["p_value_adjusted"] if row["p_value_adjusted"] is not None else row["p_value"]
    if adjusted is None:
        return "Not a question of chance: the number itself is compared with its limit."
    if adjusted < 1e-4:
        return "Very sure: without a real change this would be seen less than once in 10,000 times."
    if adjusted < 0.01:
        return f"Sure: without a real change this would be seen about once in {round(1 / adjusted):,} times."
    return f"Not sure: chance alone does this in {100 * adjusted:.2g} of 100 cases."


def how_big(row: Row) -> str:
    measured = _value(row)
    times, warn = times_limit(row), times_limit(row, "warn")
    if times is not None and times >= 1:
        word = "Very large" if times >= 2 else "Large"
        return f"{word}: {times:.1f} times the alert limit ({measured}; limit {_limit(row, 'alert')})."
    if warn is not None and warn >= 1:
        return f"Moderate: {warn:.1f} times the warning limit ({measured}; limit {_limit(row, 'warn')})."
    if warn is not None:
        return f"Small: {100 * warn:.0f} % of the warning limit ({measured}; limit {_limit(row, 'warn')})."
    return f"{measured}."


def _value(row: Row) -> str:
    if row["value"] is None:
        return f"{sentences.title(row['statistic'])} has no value"
    value = float(row["value"])
    if row["statistic"] == "missing_rate_change":
        return f"missing values {'up' if value > 0 else 'down'} by {100 * abs(value):.3g} percentage points"
    if row["statistic"] in ("unseen_rate", "drifted_share", "missing_rate"):
        return f"{sentences.title(row['statistic'])} {percent(value)}"
    return f"{sentences.title(row['statistic'])} {sentences.number(value)}"


def _limit(row: Row, which: str) -> str:
    return sentences.limit(row["statistic"], float(row[f"{which}_threshold"]))


def next_steps(row: Row) -> list[str]:
    """What a person does next, by what drifted and by what the column is to the model."""
    statistic, column, role = row["statistic"], row["column_name"], row["role"]
    if row["decision"] == "none":
        return ["Read why it could not be decided, below; nothing is known about this column in this window."]
    if statistic == "row_count" or column == ":table":
        return [
            "Check whether the load of this window is complete and ran only once.",
            "If it is right (a holiday, a new market), nothing needs to be done.",
        ]
    if statistic in ("missing_rate_change", "missing_rate"):
        return [
            f"Ask who fills {column}: a source, a join or a parser may have stopped delivering it.",
            "Look at the segments below: if one of them carries it, start there.",
        ]
    if statistic == "unseen_rate":
        return [
            f"Look at the new values of {column}: are they spelling variants, codes of a new system, or really new?",
            "If they are really new, a model has never seen them: retrain, or map them.",
        ]
    first = {
        "prediction": "The model's answers have moved. Look first at which of its inputs moved in the same window.",
        "score": "The model's scores have moved: check the cut-off, then which inputs moved in the same window.",
        "label": "The outcome itself has moved. Compare the model's error before and since.",
    }.get(role, f"Find out what changed where {column} comes from: units, filters, a new source, a release.")
    return [
        first,
        "If the change is wanted and here to stay, retrain, then take a new baseline (warehouse-drift baseline refresh).",
        "If it is the season, raise this column's limit, or take a baseline of the same season.",
    ]


def what_people_said(incident: Mapping[str, Any]) -> str:
    """``acknowledged by ann: looking; muted until 2025-05-01 00:00 UTC: promotion``; empty when nobody said anything."""
    found = []
    if incident["acked_at"]:
        by = f" by {incident['acked_by']}" if incident["acked_by"] else ""
        found.append(f"acknowledged{by}" + (f": {incident['ack_why']}" if incident["ack_why"] else ""))
    if incident["muted"]:
        found.append(f"muted until {incident['muted_until']:%Y-%m-%d %H:%M} UTC: {incident['mute_why']}")
    return "; ".join(found)
