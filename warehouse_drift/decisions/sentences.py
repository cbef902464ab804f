"""One readable sentence for every decision."""

from __future__ import annotations

from typing import Any

from warehouse_drift.decisions.model import Summary, Verdict

REASONS = {
    "no_data": "one side has no values to compare",
    "insufficient": "there are too few rows to tell drift from chance",
    "not_computable": "the number cannot be computed from these values",
    "infinite_values": "the column holds infinite values, so the distance is infinite or undefined",
    "constant_reference": "the reference has one value only, so its spread is zero",
    "type_changed": "the column's type is not the same on both sides",
    "column_missing": "the column is not there any more",
    "no_baseline": "the column is new and has no baseline",
    "unsupported_type": "columns of this type are not profiled",
    "not_refinable": "the certified interval straddles the limit and no further scan was allowed",
    "source_changed": "the rows changed between the two scans",
    "partial": "the window is not complete",
    "no_evidence": "the effect could be chance",
    "awaiting_confirmation": "one alert is not enough for this window; it is a warning until it is confirmed",
    "segment": "segments warn at most unless they are listed in alert_on",
}


def _number(x: float | None) -> str:
    return "-" if x is None else f"{x:.3g}"


def sentence(
    s: Summary,
    verdict: Verdict,
    code: str | None,
    warn: float | None,
    alert: float | None,
    p: float | None,
    noise: float | None,
    rules: Any,
) -> str:
    name = s.statistic.replace("_", " ")
    own = f"; the baseline's own windows reach {_number(noise)}" if noise is not None else ""
    if verdict is Verdict.NONE:
        why = REASONS.get(code or "", code or "")
        if code == "insufficient" and s.bins and warn:
            # (B - 1)(1/n + 1/m) <= warn / 5; equal sizes give the n that would do
            need = int(2 * (s.bins - 1) * 5 / warn) + 1
            return f"No decision on {name}: {why} ({s.n_current:,} now, {s.n_reference:,} before; about {need:,} on each side are needed)."
        if code == "not_refinable":
            return f"No decision on {name}: it lies between {_number(s.lower)} and {_number(s.upper)}, and {why}."
        return f"No decision on {name}: {why}."
    if verdict is Verdict.NOT_JUDGED:
        return f"{name} is {_number(s.value)}; no limit is set for it."
    if verdict is Verdict.OK:
        if code == "no_evidence":
            return f"{name} is {_number(s.value)}, but a difference this large is likely by chance (adjusted p {_number(p)})."
        return f"{name} is {_number(s.value)}, under the warning limit {_number(warn if warn is not None else alert)}{own}."
    limit = alert if verdict is Verdict.ALERT else warn
    evidence = f" and chance alone would rarely do this (adjusted p {_number(p)})" if p is not None else ""
    extra = f" ({REASONS[code]})" if code in ("awaiting_confirmation", "segment") else ""
    return f"{name} is {_number(s.value)}, at or over the {verdict.value} limit {_number(limit)}{evidence}{own}{extra}."
