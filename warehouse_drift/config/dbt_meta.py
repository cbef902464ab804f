"""Monitors that a dbt project declares: ``meta: {drift: {...}}`` of a model, seed, snapshot or source table, and of its columns.

What stands there is a monitor as in ``drift.yml`` without ``relation`` and ``query``: these are the node. It goes through
the same validation as any other monitor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse_drift.config.resolved import Kind, Role

RESOURCES = ("model", "seed", "snapshot", "source")
_ROLES = {r.value for r in Role} - {Role.SEGMENT.value, Role.TIMESTAMP.value}
_KINDS = {k.value for k in Kind}
_TAG = "tag:"
_SET = r"""['"]drift['"]\s*:|\bmeta\s*=\s*dict\(.*\bdrift\s*="""
"""A model's config sets ``meta={'drift': ...}`` or ``meta=dict(drift=...)``."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A monitor as a node declares it. ``item`` is what would stand under ``monitors:``; ``where`` names the node for
    people; ``properties`` is the YAML file that describes it, if another than its own; ``problems`` are (path below the
    item, sentence)."""

    item: Any
    where: str
    file: str
    properties: str
    problems: tuple[tuple[tuple[str | int, ...], str], ...] = ()


def read_manifest(manifest: Path) -> dict[str, Any]:
    """dbt's manifest. Raises ValueError with a sentence."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"there is no dbt manifest {manifest}; run dbt parse, or set warehouse.dbt_manifest"
        ) from None
    except (OSError, ValueError):
        raise ValueError(f"{manifest} is not a dbt manifest") from None
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), dict):
        raise ValueError(f"{manifest} is not a dbt manifest")
    return found


def nodes(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What has a relation: models, seeds, snapshots, then source tables."""
    for part in ("nodes", "sources"):
        for node in (manifest.get(part) or {}).values():
            if isinstance(node, dict) and (part == "sources" or node.get("resource_type") in RESOURCES):
                yield node


def declared(manifest: Mapping[str, Any]) -> Iterator[Declared]:
    """Every monitor that the project's nodes declare, in the manifest's order."""
    for node in nodes(manifest):
        meta = _meta(node)
        if "drift" in meta:
            yield _declared(node, meta["drift"])


def _declared(node: Mapping[str, Any], drift: Any) -> Declared:
    source = node.get("source_name")
    name = f"{source}.{node.get('name')}" if source else str(node.get("name"))
    kind = "source" if source else str(node.get("resource_type", "model"))
    where, file = f"dbt {kind} {name}, meta.drift", str(node.get("original_file_path") or "")
    properties = str(node.get("patch_path") or "").split("://", 1)[-1]
    if not isinstance(drift, dict):
        said = "must be a monitor as in drift.yml, without relation: {timestamp: ..., baseline: ...}"
        return Declared(None, where, file, properties, (((), said),))
    problems: list[tuple[tuple[str | int, ...], str]] = [
        ((key,), f"{key} has no place here: the relation is the {kind} itself") for key in ("relation", "query") if key in drift
    ]
    item = {k: v for k, v in drift.items() if k not in ("relation", "query")}
    item.setdefault("name", str(node.get("name")))
    item["relation"] = _reference(node)
    tags = [str(t) for t in node.get("tags") or ()]
    given = item.get("tags", ())
    if tags and isinstance(given, (str, list, tuple)):
        item["tags"] = list(dict.fromkeys([*([given] if isinstance(given, str) else given), *tags]))
    columns, wrong = _columns(item.get("columns"), _column_nodes(node))
    if columns is not None:
        item["columns"] = columns
    return Declared(item, where, file, properties, (*problems, *wrong))


def _reference(node: Mapping[str, Any]) -> str:
    if node.get("source_name"):
        return f"source('{node['source_name']}', '{node.get('name')}')"
    package = f"'{node['package_name']}', " if node.get("package_name") else ""
    return f"ref({package}'{node.get('name')}')"


def _meta(node: Mapping[str, Any]) -> dict[str, Any]:
    """``meta`` and ``config.meta``: dbt moved it from the one to the other, and manifests have either or both."""
    config = node.get("config")
    inner = config.get("meta") if isinstance(config, dict) else None
    return {**(node.get("meta") or {}), **(inner or {})}


def _column_nodes(node: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(c.get("name") or key): c for key, c in (node.get("columns") or {}).items() if isinstance(c, dict)}


def _tags(column: Mapping[str, Any]) -> list[str]:
    config = column.get("config")
    inner = config.get("tags") if isinstance(config, dict) else None
    return [str(t) for t in dict.fromkeys([*(column.get("tags") or ()), *(inner or ())])]


def _columns(
    given: Any, known: Mapping[str, Mapping[str, Any]]
) -> tuple[Any, list[tuple[tuple[str | int, ...], str]]]:
    """The monitor's ``columns`` with what dbt knows of them, and what is wrong.

    ``tag:X`` among the names stands for the columns with that tag. A tag that is a role or a kind says so of its column.
    ``meta: {drift: false}`` of a column leaves it out, a mapping is its settings.
    """
    settings: dict[str, dict[str, Any]] = {}
    out: list[str] = []
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for name, column in known.items():
        tags, drift = _tags(column), _meta(column).get("drift")
        found: dict[str, Any] = {}
        for key, words in (("role", _ROLES), ("kind", _KINDS)):
            fitting = [t for t in tags if t in words]
            if fitting:
                found[key] = fitting[0]
        if drift is False:
            out.append(name)
        elif isinstance(drift, dict):
            found |= {k: v for k, v in drift.items() if k != "name"}
        elif drift not in (None, True):
            problems.append((("columns",), f"meta.drift of the column {name} must be a mapping such as {{role: label}}, or false"))
        if found:
            settings[name] = found
    tagged = {t: [n for n, c in known.items() if t in _tags(c)] for c in known.values() for t in _tags(c)}

    def names(patterns: Any, path: tuple[str | int, ...]) -> Any:
        if not isinstance(patterns, (list, tuple)):
            patterns = [patterns]
        found: list[Any] = []
        for i, p in enumerate(patterns):
            if isinstance(p, str) and p.startswith(_TAG):
                some = tagged.get(p[len(_TAG) :], [])
                if not some:
                    problems.append(((*path, i), f"no column of the node has the tag {p[len(_TAG) :]!r}"))
                found += some
            else:
                found.append(p)
        return found

    if isinstance(given, list):
        listed = names(given, ("columns",))
        merged = [{"name": c, **settings[c]} if isinstance(c, str) and c in settings else _with(c, settings) for c in listed]
        return [c for c in merged if not (isinstance(c, str) and c in out)], problems
    if given is not None and not isinstance(given, dict):
        return given, problems
    item = dict(given or {})
    for key in ("include", "exclude"):
        if key in item:
            item[key] = names(item[key], ("columns", key))
    if out:
        item["exclude"] = [*names(item.get("exclude", []), ("columns", "exclude")), *out]
    own = item.get("overrides", [])
    if settings and isinstance(own, list):
        listed = {c.get("name") for c in own if isinstance(c, dict)}
        item["overrides"] = [*({"name": n, **s} for n, s in settings.items() if n not in listed), *(_with(c, settings) for c in own)]
    return (item or None), problems


def _with(column: Any, settings: Mapping[str, Mapping[str, Any]]) -> Any:
    """A column's entry in the monitor over what its own meta says."""
    return {**settings.get(str(column.get("name")), {}), **column} if isinstance(column, dict) else column


def place(folder: Path, found: Declared) -> tuple[str, int]:
    """(file of the project, line): where a model's own file sets ``drift`` in its config, else where its properties (or a
    source's file) name it; line 1 of the file where neither can be read."""
    name = re.escape(found.where.split(",")[0].split(".")[-1].split()[-1])
    for file, wanted in ((found.file, _SET), (found.properties or found.file, rf"\bname:\s*['\"]?{name}['\"]?\s*([,}}#]|$)")):
        at = _first(folder / file, wanted)
        if at is not None and (wanted is not _SET or not file.endswith((".yml", ".yaml"))):
            return file, at
    return found.file, 1


def _first(file: Path, wanted: str) -> int | None:
    """The first line of a file in which a pattern is found."""
    try:
        lines: Sequence[str] = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((i for i, line in enumerate(lines, 1) if re.search(wanted, line)), None)
