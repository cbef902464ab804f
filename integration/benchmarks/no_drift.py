"""Runs without drift: how many have any alert under the default rules, by simulation through the product's own verbs.

    python integration/benchmarks/no_drift.py --state no_drift.json            # goes on where it was stopped
    python integration/benchmarks/no_drift.py --state no_drift.json --report   # the table so far
    python integration/benchmarks/no_drift.py --state linked.json --days linked --runs 3052

Two kinds of runs, and after each one the state is written, so that it can be stopped at any time:

* ``monitor``: one table of 35 days, a monitor with the defaults (limits ``auto`` from 21 baseline days, 14 days judged
  day by day, 2 of 3). A run is one judged day: its 25 columns and its row count against the baseline.
* ``compare``: two tables of one law through ``compare`` with its defaults.

25 columns: normal, skewed, heavy tails, ties, 60 % zeros, prices heaped at .99, two clusters 1e9 apart, 2 % and 30 %
NULL, a constant, four correlated columns, booleans of 50 % and 1 %, Zipf and rare categories, 5,000 distinct values;
50 to 50,000 rows a side (log-uniform). ``days``: what days of one table have in common:
``alike`` (every row from one law), ``linked`` (each column's law moves from day to day, AR(1) with coefficient 0.6),
``weekly`` (the same on top of a pattern of the weekday). How far it moves differs by column: 0.02 to 0.2 standard
deviations (log-uniform), as much in the logarithm of the odds of shares.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from warehouse_drift import api, verbs_run
from warehouse_drift.decisions.model import Verdict

BASELINE_DAYS, JUDGED_DAYS, WEEKDAYS = 21, 14, 7
FIRST_DAY = np.datetime64("2025-01-06")
DAYS = ("alike", "linked", "weekly")
LEAST_MOVE, MOST_MOVE, AGAIN = 0.02, 0.2, 0.6
CONFIG = """\
version: 1
project: simulated
warehouse: {{url: "duckdb:///{file}", result_schema: drift}}
monitors:
  - name: simulated
    relation: simulated
    timestamp: {{column: at, time_zone: UTC, bucket: day}}
    baseline: {{from: {first}, to: {judged}}}
    comparisons: [{{name: daily, window: day, against: baseline}}]
"""


def zipf(k: int, power: float) -> Any:
    """Shares of k values that fall with a power of their rank; shape (k,)."""
    p = 1.0 / np.arange(1, k + 1) ** power
    return p / p.sum()


def wobble(rng: np.random.Generator, days: int, kind: str) -> Any:
    """How far a column's law is moved on each day, in standard deviations; shape (days,)."""
    if kind == "alike":
        return np.zeros(days)
    size = LEAST_MOVE * (MOST_MOVE / LEAST_MOVE) ** rng.random()
    found = np.empty(days)
    found[0] = rng.normal()
    for i in range(1, days):
        found[i] = AGAIN * found[i - 1] + np.sqrt(1 - AGAIN**2) * rng.normal()
    if kind == "weekly":
        found = (found + rng.normal(size=WEEKDAYS)[np.arange(days) % WEEKDAYS]) / np.sqrt(2)
    return size * found


def odds(p: float, move: Any) -> Any:
    """A share whose logarithm of the odds is moved."""
    return 1 / (1 + (1 - p) / p * np.exp(-move))


