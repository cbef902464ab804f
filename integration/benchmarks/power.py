"""Power: how often a shift of the mean is flagged, by the default rules and by those of Evidently and NannyML.

    python integration/benchmarks/power.py --svg docs/explanation/power.svg

False alarms without drift: no_drift.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from no_drift import written

from warehouse_drift import api
from warehouse_drift.pipeline.library import Chunks


def compared(work: Path, reference: pd.DataFrame, current: pd.DataFrame, **options: Any) -> api.CompareResult:
    file = work / "run.duckdb"
    file.unlink(missing_ok=True)
    connection = duckdb.connect(str(file))
    for name, frame in (("r", reference), ("c", current)):
        written(connection, name, frame)
    connection.close()
    return api.compare(f"duckdb:///{file}", "r", "c", **options)


SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
SIZES = (100, 500, 2000)
DRAWS = 60


def power(seed: int, draws: int = DRAWS) -> dict[str, Any]:
    """Share of draws with a mean shift (in standard deviations) that are flagged, by preset, rows a side and shift.

    One table holds ``draws`` independent pairs as columns, each judged alone."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            for shift in SHIFTS:
                rng = np.random.default_rng([seed, n, round(shift * 100)])
                x, y = (pd.DataFrame({f"d{i}": rng.normal(s, 1, n) for i in range(draws)}) for s in (0.0, shift))
                flags: dict[str, float] = {}
                result = compared(Path(folder), x, y, preset="evidently")
                flags["evidently"] = share(result, ("alert",), draws)
                numbered = [f.assign(row=np.arange(n)) for f in (x, y)]
                result = compared(Path(folder), *numbered, preset="nannyml", chunks=Chunks("row"))
                flags["nannyml"] = share(result, ("alert",), draws)
                rows = compared(Path(folder), x, y, statistics=["psi"]).rows
                # each draw as a comparison of its own: its p needs no adjustment
                sure = [r for r in rows if r["reason_code"] != "insufficient" and r["p_value"] < 0.01]
                flags["psi_classic warn"] = sum(r["value"] >= r["warn_threshold"] for r in sure) / draws
                flags["psi_classic alert"] = sum(r["value"] >= r["alert_threshold"] for r in sure) / draws
                for name, value in flags.items():
                    found.setdefault(name, {}).setdefault(str(n), []).append([shift, value])
            sys.stderr.write(f"power: {n} rows done\n")
    return found


def share(result: api.CompareResult, decisions: tuple[str, ...], of: int) -> float:
    """Columns with such a decision; in chunks (NannyML's ten), in any of them."""
    return len({r["column_name"] for r in result.rows if r["decision"] in decisions} - {":table"}) / of


def picture(found: Mapping[str, Any]) -> str:
    """The power curves as SVG: one panel a sample size."""
    colours = dict(zip(found, ("#d55e00", "#56b4e9", "#0072b2", "#cc79a7"), strict=False))
    width, height, left, top = 230, 170, 40, 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + len(SIZES) * (width + 20)}" height="{height + 110}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>']  # fmt: skip
    for panel, n in enumerate(SIZES):
        x0 = left + panel * (width + 20)
        parts.append(f'<rect x="{x0}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>')
        parts.append(f'<text x="{x0 + width / 2}" y="{top - 8}" text-anchor="middle">{n:,} rows a side</text>')
        for tick in (0.0, 0.5, 1.0):
            y = top + height * (1 - tick)
            parts.append(f'<line x1="{x0}" x2="{x0 + width}" y1="{y}" y2="{y}" stroke="#eee"/>')
            parts.append(f'<text x="{x0 + width * tick}" y="{top + height + 14}" text-anchor="middle">{tick:g}</text>')
            if panel == 0:
                parts.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{100 * tick:g} %</text>')
        for name, by_size in found.items():
            points = " ".join(f"{x0 + width * s:.1f},{top + height * (1 - v):.1f}" for s, v in by_size[str(n)])
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
    for i, (name, colour) in enumerate(colours.items()):
        x = left + i * 180
        parts.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{height + 85}" y2="{height + 85}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{x + 30}" y="{height + 89}">{name}</text>')
    parts.append(
        f'<text x="{left}" y="{height + 68}">share of draws flagged against the shift of the mean (standard deviations)</text></svg>'
    )
    return "\n".join(parts) + "\n"


def table(found: Mapping[str, Any]) -> str:
    """The same as a Markdown table."""
    lines = ["| rows a side | rules |" + "".join(f" {s:g} |" for s in SHIFTS), "|--:|---|" + "--:|" * len(SHIFTS)]
    for n in SIZES:
        for name, by_size in found.items():
            lines.append(f"| {n:,} | {name} |" + "".join(f" {100 * v:.0f} % |" for _, v in by_size[str(n)]))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Power by simulation.")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    found = power(given.seed, given.draws)
    if given.svg:
        given.svg.write_text(picture(found), encoding="utf-8")
    sys.stdout.write(table(found))
    sys.stderr.write(f"{time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
