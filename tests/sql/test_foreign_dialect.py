"""A ninth dialect that another installed package brings by an entry point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from warehouse_drift.resources import root

PROGRAM = """
from warehouse_drift.sql.dialect import dialect_for_url, load_dialect
from warehouse_drift.sql.render import render
from warehouse_drift.sql.environment import identifier
dialect = dialect_for_url("ninth://user@host/db")
columns = [{"number": 0, "x": identifier("x"), "float": True}]
print(dialect.name, dialect.identifier_limit, load_dialect("postgres").name)
print(render("grid/range", {"source": identifier("t"), "filter": None, "columns": columns, "finite": True}, dialect).sql)
"""


def install(folder: Path, *, with_dialect: bool = True) -> None:
    """What pip leaves behind: a package, and its metadata with the entry point."""
    package, info = folder / "ninth_dialect", folder / "ninth_dialect-1.0.dist-info"
    (package / "overrides" / "grid").mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a dialect is data: nobody imports it')\n")
    if with_dialect:
        text = (root() / "dialects" / "postgres" / "dialect.toml").read_text(encoding="utf-8")
        text = text.replace('url_schemes = ["postgresql", "postgres"]', 'url_schemes = ["ninth"]')
        text = text.replace('aliases = ["postgresql"]', "").replace("identifier_limit = 63", "identifier_limit = 77")
        (package / "dialect.toml").write_text(text, encoding="utf-8")
        (package / "overrides" / "grid" / "range.sql.j2").write_text("SELECT 77 AS row_count FROM {{ source }} AS src")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ninth-dialect\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[warehouse_drift.dialects]\nninth = ninth_dialect\npostgres = ninth_dialect\n"
    )


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PROGRAM}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_a_dialect_of_another_package(tmp_path: Path) -> None:
    install(tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    first, *sql = done.stdout.splitlines()
    assert first == "ninth 77 postgres"
    assert "77 AS row_count" in "\n".join(sql), "its override was not used"


def test_a_package_without_a_dialect_is_named(tmp_path: Path) -> None:
    install(tmp_path, with_dialect=False)
    done = run(tmp_path)
    assert done.returncode != 0 and "ninth_dialect" in done.stderr and "no package with a dialect.toml" in done.stderr
