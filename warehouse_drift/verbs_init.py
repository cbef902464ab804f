"""``init``: a first drift.yml from a live connection."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.checks import beside
from warehouse_drift.config.init import ColumnStats, propose
from warehouse_drift.config.resolved import SourceColumn
from warehouse_drift.errors import UsageError
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import is_query
from warehouse_drift.sql.expressions import relation as relation_sql
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import columns as source_columns

SAMPLE = 100_000
"""Distinct values are counted among so many rows."""
_AT_ONCE = 200
"""Columns of one statement: some engines limit what a SELECT may return."""
_EXTENT = {"date": "time", "timestamp": "time", "timestamptz": "time", "integer": "integer", "text": "text"}
_COUNTED = ("integer", "text")
_MEASURED = ("integer", "decimal", "float", "boolean", "text", "date", "timestamp", "timestamptz")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PASSWORD = "WAREHOUSE_PASSWORD"


@dataclass(frozen=True, slots=True)
class InitResult:
    """``notes``: sentences for people, as what to do about a password."""

    path: str
    monitor: str
    columns: int
    rows: int
    notes: tuple[str, ...] = ()


def init(
    url: str, relation: str, *, output: str = "drift.yml", project: str | None = None, force: bool = False
) -> InitResult:
    """Looks at a relation (its columns, two aggregates; no rows) and writes a commented configuration that passes
    ``check``.

    Args:
        url: as for ``compare``; ``${VAR}`` is filled in from the environment and written as it stands. A password in
            plain text is not written: the file gets ``${WAREHOUSE_PASSWORD}``.
        relation: a table name, or a SELECT in parentheses.
        output: the file to write; its folder must exist.
        force: replace the file when it is there.

    Raises:
        DriftError: with one sentence, for anything a user can cause; nothing is written then.
    """
    path = Path(output)
    if path.exists() and not force:
        raise UsageError(f"{output} is there already.", hint="Choose another --output, or add --force to replace it.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} for {path.name}.")
    with open_warehouse(_filled(url), read_only=True) as warehouse:
        source = relation_sql(relation, warehouse.dialect)
        found = source_columns(warehouse, source, relation)
        stats = column_stats(warehouse, source, found)
    written, notes = _without_password(_from(path.parent, url))
    query = is_query(source)
    name = "scores" if query else relation.strip().rstrip(";").split(".")[-1].strip('"`[] ')
    text = propose(
        found, stats, relation=relation.strip(), query=query, url=written, project=project or path.resolve().parent.name or "my_project", monitor=name
    )  # fmt: skip
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    rows = max((s.rows or 0 for s in stats.values()), default=0)
    return InitResult(output, name, len(found), rows, tuple(notes))


def column_stats(warehouse: Warehouse, source: Markup, columns: Sequence[SourceColumn]) -> dict[str, ColumnStats]:
    """Rows, nulls and extents of all rows; distinct values of the first ``SAMPLE`` rows, with the rows and nulls of
    those where they are fewer."""
    listed = [
        {"number": i, "name": c.name, "x": _x(c), "extent": _EXTENT.get(c.type_family), "family": c.type_family}
        for i, c in enumerate(columns)
        if c.type_family in _MEASURED
    ]
    found: dict[str, ColumnStats] = {}
    for first in range(0, len(listed), _AT_ONCE):
        some = listed[first : first + _AT_ONCE]
        whole = _row(warehouse, "warehouse/column_extents", {"source": source, "columns": some})
        for c in some:
            i = c["number"]
            found[str(c["name"])] = ColumnStats(
                int(whole["row_count"]),
                None,
                int(whole["row_count"]) - int(whole[f"filled_{i}"]),
                whole.get(f"low_{i}"),
                whole.get(f"high_{i}"),
            )
        counted = [c for c in some if c["family"] in _COUNTED]
        if not counted:
            continue
        sample = _row(warehouse, "warehouse/column_distinct", {"source": source, "columns": counted, "rows": SAMPLE})
        for c in counted:
            i, name = c["number"], str(c["name"])
            found[name] = ColumnStats(
                int(sample["row_count"]),
                int(sample[f"distinct_{i}"]),
                int(sample["row_count"]) - int(sample[f"filled_{i}"]),
                found[name].minimum,
                found[name].maximum,
            )
    return found


def _x(column: SourceColumn) -> Markup:
    x = Markup("src.") + identifier(column.name)
    return Markup("CAST({} AS VARCHAR)").format(x) if column.type_family == "text" else x


def _row(warehouse: Warehouse, template: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return warehouse.fetch(render(template, params, warehouse.dialect).sql, name=template)[0]


def _filled(url: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise UsageError(f"The environment variable {match[1]} in the URL is not set.")
        return found

    return _VARIABLE.sub(value, url)


def _from(folder: Path, url: str) -> str:
    """The URL as the file must hold it: there, a relative path of a database file counts from the file's own folder."""
    seen = beside(url, Path.cwd() / "elsewhere")  # does it hold a path that counts from a folder?
    if seen == url or "${" in url or folder.resolve() == Path.cwd():
        return url
    scheme, _, rest = url.partition(":///")
    file, mark, options = rest.partition("?")
    return f"{scheme}:///{Path(os.path.relpath(file, folder)).as_posix()}{mark}{options}"


def _without_password(url: str) -> tuple[str, list[str]]:
    """The URL to write, and what to say about it."""
    match = re.match(r"([^:/]+://[^:@/]*:)(.*)(@[^@]*)\Z", url)
    if not match or not match[2] or "${" in match[2]:
        return url, []
    return (
        f"{match[1]}${{{PASSWORD}}}{match[3]}",
        [f"The password is not written; set the environment variable {PASSWORD} to it."],
    )
