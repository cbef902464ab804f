"""Explanations for the terminal and reports as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse_drift.decisions import sentences
from warehouse_drift.reports.headlines import shown_bin
from warehouse_drift.reports.tables import STYLE, interval
from warehouse_drift.reports.words import what_people_said

if TYPE_CHECKING:
    from warehouse_drift.verbs_read import Explanation, Report

MOST_IN_COMMENT = 20
_MARKS = {"alert": "🔴", "warn": "🟡", "ok": "🟢", "none": "⚪"}


def print_explanation(found: Explanation, console: Any) -> None:
    """Readable at 100 columns: what was decided, which bins and segments carry it, how it was before, the SQL."""
    from rich.table import Table

    console.print(
        f"[bold]{found.monitor} · {found.column}[/bold]  {found.comparison}, window {found.window_start:%Y-%m-%d %H:%M} to "
        f"{found.window_end:%Y-%m-%d %H:%M} UTC",
        highlight=False,
    )
    for r in found.rows:
        style = STYLE[r["decision"]]
        console.print(f"  [{style}]{r['decision']:10}[/{style}] {r['reason']}", highlight=False, soft_wrap=True)
        if r["decision"] in ("ok", "warn", "alert") and r["threshold_source"]:
            console.print(f"             limits: {limits(r)}", style="dim", highlight=False, soft_wrap=True)
    if found.bins:
        console.print("\n[bold]Where the difference is[/bold] (what each bin adds to PSI)")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("bin", "reference", "now", "adds", "of all"):
            table.add_column(name, justify="left" if name == "bin" else "right")
        total = float(found.bins[0]["total"] or 0.0)
        for b in found.bins:
            share = float(b["contribution"]) / total if total > 0 else 0.0
            table.add_row(
                shown_bin(b),
                f"{float(b['share_reference']):.1%}",
                f"{float(b['share_current']):.1%}",
                sentences.number(float(b["contribution"])),
                f"{share:.0%}",
            )
        console.print(table)
    if found.segments:
        console.print("\n[bold]By segment[/bold]")
        for r in found.segments[:12]:
            style = STYLE[r["decision"]]
            console.print(f"  [{style}]{r['decision']:10}[/{style}] {r['reason']}", highlight=False, soft_wrap=True)
    if found.history:
        console.print("\n[bold]Before[/bold]")
        by_window: dict[Any, list[str]] = {}
        for r in found.history:
            by_window.setdefault(r["window_date"], []).append(f"{r['statistic']} {interval(r)} {r['decision']}")
        for date, parts in by_window.items():
            console.print(f"  {date}  {'; '.join(parts)}", highlight=False, soft_wrap=True)
    for i in found.incidents:
        state = "open" if i["resolved_at"] is None else f"resolved {i['resolved_at']:%Y-%m-%d}"
        console.print(
            f"\nIncident since {i['opened_date']} ({i['windows']} window(s), {state}): {i['peak_reason']} {what_people_said(i)}".rstrip(),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    for title, text in found.sql:
        console.print(f"\n[bold]SQL: {title}[/bold]")
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def limits(row: dict[str, Any]) -> str:
    shown = [
        f"{name} {sentences.limit(row['statistic'], float(row[f'{name}_threshold']))}"
        for name in ("warn", "alert")
        if row[f"{name}_threshold"] is not None
    ]
    return f"{', '.join(shown)} ({row['threshold_source']})"


def markdown(found: Report) -> str:
    """For pull requests and chat: how the monitors stand, what is open, and the decisions that need a look."""
    out = [f"# Drift report: {found.project}", ""]
    out += [
        "| monitor | newest window | decision | alert | warn | ok | undecided | open incidents |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for s in found.status:
        stale = " (stale)" if s["stale"] else ""
        out.append(
            f"| {cell(s['monitor'])} | {s['last_window_date'] or '-'}{stale} | {_MARKS.get(s['decision'], '')} {s['decision']} |"
            f" {s['alert_count']} | {s['warn_count']} | {s['ok_count']} | {s['none_count']} | {s['open_incidents']} |"
        )
    open_ones = [i for i in found.incidents if i["state"] == "open"]
    out += ["", "## Open incidents", ""]
    if not open_ones:
        out.append("None.")
    for i in open_ones:
        where = "" if i["segment"] == "all" else f" in {cell(i['segment'])}"
        out.append(
            f"- **{cell(i['column_name'])}**{where} ({cell(i['monitor'])}, {cell(i['comparison'])}): since {i['opened_date']},"
            f" {i['windows']} window(s). {cell(i['peak_reason'])}" + (f" *{cell(said)}*" if (said := what_people_said(i)) else "")
        )
    looked = [r for r in found.rows if r["decision"] in ("alert", "warn", "none")]
    out += ["", "## Newest windows: what is not ok", ""]
    if not looked:
        out.append("Everything that is judged is ok.")
    else:
        out += ["| monitor | window | column | statistic | value | decision | why |", "|---|---|---|---|--:|---|---|"]
    for r in looked:
        where = "" if r["segment"] == "all" else f" ({cell(r['segment'])})"
        out.append(
            f"| {cell(r['monitor'])} | {r['comparison']} {r['window_date']} | {cell(r['column_name'])}{where} | {r['statistic']} |"
            f" {interval(r)} | {_MARKS.get(r['decision'], '')} {r['decision']} | {cell(r['reason'])} |"
        )
    return "\n".join(out) + "\n"


def compare_markdown(rows: Sequence[Mapping[str, Any]], reference: str, current: str, fail_on: str) -> str:
    """A comment for a pull request: the outcome in one line, then only what is not ok, at most 20 rows of it."""
    judged = [r for r in rows if r["decision"] != "not_judged"]
    counted = {name: sum(r["decision"] == name for r in judged) for name in ("alert", "warn", "none", "ok")}
    worst = next((name for name in ("alert", "warn", "none") if counted[name]), "ok" if judged else "none")
    columns = len({r["column_name"] for r in rows if r["column_name"] != ":table"})
    said = ", ".join(f"{n} {name}" for name, n in counted.items() if n) or "nothing was judged"
    out = [f"### {_MARKS[worst]} Drift: {said} ({columns} column{'s' if columns != 1 else ''})", ""]
    out += [f"{_code(current)} against {_code(reference)}; fails on `{fail_on}`.", ""]
    looked = sorted((r for r in judged if r["decision"] != "ok"), key=_urgency)
    if looked:
        out += ["| column | statistic | value | decision | why |", "|---|---|--:|---|---|"]
        for r in looked[:MOST_IN_COMMENT]:
            out.append(
                f"| {cell(r['column_name'])} | {r['statistic']} | {interval(r)} | {_MARKS[r['decision']]} {r['decision']} | {cell(r['reason'])} |"
            )
    if len(looked) > MOST_IN_COMMENT:
        out += ["", f"{len(looked) - MOST_IN_COMMENT} more are not shown."]
    return "\n".join(out).rstrip() + "\n"


def _urgency(row: Mapping[str, Any]) -> tuple[int, float]:
    limit = row["alert_threshold"] or row["warn_threshold"]
    times = abs(row["value"]) / limit if limit and row["value"] is not None else 0.0
    return ("alert", "warn", "none").index(row["decision"]), -times


def _code(text: str) -> str:
    """A relation as code, on one line; a text with a backtick gets a longer fence."""
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 120 else f"{shown[:117]}..."
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def cell(text: str) -> str:
    """A text inside a Markdown table or list."""
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
