"""Compare results as a table that reads well at 100 columns, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

STYLE = {"alert": "bold red", "warn": "yellow", "ok": "green", "none": "magenta", "not_judged": "dim"}


def as_json(result: Mapping[str, Any]) -> str:
    """Strict JSON: NaN and infinity would be an error, and there are none."""
    return json.dumps(result, indent=2, allow_nan=False, default=str)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue()


def number(x: float | None) -> str:
    if x is None:
        return "-"
    return f"{x:.4f}" if 1e-3 <= abs(x) < 1e4 or x == 0 else f"{x:.3g}"


def interval(row: Mapping[str, Any]) -> str:
    """``0.1234``, or ``0.12 to 0.14`` when the value is only bounded."""
    if row["value"] is None or row["value_lower"] == row["value_upper"]:
        return number(row["value"])
    return f"{number(row['value_lower'])} to {number(row['value_upper'])}"


def print_compare(rows: Sequence[Mapping[str, Any]], console: Any) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("column", "statistic", "value", "p (adj.)", "decision", "why"):
        table.add_column(name, justify="right" if name in ("value", "p (adj.)") else "left", overflow="fold")
    last = ""
    for r in rows:
        style = STYLE[r["decision"]]
        why = r["reason"] if r["decision"] in ("alert", "warn", "none") else ""
        name = r["column_name"] if r["column_name"] != last else ""
        last = r["column_name"]
        p = r["p_value_adjusted"] if r["p_value_adjusted"] is not None else r["p_value"]
        table.add_row(name, r["statistic"], interval(r), number(p), f"[{style}]{r['decision']}[/{style}]", why)
    console.print(table)
