"""Generated tables for the benchmarks: 20 numeric and 5 categorical columns, without drift and with a little."""

from __future__ import annotations

from pathlib import Path

import duckdb

NUMERIC = tuple(f"x{i}" for i in range(20))
CATEGORICAL = tuple(f"c{i}" for i in range(5))
WINDOWS = 10
_NORMAL = "SQRT(-2 * LN(RANDOM() + 1e-12)) * COS(6.283185307179586 * RANDOM())"
_SHAPES = (
    f"{_NORMAL} + {{d}}",  # normal
    f"EXP({_NORMAL} + {{d}})",  # log-normal
    "CASE WHEN RANDOM() < 0.6 - {d} / 10 THEN 0.0 ELSE RANDOM() * 100 END",  # zero-inflated
    "CAST(CASE WHEN RANDOM() < 0.02 THEN NULL ELSE FLOOR(RANDOM() * 5000 * (1 + {d})) END AS INTEGER)",  # integers with ties and NULLs
    "CASE WHEN RANDOM() < 0.02 THEN NULL ELSE (1 + {d}) / (RANDOM() + 1e-7) END",  # Pareto with NULLs
)
_WORDS = (
    "CASE WHEN RANDOM() < 0.5 + {d} THEN 'yes' ELSE 'no' END",
    "'p' || CAST(FLOOR(RANDOM() * 12 * (1 - {d})) AS INTEGER)",
    "'k' || CAST(FLOOR(POWER(50, RANDOM())) AS INTEGER)",
    "CASE WHEN RANDOM() < 0.05 THEN NULL ELSE 'v' || CAST(FLOOR(RANDOM() * 400) AS INTEGER) END",
    "'z' || CAST(FLOOR(POWER(900, RANDOM() * (1 - {d}))) AS INTEGER)",
)
DRIFT = {"reference": 0.0, "same": 0.0, "drifted": 0.1}


def make(path: Path, rows: int, *, tables: tuple[str, ...] = tuple(DRIFT), columns: int = 25) -> None:
    """Writes ``tables`` of ``rows`` rows each; ``part`` numbers ten windows of equal size."""
    with duckdb.connect(str(path)) as c:
        c.execute("SELECT SETSEED(0.5)")
        for table in tables:
            d = DRIFT[table]
            listed = [f"{_SHAPES[i % 5].format(d=d)} AS {n}" for i, n in enumerate(NUMERIC)]
            listed += [f"{_WORDS[i].format(d=d)} AS {n}" for i, n in enumerate(CATEGORICAL)]
            c.execute(
                f"CREATE TABLE {table} AS SELECT {', '.join(listed[:columns])}, CAST(range * {WINDOWS} // {rows} AS INTEGER) AS part FROM RANGE({rows})"
            )
