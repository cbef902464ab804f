"""Canonical SQL to a warehouse's dialect, refusing what cannot be translated.

Statements over hundreds of columns repeat a few shapes. So a statement is cut at its outer UNION ALLs, and what differs
from column to column (literals of doubles and instants, quoted names, whole numbers of two digits and more, also at the
end of a plain name as in c217) is set aside before the translation and put back after it: each shape is parsed and
translated once. Lists of rows of literals (SELECT 1, 'a' UNION ALL SELECT 2, 'b') mean the same everywhere and stay as
they are. A translation never looks into these.
"""

from __future__ import annotations

import re
from functools import lru_cache

import sqlglot
from sqlglot.errors import ErrorLevel, SqlglotError

from warehouse_drift.errors import DialectError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.expressions import with_user_sql
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.rewrites import REWRITES

_PARTS = re.compile(
    r"(?<=CAST\()'(?P<literal>-?[0-9][0-9.e+: -]*)'(?= AS (?:DOUBLE|TIMESTAMP|TIMESTAMPTZ|DATE)\))"
    r"|'(?:[^']|'')*'"
    r'|"(?P<name>[A-Za-z0-9_]+)"'
    r'|"(?:[^"]|"")*"'
    r"|(?<![\w.])(?P<whole>[1-9][0-9]{1,9})(?![\w.])"
    r"|(?<!\w)(?<![0-9]\.)(?P<stem>[a-z_]+)(?P<suffix>[1-9][0-9]{1,9})(?![\w(])"
)
_LITERAL = r"(?:-?[0-9]+|'(?:[^'\\]|'')*')"
_RUNS = re.compile(
    rf"(?P<run>(?: UNION ALL SELECT {_LITERAL}(?:, {_LITERAL})*(?= UNION ALL |\)))+)"
    r"|'(?:[^']|'')*'"
    r'|"(?:[^"]|"")*"'
)
_RUN_BACK = re.compile(r"UNION ALL\s+SELECT\s+'WD_SET_ASIDE_RUN_(\d+)_'")
_BACK = re.compile(r"WD_SET_ASIDE_(\d+)_|98765(\d{7})")
_UNION = "\nUNION ALL\n"
_TEXTS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def transpile(canonical: str, dialect: Dialect, name: str = "statement") -> str:
    """SQL that a user wrote is put in as it is, after the checks and rewrites: it is in the dialect's grammar already.

    Raises DialectError naming the statement, the dialect and the reason.
    """
    if "WD_SET_ASIDE_" in canonical or _BACK.search(canonical):
        return _translated(canonical, dialect, name)
    runs: list[str] = []

    def take(match: re.Match[str]) -> str:
        if match["run"] is None:
            return match[0]
        runs.append(match["run"].strip())
        return f" UNION ALL SELECT 'WD_SET_ASIDE_RUN_{len(runs) - 1}_'"

    short = _RUNS.sub(take, canonical)
    translated = _UNION.join(_by_shape(branch, dialect, name) for branch in _branches(short))
    return _RUN_BACK.sub(lambda m: runs[int(m[1])], translated)


def _branches(canonical: str) -> list[str]:
    """The SELECTs of an outer UNION ALL; the statement itself where it is no plain one."""
    branches = canonical.split(_UNION)
    for branch in branches:
        bare = _TEXTS.sub("", branch)
        depth = 0
        for mark in re.findall(r"[()]", bare):
            depth += 1 if mark == "(" else -1
            if depth < 0:
                return [canonical]
        if depth != 0 or not branch.lstrip().startswith("SELECT") or "'" in bare or '"' in bare:
            return [canonical]
    return branches


def _by_shape(canonical: str, dialect: Dialect, name: str) -> str:
    aside: list[str] = []
    names: dict[str, int] = {}  # one mark a name, so that an alias and its use stay the same name

    def number(text: str) -> int:
        aside.append(text)
        return len(aside) - 1

    def take(match: re.Match[str]) -> str:
        if (literal := match["literal"]) is not None:
            return f"'WD_SET_ASIDE_{number(literal)}_'"
        if (named := match["name"]) is not None:
            if named not in names:
                names[named] = number(named)
            return f'"WD_SET_ASIDE_{names[named]}_"'
        if (whole := match["whole"]) is not None:
            return f"98765{number(whole):07d}"
        if (suffix := match["suffix"]) is not None:
            if f".{suffix}" not in names:  # no quoted name has a dot here
                names[f".{suffix}"] = number(suffix)
            return f"{match['stem']}98765{names[f'.{suffix}']:07d}"
        return match[0]

    shape = _PARTS.sub(take, canonical)
    translated = _shape(shape, _Key(dialect), name)
    return _BACK.sub(lambda m: aside[int(m[1] or m[2])], translated)


class _Key:
    """A dialect by what a translation depends on."""

    __slots__ = ("dialect", "parts")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.parts = (dialect.name, dialect.sqlglot_name, dialect.rewrites)

    def __hash__(self) -> int:
        return hash(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.parts == other.parts


@lru_cache(maxsize=2_000)
def _shape(shape: str, key: _Key, name: str) -> str:
    return _translated(shape, key.dialect, name)


def _translated(canonical: str, dialect: Dialect, name: str) -> str:
    try:
        tree = sqlglot.parse_one(canonical, read="duckdb")
        found = violations(tree)
        if found:
            raise DialectError(f"{name} leaves the house subset: {'; '.join(found)}.")
        for rewrite in dialect.rewrites:
            tree = REWRITES[rewrite](tree)
        tree = with_user_sql(tree, dialect)
        return tree.sql(dialect=dialect.sqlglot_name, unsupported_level=ErrorLevel.RAISE, pretty=True)
    except SqlglotError as error:
        raise DialectError(f"{name} cannot be translated to {dialect.name}: {str(error).splitlines()[0]}.") from error
