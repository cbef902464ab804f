"""What is known of a warehouse's SQL, read from ``dialects/<name>/dialect.toml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from warehouse_drift.errors import DialectError
from warehouse_drift.resources import dialect_folders

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Capability:
    """``support``: full, versioned, not_implemented or unsupported, with the reason and the vendor's page."""

    support: str
    reason: str = ""
    since: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    sqlglot_name: str
    aliases: tuple[str, ...]
    url_schemes: tuple[str, ...]
    extra: str
    verified: str
    canonical: bool
    types: Mapping[str, str]
    statements: Mapping[str, str]
    """DDL by strategy: create_scratch, drop_scratch, create_table, create_view, comment_column, ..."""
    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    rewrites: tuple[str, ...] = ()
    identifier_limit: int = 63
    exact_case: bool = False
    """Whether quoted names of columns that differ in case alone are different columns."""
    largest_double: float = 0.0
    """Where sums and differences that leave the range of doubles are errors: a scan that meets one is made again with
    doubles beyond this one counted as infinite. 0: the engine gives infinity itself."""
    grants: Mapping[str, Any] = field(default_factory=dict)
    """Statements that give a role its rights: lists ``source``, ``results``, ``made_by_dba``; or a ``note`` instead."""
    append_rows: str = "values"
    """How rows come to the warehouse: ``values`` (rows of literals) or ``json`` (one text, unpacked by its template)."""
    append_batch: int = 350
    """Rows in one appending statement."""
    statement_columns: int = 64
    """Columns that one profiling statement counts at most: long statements are slow to plan, and some are refused."""
    statement_bytes: int = 0
    """Longest statement that the warehouse takes; 0: no limit that matters."""
    statement_targets: int = 0
    """Most expressions in a SELECT list; 0: no limit that matters."""
    catalog_views: bool = True
    """Whether tables and columns can be asked for in INFORMATION_SCHEMA; otherwise the table itself is."""
    interrupt: str = ""
    """Method of the driver's connection that stops a running statement from another thread."""
    interrupted: str = ""
    """Regular expression of what a driver says when Ctrl-C ended a statement, where it does not say KeyboardInterrupt."""
    partition_filters: bool = False
    """Whether a table may refuse to be read without a filter on its partition column: even an empty read has one then."""
    type_wrapper: str = ""
    """Regular expression of a type written around another one, which is its first group."""
    estimate: Mapping[str, str] = field(default_factory=dict)
    """How the engine is asked what a statement would read: ``statement`` and ``reader``, or the ``reason`` why not."""
    transient: Mapping[str, Any] = field(default_factory=dict)
    """Failures that pass by themselves: ``repeat_`` and ``lost_`` (a new connection is needed) ``states`` (SQLSTATE; 08*
    is a class), ``exceptions`` (class names of the driver) and ``messages`` (regular expressions)."""
    dbt: Mapping[str, str] = field(default_factory=dict)
    """What dbt models need to know: ``incremental`` (the strategy that replaces a unit as a whole), ``cte`` (how a step is
    written that must be computed once). Empty where models are not generated."""
    driver: Mapping[str, str] = field(default_factory=dict)
    """SQLAlchemy name -> ``module:class``, for engines that SQLAlchemy has no driver for."""
    own_connection: bool = False
    """Whether scratch tables are made by the ``execute`` of the driver's own connection: DuckDB's cursor for SQLAlchemy
    reads each CREATE TABLE AS letter by letter in Python, 0.3 ms a kilobyte, to learn what it is."""
    families: Mapping[str, str] = field(default_factory=dict)
    """Type family -> regular expression of the engine's own type names; the common names need no entry."""

    def can(self, capability: str) -> bool:
        return self.capabilities.get(capability, Capability("unsupported")).support in ("full", "versioned")

    def why_not(self, capability: str) -> str:
        """The stated reason for which something that warehouses usually can is not to be had; '' when nothing is said."""
        given = self.capabilities.get(capability)
        return given.reason if given is not None and not self.can(capability) else ""


@cache
def load_dialect(name: str) -> Dialect:
    """The dialect of that name or alias. Raises DialectError naming the known ones."""
    folders = dialect_folders()
    if name not in folders:
        for other in folders:
            if name in load_dialect(other).aliases:
                return load_dialect(other)
        raise DialectError(f"There is no dialect {name!r}.", hint=f"Known: {', '.join(folders)}.")
    raw: dict[str, Any] = tomllib.loads((folders[name] / "dialect.toml").read_text(encoding="utf-8"))
    return Dialect(
        name=name,
        sqlglot_name=raw["sqlglot_name"],
        aliases=tuple(raw.get("aliases", ())),
        url_schemes=tuple(raw["url_schemes"]),
        extra=raw.get("extra", ""),
        verified=raw["verified"],
        canonical=bool(raw.get("canonical", False)),
        types=raw["types"],
        statements=raw["statements"],
        capabilities={k: Capability(**v) for k, v in raw.get("capabilities", {}).items()},
        rewrites=tuple(raw.get("rewrites", ())),
        identifier_limit=int(raw.get("identifier_limit", 63)),
        exact_case=bool(raw.get("exact_case", False)),
        largest_double=float(raw.get("largest_double", 0.0)),
        grants=raw.get("grants", {}),
        append_rows=raw.get("append", {}).get("rows", "values"),
        append_batch=int(raw.get("append", {}).get("batch", 350)),
        statement_columns=int(raw.get("limits", {}).get("columns", 64)),
        statement_bytes=int(raw.get("limits", {}).get("bytes", 0)),
        statement_targets=int(raw.get("limits", {}).get("targets", 0)),
        catalog_views=bool(raw.get("catalog_views", True)),
        interrupt=raw.get("interrupt", ""),
        interrupted=raw.get("interrupted", ""),
        partition_filters=bool(raw.get("partition_filters", False)),
        type_wrapper=raw.get("type_wrapper", ""),
        estimate=raw.get("estimate", {}),
        transient=raw.get("transient", {}),
        dbt=raw.get("dbt", {}),
        driver=raw.get("driver", {}),
        own_connection=bool(raw.get("own_connection", False)),
        families=raw.get("families", {}),
    )


def dialect_for_url(url: str) -> Dialect:
    """The dialect of a SQLAlchemy URL, by its scheme."""
    if ":" not in url:
        raise DialectError(f"{url!r} is not a database URL.", hint="Example: duckdb:///shop.duckdb")
    scheme = url.split(":", 1)[0]
    family = scheme.split("+", 1)[0]
    for name in dialect_folders():
        dialect = load_dialect(name)
        if scheme in dialect.url_schemes or family in dialect.url_schemes:
            return dialect
    known = ", ".join(s for n in dialect_folders() for s in load_dialect(n).url_schemes)
    raise DialectError(f"No dialect knows URLs that begin with {family!r}.", hint=f"Known beginnings: {known}.")
