"""The built wheel carries the two data folders and works outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest

from warehouse_drift.resources import root, template_names

pytestmark = [pytest.mark.packaging, pytest.mark.slow]


def test_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(root())]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    held = set(zipfile.ZipFile(wheel).namelist())
    for name in template_names():
        assert f"warehouse_drift/_resources/sql_templates/{name}.sql.j2" in held
    assert "warehouse_drift/_resources/dialects/duckdb/dialect.toml" in held
    assert "warehouse_drift/decisions/presets/psi_classic.toml" in held
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    with duckdb.connect(str(tmp_path / "x.duckdb")) as c:
        c.execute("CREATE TABLE r AS SELECT range * 1.0 AS a FROM range(1000)")
        c.execute("CREATE TABLE k AS SELECT range * 2.0 AS a FROM range(1000)")
    # the wheel's own files come first on the path; the dependencies are those of the test environment
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import warehouse_drift; "
        f"assert warehouse_drift.__file__.startswith({str(site)!r}); from warehouse_drift.cli import main; main()"
    )
    url = f"duckdb:///{tmp_path / 'x.duckdb'}"
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", "--url", url, "--reference", "r", "--current", "k", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 1, done.stderr
    ks = next(r for r in json.loads(done.stdout)["rows"] if r["statistic"] == "ks")
    assert ks["value_lower"] <= 0.5 <= ks["value_upper"]
