"""The golden values of SciPy and numpy (tests/parity), measured on every engine.

Data sets stand side by side in wide tables, so that a few comparisons answer for all of them. Counts are equal, distances
within 1e-9, p-values within 1e-6 relative, on all engines: none needs more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from integration.cases import data
from integration.engines import ENGINES, Engine
from tests.parity import harness
from warehouse_drift import api
from warehouse_drift.grid.edges import Binning

FOLDER = Path(harness.__file__).parent


@dataclass
class OnEngine(harness.Folder):
    """The folder's tables in an engine: the wide ones, and those whose NULLs are counted. ``default``: what a comparison
    with nothing asked gave, (data set, statistic) -> row; then nothing of that is measured again."""

    engine: Engine | None = None
    default: Callable[[], Mapping[tuple[str, str], dict[str, Any]]] | None = None

    @cached_property
    def at(self) -> Engine:
        assert self.engine is not None
        with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as connection:

            def columns(table: str) -> Mapping[str, list[Any]]:
                found = connection.execute(f'SELECT * FROM "{table}"')
                names = [d[0] for d in found.description or ()]
                return dict(zip(names, map(list, zip(*found.fetchall(), strict=True)), strict=True))

            tables = sorted({self.group(d) for d in self.paired})
            tables = ["wide_large"] if self.default else [*tables, *(d for d in self.paired if self.holds_null(d))]
            self.engine.load({f"{t}_{side}": columns(f"{t}_{side}") for t in tables for side in ("ref", "cur")})
        return self.engine

    def compare(self, reference: str, current: str, **options: Any) -> api.CompareResult:
        place, args = self.at.place, self.at.connect_args
        if self.default and reference == "wide_ref":  # loaded by the conformance suite
            self.default()
            reference, current = "parity_ref", "parity_cur"
        return api.compare(self.at.url, place + reference, place + current, connect_args=args, **options)


    def rows(self, dataset: str, statistics: Sequence[str], dtype: str | None = None, **options: Any) -> dict[str, dict[str, Any]]:
        if self.default is None or self.asked is not None or options.get("binning", Binning("values")).rule != "values":
            return super().rows(dataset, statistics, dtype, **options)
        if self.group(dataset) == "wide":  # the conformance suite has measured it
            return {s: row for (column, s), row in self.default().items() if column == dataset}
        return self.large

    @cached_property
    def large(self) -> dict[str, dict[str, Any]]:
        result = self.compare("wide_large_ref", "wide_large_cur", precision="exact", statistics=["ks", "wasserstein"])
        return {r["statistic"]: r for r in result.rows}


def asked(e: Mapping[str, Any], kind: str, brief: bool) -> bool:
    """Values that come from a comparison. In brief: those of the statistics that every comparison has, and one choice of
    bins for numbers."""
    if e["part"] != "scipy" or e["stat"].startswith("summary_"):
        return False
    params, stat = e["params"], e["stat"]
    if not brief:
        return True
    if "binning" not in params:
        return stat in ("n", "ks_statistic", "ks_pvalue", "wasserstein")
    if params.get("zero_bins") not in (None, "none") or stat.startswith("kl_"):
        return False
    if params["binning"] == "deciles_ref_open":
        return e["dataset"] != "formula_large"
    plain = stat in ("tvd", "l_infinity") or (stat == "js_distance" and params["base"] == 2)
    tested = stat == "chi2_contingency" and not params.get("yates")
    return params["binning"] == "categories_nulls_drop" and kind == "cat" and (plain or tested)


@pytest.mark.slow
def test_golden_values(
    engine_name: str,
    engines: Callable[[str], Engine],
    answers: Callable[[str, str, str], Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """All of them; a slow engine is asked in brief unless it is named (--engine spark)."""
    brief = bool(ENGINES[engine_name].get("slow")) and request.config.getoption("--engine") == "all"
    default = partial(answers, engine_name, "parity", "exact") if brief else None
    folder = OnEngine(FOLDER, tmp_path, engine=engines(engine_name), default=default)
    found = [(e, harness.outcome(folder, e)) for e in folder.golden["values"] if asked(e, folder.kind(e["dataset"]), brief)]
    wrong = [
        f"{o.dataset} {e['stat']} {e['params']}: {o.ours}, should be {o.golden} {o.reason}"
        for e, o in found
        if o.status == harness.WRONG
    ]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)}", *wrong[:30]])
    count = Counter(o.status for _, o in found)
    assert count[harness.REPRODUCED] >= (150 if brief else 750), count
    assert {o.dataset for _, o in found} == set(folder.paired)


@pytest.mark.slow
def test_golden_null_counts(engine_name: str, answers: Callable[[str, str, str], Any]) -> None:
    """NULLs of both sides, less the padding of the wide table."""
    rows, sides = answers(engine_name, "parity", "exact"), data("parity")
    golden = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))["values"]
    counts = {e["dataset"]: e["value"] for e in golden if e["stat"] == "null_counts"}
    assert len(counts) == 2
    for name, expected in counts.items():
        level, change = (rows[name, s]["value"] for s in ("missing_rate", "missing_rate_change"))
        sizes, found = [len(side[name]) for side in sides], []
        for rate, size, true in zip((level - change, level), sizes, (expected[1], expected[3]), strict=True):
            assert rate * size == pytest.approx(round(rate * size), abs=1e-6)
            found += [round(rate * size) - (size - true), true]
        assert found == expected