def table(rng: np.random.Generator, day: Any, days: int, kind: str) -> pd.DataFrame:
    """Rows of 25 columns; ``day`` is the number of each row's day, shape (rows,), sorted."""
    n = len(day)
    factor = rng.normal(size=n) + wobble(rng, days, kind)[day]

    def moved() -> Any:
        return wobble(rng, days, kind)[day]

    def categories(p: Any) -> Any:
        found = np.empty(n, dtype=np.int64)
        cuts = np.searchsorted(day, np.arange(days + 1))
        moves = np.array([wobble(rng, days, kind) for _ in range(min(len(p), 20))])
        for d in range(days):
            shares = p.copy()
            shares[: len(moves)] *= np.exp(moves[:, d])
            shares /= shares.sum()
            found[cuts[d] : cuts[d + 1]] = rng.choice(len(p), cuts[d + 1] - cuts[d], p=shares)
        return np.char.add("k", found.astype(str))

    def gaps(share: float) -> Any:
        return np.where(rng.random(n) < odds(share, moved()), np.nan, rng.normal(size=n))

    columns: dict[str, Any] = {
        "normal": rng.normal(size=n) + moved(),
        "skewed": np.exp(rng.normal(size=n) + moved()),
        "student": rng.standard_t(2, n) + moved(),
        "pareto": rng.pareto(1, n) * np.exp(moved()),
        "uniform": rng.random(n) + 0.29 * moved(),
        "counts": rng.poisson(3 * np.exp(moved() / np.sqrt(3))),
        "many_counts": rng.poisson(40 * np.exp(moved() / np.sqrt(40))),
        "zeros": np.where(rng.random(n) < odds(0.6, moved()), 0.0, rng.exponential(10, n)),
        "prices": np.floor(rng.exponential(20, n) * np.exp(moved())) + 0.99,
        "rounded": np.round(rng.normal(size=n) + moved(), 1),
        "grades": np.clip(np.floor(4 * rng.random(n) ** np.exp(moved())), 0, 3).astype(int),
        "two_clusters": rng.normal(size=n) + 1e9 * (rng.random(n) < odds(0.5, moved())),
        "few_gaps": gaps(0.02),
        "many_gaps": gaps(0.3),
        "constant": np.full(n, 5.0),
        **{f"linked_{i}": factor + 0.5 * rng.normal(size=n) for i in range(4)},
        "half": rng.random(n) < odds(0.5, moved()),
        "seldom": rng.random(n) < odds(0.01, moved()),
        "three": categories(rng.dirichlet([5, 5, 5])),
        "zipf": categories(zipf(50, 1.2)),
        "rare": categories(zipf(300, 2.0)),
        "ids": categories(zipf(5000, 0.5)),
    }
    return pd.DataFrame(columns)


def size_of(rng: np.random.Generator) -> int:
    return int(10 ** rng.uniform(np.log10(50), np.log10(50_000)))


def written(connection: Any, name: str, frame: pd.DataFrame) -> None:
    """A table of the frame's rows; gaps become NULL."""
    connection.register("frame", frame)
    listed = ", ".join(
        f'CASE WHEN ISNAN("{c}") THEN NULL ELSE "{c}" END AS "{c}"' if frame[c].dtype == float else f'"{c}"'
        for c in frame
    )
    connection.execute(f"CREATE TABLE {name} AS SELECT {listed} FROM frame")
    connection.unregister("frame")


def counted(rows: Sequence[tuple[str, str, str, str]]) -> dict[str, Any]:
    """What one run says: (column, statistic, decision, decision of the window alone) of all that is judged."""
    kinds = Counter(d for _, _, d, _ in rows)
    return {
        "alerts": [f"{c} {s}" for c, s, d, _ in rows if d == "alert"],
        "alone": [f"{c} {s}" for c, s, _, raw in rows if raw == "alert"],
        "warns": [f"{c} {s}" for c, s, d, _ in rows if d == "warn"],
        "decided": kinds["ok"] + kinds["warn"] + kinds["alert"],
        "undecided": kinds["none"],
    }


def monitored(folder: Path, rng: np.random.Generator, kind: str) -> list[dict[str, Any]]:
    """The judged days of one monitor."""
    n = size_of(rng)
    days = BASELINE_DAYS + JUDGED_DAYS + 1  # a day is whole once a newer row exists
    day = np.repeat(np.arange(days), rng.poisson(n, days))
    frame = table(rng, day, days, kind)
    seconds = (rng.random(len(day)) * 86_400).astype("timedelta64[s]")
    frame["at"] = FIRST_DAY.astype("datetime64[s]") + day.astype("timedelta64[D]") + seconds
    file = folder / "simulated.duckdb"
    for old in folder.glob("simulated*"):
        old.unlink()
    with duckdb.connect(str(file)) as connection:
        written(connection, "simulated", frame)
    config = folder / "simulated.yml"
    judged, last = FIRST_DAY + BASELINE_DAYS, FIRST_DAY + days - 1
    config.write_text(CONFIG.format(file=file, first=FIRST_DAY, judged=judged), encoding="utf-8")
    (found,) = verbs_run.backfill(str(config), str(judged), str(last)).monitors
    if found.failed:
        raise RuntimeError(found.failed)
    return [
        counted(
            [
                (d.summary.column_name, d.summary.statistic, d.verdict.value, d.raw.value)
                for d in w.decisions
                if d.verdict is not Verdict.NOT_JUDGED
            ]
        )
        | {"kind": f"monitor, days {kind}", "rows": n}
        for w in found.windows
    ]


