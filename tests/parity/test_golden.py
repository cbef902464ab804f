"""The golden values of other libraries: none is wrong, and what differs differs on purpose (tests/parity/harness.py)."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def harness() -> ModuleType:
    spec = importlib.util.spec_from_file_location("parity_harness", HERE / "harness.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_golden_value(harness: ModuleType, tmp_path: Path) -> None:
    found = list(harness.outcomes(HERE, tmp_path))
    assert [o for o in found if o.status == harness.WRONG] == []
    count = Counter(o.status for o in found)
    assert len(found) == 1415 and count[harness.REPRODUCED] >= 1320
    assert all(o.reason for o in found if o.status != harness.REPRODUCED)
    assert count[harness.NOT_YET] == 0


def test_another_folder_and_a_wrong_value(harness: ModuleType, tmp_path: Path) -> None:
    """The harness knows no data set by name, and a value that differs is not explained away."""
    golden = json.loads((HERE / "golden.json").read_text())
    kept = [
        v
        for v in golden["values"]
        if v["dataset"] == "tiny" and v["part"] == "scipy" and v["stat"] in ("wasserstein", "psi", "ks_statistic")
    ]
    kept = [v | {"dataset": "renamed"} for v in kept]
    kept[0] = kept[0] | {"value": kept[0]["value"] + 1e-6}
    folder = tmp_path / "other"
    (folder / "data").mkdir(parents=True)
    shutil.copy(HERE / "data" / "tiny.csv", folder / "data" / "renamed.csv")
    body = {"datasets": {"renamed": {"kind": "num", "text": ""}}, "values": kept}
    (folder / "golden.json").write_text(json.dumps(body))
    found = list(harness.outcomes(folder, tmp_path))
    assert len(found) == len(kept) > 10
    assert [o.status for o in found].count(harness.WRONG) == 1 and found[0].status == harness.WRONG
    assert "WRONG" in harness.report(found)
