"""The report's page as plain values: findings first, then one section a column. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warehouse_drift.decisions import sentences
from warehouse_drift.reports import words
from warehouse_drift.reports.gather import Key, ReportData

Row = dict[str, Any]
MOST_FINDINGS = 12
MOST_PARTS = 12
SPARK = (96.0, 22.0)
"""Width and height of the small history in the table, in pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One column that needs a look. ``headline`` is its main row."""

    section: str
    column: str
    monitor: str
    window: str
    decision: str
    title: str
    changed: tuple[str, ...]
    since: str
    sure: str
    big: str
    where: tuple[str, ...]
    steps: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Series:
    """One judged statistic over its windows. ``unit``: share (of 1, shown in percent) or number."""

    statistic: str
    title: str
    unit: str
    summary: str
    points: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One column of one comparison. ``times``: its largest value in alert limits, for sorting; None without one."""

    id: str
    monitor: str
    comparison: str
    column: str
    title: str
    kind: str
    role: str
    owner: str
    window: str
    reference: str
    n_current: int | None
    n_reference: int | None
    decision: str
    label: str
    main: Row | None
    size: str
    times: float | None
    since: str
    since_date: str
    rows: tuple[Row, ...]
    bins: tuple[Row, ...]
    parts: tuple[Row, ...]
    more_parts: int
    series: tuple[Series, ...]
    spark: str
    incident: Row | None


@dataclass(frozen=True, slots=True)
class Page:
    project: str
    headline: str
    lead: str
    counts: tuple[tuple[str, str, int], ...]
    status: tuple[Row, ...]
    findings: tuple[Finding, ...]
    more_findings: int
    sections: tuple[Section, ...]
    incidents: tuple[Row, ...]
    notes: tuple[str, ...]
    many_monitors: bool
    sources: tuple[str, ...]


def build(data: ReportData, config_path: str = "drift.yml") -> Page:
    """The page; ``config_path`` stands in the commands that it proposes."""
    by_column: dict[Key, list[Row]] = {}
    for r in data.rows:
        by_column.setdefault((r["monitor"], r["comparison"], r["column_name"]), []).append(r)
    parts: dict[Key, list[Row]] = {}
    for r in data.parts:
        parts.setdefault((r["monitor"], r["comparison"], r["column_name"]), []).append(r)
    opened = {
        (i["monitor"], i["comparison"], i["column_name"]): i
        for i in sorted(data.incidents, key=lambda i: i["segment"] == "all")
        if i["state"] == "open"
    }
    sections = [
        _section(n, key, rows, parts.get(key, []), data, opened.get(key))
        for n, (key, rows) in enumerate(by_column.items(), 1)
    ]
    sections.sort(key=lambda s: (words.RANK[s.decision], s.incident is None, -(s.times or 0.0), s.monitor, s.column))
    looked = [s for s in sections if s.decision in ("alert", "warn") or s.incident is not None]
    counts = tuple(
        (name, words.LABELS[name], sum(s.decision == name for s in sections))
        for name in ("alert", "warn", "none", "ok")
    )
    return Page(
        data.project,
        *_headline(sections, looked, config_path),
        counts,
        data.status,
        tuple(_finding(s, config_path) for s in looked[:MOST_FINDINGS]),
        max(0, len(looked) - MOST_FINDINGS),
        tuple(sections),
        data.incidents,
        data.notes,
        len({(s.monitor, s.comparison) for s in sections}) > 1,
        tuple(sorted({f"{s.monitor} · {s.comparison}" for s in sections})),
    )


