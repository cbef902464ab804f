"""The two relations of a comparison: their columns side by side, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from warehouse_drift.config.names import Names
from warehouse_drift.config.resolved import KINDS, Kind, SourceColumn
from warehouse_drift.errors import UsageError
from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.expressions import relation
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.warehouse.execute import Warehouse
from warehouse_drift.warehouse.introspect import columns as source_columns


@dataclass(frozen=True, slots=True)
class ComparedColumn:
    """A column of a comparison, as the reference spells it; ``problem`` is a reason code when it cannot be compared."""

    number: int
    name: str
    kind: Kind
    float: bool
    integer: bool
    problem: str | None = None
    family: str = ""
    """of the reference's type, as in ``SourceColumn``"""


@dataclass(frozen=True, slots=True)
class Sides:
    """``reference`` and ``current`` are marked SQL in which a column has the same name on both sides."""

    reference: Markup
    current: Markup
    columns: tuple[ComparedColumn, ...]

    def find(self, name: str, what: str = "the column") -> ComparedColumn:
        """The column that is meant. Raises UsageError when neither side has it, or several are spelled alike."""
        names = Names(self.columns)
        found = names.find(name)
        if found is None:
            said = names.lack(what, name, "the two relations")
            raise UsageError(f"{said[:1].upper()}{said[1:]}")
        return found

    def wanted(self, names: Sequence[str] | None) -> tuple[ComparedColumn, ...]:
        """The named columns in the reference's order; all of them where none is named. Raises UsageError as ``find``."""
        chosen = {self.find(n).number for n in names or ()}
        return tuple(c for c in self.columns if not names or c.number in chosen)


def both_sides(warehouse: Warehouse, reference: str, current: str) -> Sides:
    """Reads the columns of two relations (table names or SELECTs in parentheses) and matches them by name.

    Raises UsageError when they have none to compare, WarehouseError when one of them cannot be read.
    """
    ref, cur = (relation(text, warehouse.dialect) for text in (reference, current))
    then, now = source_columns(warehouse, ref, reference), source_columns(warehouse, cur, current)
    known = Names(now)
    paired = _pairs(then, known)
    listed = [_compared(i, c, paired.get(c.name)) for i, c in enumerate(then)]
    taken = {c.name for c in paired.values()}
    rest = [c for c in now if c.name not in taken]
    listed += [ComparedColumn(len(listed) + i, c.name, _kind(c), False, False, "no_baseline", c.type_family) for i, c in enumerate(rest)]
    if not listed:
        raise UsageError("The two relations have no column to compare.")
    other = {name: c.name for name, c in paired.items() if c.name != name}
    return Sides(ref, respelled(cur, other, warehouse.dialect), tuple(listed))


def _pairs(then: Sequence[SourceColumn], now: Names[SourceColumn]) -> dict[str, SourceColumn]:
    """Reference's name -> the current side's column: of the same spelling, else one that differs in case and that no
    other column of the reference is or may be."""
    before = Names(then)
    exact = {c.name for c in then}
    found = {}
    for c in then:
        other = now.find(c.name)
        if other is not None and (other.name == c.name or (other.name not in exact and before.find(other.name) is c)):
            found[c.name] = other
    return found


def _kind(column: SourceColumn) -> Kind:
    return KINDS.get(column.type_family, Kind.TEXT)


def _compared(number: int, old: SourceColumn, new: SourceColumn | None) -> ComparedColumn:
    problem = None
    if new is None:
        problem = "column_missing"
    elif old.type_family == "unknown":
        problem = "unsupported_type"
    elif _kind(old) is not _kind(new) or (old.type_family == "array") != (new.type_family == "array"):
        problem = "type_changed"
    families = [old.type_family, new.type_family if new else ""]
    whole = families in (["integer"] * 2, ["array"] * 2)
    return ComparedColumn(number, old.name, _kind(old), "float" in families, whole, problem, old.type_family)


def respelled(source: Markup, names: Mapping[str, str], dialect: Dialect) -> Markup:
    """The relation with more columns: ``names`` are new names -> names that it has. Where the case of quoted names does
    not count, they are there already."""
    if not names or not dialect.exact_case:
        return source
    listed = [{"new": identifier(new), "old": identifier(old)} for new, old in names.items()]
    return Markup("({})").format(Markup(canonical_text("warehouse/respelled", {"source": source, "names": listed}, dialect)))