def compared(folder: Path, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One comparison of two tables of one law."""
    n, m = size_of(rng), size_of(rng)
    frame = table(rng, np.zeros(n + m, dtype=np.int64), 1, "alike")
    file = folder / "compared.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        written(connection, "r", frame[:n])
        written(connection, "c", frame[n:])
    result = api.compare(f"duckdb:///{file}", "r", "c")
    rows = [
        (r["column_name"], r["statistic"], r["decision"], r["decision"])
        for r in result.rows
        if r["decision"] != "not_judged"
    ]
    return [counted(rows) | {"kind": "compare", "rows": min(n, m)}]


def upper_limit(hits: int, of: int) -> float:
    """Clopper and Pearson's one-sided 95 % limit of a share."""
    from scipy.stats import beta

    return 1.0 if hits >= of else float(beta.ppf(0.95, hits + 1, of - hits))


def report(runs: Sequence[Mapping[str, Any]]) -> str:
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for r in runs:
        kinds[r["kind"]].append(r)
    lines = [
        f"{'runs':<24}{'number':>8}{'alert':>8}{'share':>9}{'at most':>9}{'alone':>9}{'warning':>9}{'undecided':>11}"
    ]
    for kind, some in [*sorted(kinds.items()), ("all", list(runs))]:
        hits = sum(bool(r["alerts"]) for r in some)
        alone = sum(bool(r["alone"]) for r in some)
        warned = sum(bool(r["alerts"] or r["warns"]) for r in some)
        open_share = sum(r["undecided"] for r in some) / max(1, sum(r["decided"] + r["undecided"] for r in some))
        lines.append(
            f"{kind:<24}{len(some):>8,}{hits:>8}{hits / len(some):>9.2%}{upper_limit(hits, len(some)):>9.2%}"
            f"{alone / len(some):>9.2%}{warned / len(some):>9.2%}{open_share:>11.1%}"
        )
    for title, key in (("alerts", "alerts"), ("alerts of a day alone, before 2 of 3", "alone"), ("warnings", "warns")):
        most = Counter(what for r in runs for what in r[key]).most_common(12)
        lines.append(f"\n{title}: " + (", ".join(f"{what} {n}" for what, n in most) or "none"))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs without drift: how many have any alert under the default rules.")
    parser.add_argument("--state", type=Path, required=True, help="JSON file that holds what is known so far")
    parser.add_argument("--runs", type=int, default=2000, help="runs of each kind: judged days, and comparisons")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--days", choices=DAYS, help="monitors whose days are so, and no comparisons; default: all kinds")
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    state = json.loads(given.state.read_text()) if given.state.exists() else {"done": [], "runs": []}
    done, runs = {tuple(d) for d in state["done"]}, state["runs"]
    if given.report:
        sys.stdout.write(report(runs))
        return
    monitors = -(-given.runs // JUDGED_DAYS)
    jobs = [("monitor", i) for i in range(monitors)] + [("compare", i) for i in range(given.runs)]
    if given.days:
        jobs = [("monitor", len(DAYS) * i + DAYS.index(given.days)) for i in range(monitors)]
    started = time.process_time()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        for what, number in jobs:
            if (what, number) in done:
                continue
            rng = np.random.default_rng([given.seed, what == "monitor", number])
            found = (
                monitored(Path(folder), rng, DAYS[number % len(DAYS)])
                if what == "monitor"
                else compared(Path(folder), rng)
            )
            runs += [r | {"number": number} for r in found]
            done.add((what, number))
            part = given.state.with_suffix(".part")
            part.write_text(json.dumps({"done": sorted(done), "runs": runs}))
            part.replace(given.state)
            sys.stderr.write(
                f"{what} {number}: {len(runs):,} runs, {sum(bool(r['alerts']) for r in runs)} with an alert, "
                f"{time.process_time() - started:.0f} CPU seconds\n"
            )
    sys.stdout.write(report(runs))


if __name__ == "__main__":
    main()
