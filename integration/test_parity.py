"""The golden values of SciPy and numpy (tests/parity), measured on every engine.

Data sets stand side by side in wide tables, so that a few comparisons answer for all of them. Counts are equal, distances
within 1e-9, p-values within 1e-6 relative, unless integration/engines.toml says otherwise with a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest

from integration.engines import ENGINES, Engine
from tests.parity import harness
from warehouse_drift import api

FOLDER = Path(harness.__file__).parent
SOME_BINS = ("deciles_ref_open", "categories_nulls_drop")


@dataclass
class OnEngine(harness.Folder):
    """The folder's tables in an engine: the wide ones, and those whose NULLs are counted."""

    engine: Engine | None = None

    @cached_property
    def at(self) -> Engine:
        assert self.engine is not None
        with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as connection:

            def columns(table: str) -> Mapping[str, list[Any]]:
                found = connection.execute(f'SELECT * FROM "{table}"')
                names = [d[0] for d in found.description or ()]
                return dict(zip(names, map(list, zip(*found.fetchall(), strict=True)), strict=True))

            tables = [*sorted({self.group(d) for d in self.paired}), *(d for d in self.paired if self.holds_null(d))]
            self.engine.load({f"{t}_{side}": columns(f"{t}_{side}") for t in tables for side in ("ref", "cur")})
        return self.engine

    def compare(self, reference: str, current: str, **options: Any) -> api.CompareResult:
        place, args = self.at.place, self.at.connect_args
        return api.compare(self.at.url, place + reference, place + current, connect_args=args, **options)


def asked(engine: str, e: Mapping[str, Any]) -> bool:
    """Values that come from a comparison; on slow engines one choice of bins for numbers and one for categories."""
    if e["part"] != "scipy" or e["stat"].startswith("summary_"):
        return False
    slow = ENGINES[engine].get("slow", False)
    binning, zero = e["params"].get("binning"), e["params"].get("zero_bins")
    return not slow or binning is None or (binning in SOME_BINS and zero in (None, "none") and e["stat"][:3] != "kl_")


@pytest.mark.slow
def test_golden_values(engine_name: str, engines: Callable[[str], Engine], tmp_path: Path) -> None:
    folder = OnEngine(FOLDER, tmp_path, engine=engines(engine_name))
    found = [(e, harness.outcome(folder, e)) for e in folder.golden["values"] if asked(engine_name, e)]
    wrong = [
        f"{o.dataset} {e['stat']} {e['params']}: {o.ours}, should be {o.golden} {o.reason}" for e, o in found if o.status == harness.WRONG
    ]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)}", *wrong[:30]])
    count = Counter(o.status for _, o in found)
    assert count[harness.REPRODUCED] >= (300 if ENGINES[engine_name].get("slow") else 750), count
    assert {o.dataset for _, o in found} == set(folder.paired)