def _headline(sections: Sequence[Section], looked: Sequence[Section], config_path: str) -> tuple[str, str]:
    if not sections:
        return "Nothing has been decided yet", f"Run: warehouse-drift run{sentences.config_option(config_path)}"
    over = [s.title for s in looked if s.decision == "alert"]
    still = [s.title for s in looked if s.decision != "alert" and s.incident is not None]
    warned = [s.title for s in looked if s.decision == "warn"]
    undecided = sum(s.decision == "none" for s in sections)
    total = f"{len(sections)} column{'s' if len(sections) != 1 else ''} (the table's rows count as one) are watched"
    found = [(len(over), "over the alert limit"), (len(warned), "with a warning"), (undecided, "undecided")]
    said = ", ".join(f"{n} {what}" for n, what in found if n) or "all within their limits"
    lead = f"{total}: {said}."
    if still:
        lead += (
            f" {len(still)} incident{'s' if len(still) > 1 else ''} of earlier windows still open: {_listed(still)}."
        )
    if over:
        return f"{_listed(over)} need{'s' if len(over) == 1 else ''} attention", lead
    if warned:
        return f"No alert now; {_listed(warned)} {'is' if len(warned) == 1 else 'are'} worth a look", lead
    if still:
        return f"No alert now; the incident of {_listed(still)} is not closed yet", lead
    if undecided:
        return "No drift where it could be judged", lead
    return "Everything looks as it did in the reference", lead


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``, ``a, b, c and 4 more``."""
    shown = [*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])]
    return " and ".join([*([", ".join(shown[:-1])] if len(shown) > 1 else []), shown[-1]])


def _section(n: int, key: Key, rows: list[Row], parts: list[Row], data: ReportData, incident: Row | None) -> Section:
    monitor, comparison, column = key
    ordered = sorted(rows, key=words.importance)
    judged = [r for r in ordered if r["decision"] != "not_judged"]
    hit = sorted((r for r in parts if r["decision"] in ("alert", "warn")), key=words.importance)
    quiet = sorted((r for r in parts if r["decision"] not in ("alert", "warn")), key=words.importance)
    main = min([*judged[:1], *hit[:1]], key=lambda r: words.RANK[r["decision"]]) if judged or hit else None
    decision = main["decision"] if main else "not_judged"
    series = tuple(_series(points) for points in _by_statistic(data.series.get(key, ())))
    if main is not None:
        series = tuple(sorted(series, key=lambda s: s.statistic != main["statistic"]))
    first = ordered[0]
    since = _since(series, main, incident)
    times = words.times_limit(main) if main else None
    shown = [*hit, *quiet][:MOST_PARTS]
    spark = next((s for s in series if main and s.statistic == main["statistic"]), series[0] if series else None)
    reference = (
        f"{first['reference_start']:%Y-%m-%d} to {first['reference_end']:%Y-%m-%d}"
        if first["reference_start"] and first["reference_end"]
        else "the whole reference"
    )
    return Section(
        f"c{n}", monitor, comparison, column, "Rows of the table" if column == ":table" else column,
        first["column_kind"], first["role"], first["owner"], f"{first['window_date']}", reference,
        _whole(first["n_current"]), _whole(first["n_reference"]), decision, words.LABELS[decision],
        {**main, "sure": words.how_sure(main), "big": words.how_big(main)} if main else None,
        f"{times:.2g}×" if times is not None else "", times, since[0], since[1],
        tuple({**r, "label": words.LABELS[r["decision"]], "title": sentences.title(r["statistic"])} for r in ordered),
        _scaled(data.bins.get(key, ())),
        tuple({**r, "label": words.LABELS[r["decision"]], "title": sentences.title(r["statistic"])} for r in shown),
        len(parts) - len(shown), series, _spark(spark), incident,
    )  # fmt: skip


def _whole(n: Any) -> int | None:
    return None if n is None else int(n)


def _scaled(bins: Sequence[Row]) -> tuple[Row, ...]:
    """Bins with their share of all contributions, 0 to 1."""
    total = sum(float(b["contribution"]) for b in bins)
    return tuple({**b, "part": float(b["contribution"]) / total if total > 0 else 0.0} for b in bins)


def _by_statistic(points: Sequence[Row]) -> list[list[Row]]:
    found: dict[str, list[Row]] = {}
    for p in points:
        found.setdefault(p["statistic"], []).append(p)
    return list(found.values())


def _series(points: list[Row]) -> Series:
    statistic = points[0]["statistic"]
    values = [float(p["value"]) for p in points if p["value"] is not None]
    counted = {name: sum(p["decision"] == name for p in points) for name in ("alert", "warn", "none")}
    said = ", ".join(f"{n} {words.LABELS[name].lower()}" for name, n in counted.items() if n) or "all ok"
    low, high = (sentences.limit(statistic, f(values)) if values else "" for f in (min, max))
    span = f", between {low} and {high}" if values else ""
    summary = f"{sentences.title(statistic)} in {len(points)} window(s){span}: {said}"
    hourly = len({p["window_date"] for p in points}) < len(points)
    never_negative = bool(values) and min(values) >= 0
    shown = tuple(
        {
            **p,
            "label": words.LABELS[p["decision"]],
            "band_lower": max(0.0, p["band_lower"])
            if never_negative and p["band_lower"] is not None
            else p["band_lower"],
            "at": f"{p['window_start']:%Y-%m-%dT%H:%MZ}" if hourly else f"{p['window_date']}",
        }
        for p in points
    )
    unit = "share" if sentences.limit(statistic, 1.0).endswith("%") else "number"
    return Series(statistic, sentences.title(statistic), unit, summary, shown)


def _since(series: Sequence[Series], main: Row | None, incident: Row | None) -> tuple[str, str]:
    """A clause and its date: the open incident, else the first of the windows in a row with a warning or an alert."""
    if incident is not None:
        many = "1 window" if incident["windows"] == 1 else f"{incident['windows']} windows"
        back = (
            ""
            if main is not None and main["decision"] == "alert"
            else "; the newest window is back under the limit, two in a row close it"
        )
        return f"{incident['opened_date']}, {many} with an alert{back}", f"{incident['opened_date']}"
    if main is None or main["decision"] not in ("alert", "warn"):
        return "", ""
    date = f"{main['window_date']}"
    if main["segment"] == "all":
        for s in series:
            if s.statistic == main["statistic"]:
                for p in reversed(s.points):
                    if p["decision"] not in ("alert", "warn"):
                        break
                    date = p["at"]
    newest = date == f"{main['window_date']}"
    return (f"{date}, the newest window" if newest else f"{date}, in every window since"), date


def _finding(s: Section, config_path: str) -> Finding:
    main = s.main or {}
    incident = s.incident
    calm = incident is not None and s.decision != "alert"
    changed = (
        [incident["peak_reason"]]
        if incident is not None and calm
        else words.what_changed(main, s.bins if main["segment"] == "all" else ())
    )
    where = dict.fromkeys(r["segment"] for r in s.parts if r["decision"] in ("alert", "warn"))
    decision = "alert" if incident is not None else s.decision
    title = f"{s.title} was far from its reference, and is calming down" if calm else {
        "alert": f"{s.title} has changed", "warn": f"{s.title} is beginning to change"
    }.get(s.decision, s.title)  # fmt: skip
    if not calm and main["segment"] != "all":
        title += f" in {main['segment']}"
    return Finding(
        s.id, s.title, f"{s.monitor} · {s.comparison}", s.window, decision, title, tuple(changed), s.since,
        main["sure"], main["big"], tuple(where)[:6], tuple(sentences.with_config(step, config_path) for step in words.next_steps(main)),
        sentences.explain_command(s.monitor, s.column, config_path),
    )  # fmt: skip


def _spark(series: Series | None) -> str:
    """The points of a polyline, ``x,y x,y``; empty with fewer than two values."""
    if series is None:
        return ""
    known = [(i, float(p["value"])) for i, p in enumerate(series.points) if p["value"] is not None]
    if len(known) < 2:
        return ""
    width, height = SPARK
    low, high = min(0.0, *(v for _, v in known)), max(v for _, v in known)
    scale = (height - 4) / (high - low) if high > low else 0.0
    step = (width - 4) / max(1, len(series.points) - 1)
    return " ".join(f"{2 + i * step:.1f},{height - 2 - (v - low) * scale:.1f}" for i, v in known)
