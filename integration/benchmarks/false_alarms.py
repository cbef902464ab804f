"""False alarms without drift, and power with it, by simulation on DuckDB.

    python integration/benchmarks/false_alarms.py --runs 2000            # share of runs with any alert
    python integration/benchmarks/false_alarms.py --power --svg docs/explanation/power.svg

Every run draws both sides from the same law: 25 columns (ties, NULLs, zero inflation, heavy tails, Zipf and rare
categories, 5,000 distinct values, correlated columns), 50 to 50,000 rows a side. What is counted is what a user sees:
runs of `compare` with any alert (and any warning), by preset.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from warehouse_drift import api
from warehouse_drift.pipeline.library import Chunks

JUDGED = ("psi", "missing_rate_change", "unseen_rate", "vanished_rate")


def side(rng: np.random.Generator, n: int, law: Mapping[str, Any]) -> pd.DataFrame:
    """One side of a run: n rows of 25 columns. ``law`` holds what both sides share (category shares)."""
    factor = rng.normal(size=n)
    columns: dict[str, Any] = {
        "normal": rng.normal(size=n),
        "skewed": rng.lognormal(0, 1, n),
        "student": rng.standard_t(2, n),
        "pareto": rng.pareto(1, n),
        "uniform": rng.random(n),
        "counts": rng.poisson(3, n),
        "many_counts": rng.poisson(40, n),
        "zeros": np.where(rng.random(n) < 0.6, 0.0, rng.exponential(10, n)),
        "prices": np.floor(rng.exponential(20, n)) + 0.99,
        "rounded": np.round(rng.normal(size=n), 1),
        "grades": rng.integers(0, 4, n),
        "two_clusters": rng.normal(size=n) + 1e9 * (rng.random(n) < 0.5),
        "few_gaps": np.where(rng.random(n) < 0.02, np.nan, rng.normal(size=n)),
        "many_gaps": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
        "constant": np.full(n, 5.0),
        **{f"linked_{i}": factor + 0.5 * rng.normal(size=n) for i in range(4)},
        "half": rng.random(n) < 0.5,
        "seldom": rng.random(n) < 0.01,
        **{name: rng.choice(len(p), n, p=p) for name, p in law.items()},
    }
    frame = pd.DataFrame(columns)
    for name in law:
        frame[name] = "k" + frame[name].astype(str)
    return frame


def laws(rng: np.random.Generator) -> dict[str, Any]:
    def zipf(k: int, power: float) -> Any:
        p = 1.0 / np.arange(1, k + 1) ** power
        return p / p.sum()

    return {"three": rng.dirichlet([5, 5, 5]), "zipf": zipf(50, 1.2), "rare": zipf(300, 2.0), "ids": zipf(5000, 0.5)}


def compared(work: Path, reference: pd.DataFrame, current: pd.DataFrame, **options: Any) -> api.CompareResult:
    file = work / "run.duckdb"
    file.unlink(missing_ok=True)
    connection = duckdb.connect(str(file))
    for name, frame in (("r", reference), ("c", current)):
        connection.register("frame", frame)
        # gaps become NULL
        listed = ", ".join(
            f'CASE WHEN ISNAN("{c}") THEN NULL ELSE "{c}" END AS "{c}"' if frame[c].dtype == float else f'"{c}"'
            for c in frame
        )
        connection.execute(f"CREATE TABLE {name} AS SELECT {listed} FROM frame")
        connection.unregister("frame")
    connection.close()
    return api.compare(f"duckdb:///{file}", "r", "c", **options)


def false_alarms(runs: int, seed: int, presets: list[str]) -> dict[str, Any]:
    """Share of no-drift runs with any alert and with any warning or alert, and what alerted."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for preset in presets:
            alerts, warns, undecided, decided, what = 0, 0, 0, 0, Counter()
            for run in range(runs):
                rng = np.random.default_rng([seed, run])
                law = laws(rng)
                n, m = (int(10 ** rng.uniform(np.log10(50), np.log10(50_000))) for _ in range(2))
                statistics = JUDGED if preset == "psi_classic" else None
                result = compared(
                    Path(folder),
                    side(rng, n, law),
                    side(rng, m, law),
                    preset=preset,
                    statistics=statistics,
                    chunks=Chunks(),
                )
                kinds = Counter(r["decision"] for r in result.rows if r["column_name"] != ":table")
                alerts += kinds["alert"] > 0
                warns += kinds["alert"] + kinds["warn"] > 0
                undecided += kinds["none"]
                decided += kinds["ok"] + kinds["warn"] + kinds["alert"]
                what.update(
                    f"{r['column_name']} {r['statistic']} {r['decision']}"
                    for r in result.rows
                    if r["decision"] in ("warn", "alert")
                )
                if run % 50 == 49:
                    sys.stderr.write(
                        f"{preset}: {run + 1} runs, {alerts} with an alert, {warns} with a warning or alert\n"
                    )
            found[preset] = {
                "runs": runs, "alert": alerts / runs, "warn_or_alert": warns / runs,
                "undecided_share": undecided / max(1, undecided + decided), "most": what.most_common(8),
            }  # fmt: skip
    return found


SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
SIZES = (100, 500, 2000)
DRAWS = 20


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
    return sum(r["decision"] in decisions for r in result.rows if r["column_name"] != ":table") / of


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
        x = left + i * 220
        parts.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{height + 85}" y2="{height + 85}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<text x="{x + 30}" y="{height + 89}">{name}</text>')
    parts.append(
        f'<text x="{left}" y="{height + 68}">share of draws flagged against the shift of the mean (standard deviations)</text></svg>'
    )
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="False alarms and power by simulation.")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--presets", default="psi_classic")
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    found = power(given.seed) if given.power else false_alarms(given.runs, given.seed, given.presets.split(","))
    if given.svg and given.power:
        given.svg.write_text(picture(found), encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.stderr.write(f"{time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
