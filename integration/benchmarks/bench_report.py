"""How long a report of many columns takes to make and to open in headless Chromium (``data-ready``: milliseconds until
its own script is through, as the browser counts them from the start of the navigation).

    python integration/benchmarks/bench_report.py drift.yml --columns 300
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from warehouse_drift.reports.gather import ReportData, gather
from warehouse_drift.reports.html import html
from warehouse_drift.reports.page import build


def widened(data: ReportData, n: int) -> ReportData:
    """The stored columns again and again under other names, until there are ``n``."""
    keys = [k for k in data.bins if k[2] != ":table"]
    pairs = [(keys[i % len(keys)], (*keys[i % len(keys)][:2], f"{keys[i % len(keys)][2]}_{i}")) for i in range(n)]
    return replace(
        data,
        rows=tuple({**r, "column_name": new[2]} for old, new in pairs for r in data.rows if r["column_name"] == old[2]),
        parts=tuple({**r, "column_name": new[2]} for old, new in pairs for r in data.parts if r["column_name"] == old[2]),
        bins={new: data.bins[old] for old, new in pairs},
        series={new: data.series[old] for old, new in pairs},
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--columns", type=int, default=300)
    given = parser.parse_args()
    started = time.perf_counter()
    data = widened(gather(given.config), given.columns)
    text = html(build(data))
    made = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(text, encoding="utf-8")
        found = []
        for i in range(5):
            done = subprocess.run(
                [shutil.which("chromium") or "google-chrome", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 f"--user-data-dir={folder}/p{i}", "--dump-dom", path.as_uri()],
                capture_output=True, text=True, timeout=120, check=True,
            )  # fmt: skip
            ready = re.search(r'data-ready="(\d+)"', done.stdout)
            assert ready, "the page's script did not finish"
            found.append(int(ready[1]))
    print(f"{given.columns} columns: made in {made:.1f} s, {len(text) / 1e6:.1f} MB, ready after {sorted(found)[2]} ms (median of {sorted(found)})")


if __name__ == "__main__":
    main()
