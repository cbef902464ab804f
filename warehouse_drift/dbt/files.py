"""Where generated files go in a dbt project, and how seeds and properties are written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from warehouse_drift.config.dbt_meta import nodes, read_manifest

_REF = re.compile(r"\bref\(\s*(?:(['\"])(?P<package>[\w-]+)\1\s*,\s*)?(['\"])(?P<model>[\w.-]+)\3\s*\)")
_LONGEST = 24
"""Letters of a monitor's name in names of models: dbt and PostgreSQL need room for what they add."""


def slug(name: str) -> str:
    """A monitor's name as part of a model's name."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST].strip("_") or "monitor"


def relation_code(written: str, resolved: str, manifest: Path) -> str | None:
    """``ref('x')`` or ``source('a', 'b')`` of the watched relation: as the configuration writes it, or as dbt's manifest
    knows the table; None where dbt does not know it.

    Args:
        written: the relation's line in the configuration.
        resolved: the table's name.
    """
    match = _REF.search(written)
    if match:
        model = f"'{match['model']}'"
        return f"ref('{match['package']}', {model})" if match["package"] else f"ref({model})"
    try:
        known = list(nodes(read_manifest(manifest)))
    except ValueError:
        return None
    wanted = _parts(resolved)
    found = [n for n in known if _same(wanted, n)]
    source = next((n for n in found if n.get("source_name")), None)
    if source is not None:
        return f"source('{source['source_name']}', '{source['name']}')"
    return f"ref('{found[0]['name']}')" if found else None


def _parts(name: str) -> list[str]:
    return [p.strip('"`[]').lower() for p in name.split(".")]


def _same(wanted: Sequence[str], node: Mapping[str, Any]) -> bool:
    """A bare table name says nothing of the schema: it is not taken for dbt's."""
    parts = _parts(str(node.get("relation_name") or ""))
    return len(wanted) > 1 and parts[-len(wanted) :] == list(wanted)


def seed_text(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A seed: NULL is an empty field, a number has all its digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(r[c]) for c in columns] for r in rows)
    return out.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return repr(value) if isinstance(value, float) else str(value)


def properties(body: Mapping[str, Any]) -> str:
    return yaml.safe_dump({"version": 2, **body}, sort_keys=False, allow_unicode=True, width=140)
