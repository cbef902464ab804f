"""A dbt project's folder: where its files go, and writing them so that what a person changed is never lost.

Every file that is written ends its first line with a checksum of the rest. A file whose checksum is right is as we left
it and may be replaced; any other file belongs to its author.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse_drift.errors import UsageError
from warehouse_drift.resources import root

_MARK = re.compile(r"\A(?:#|\{#|<!--) made by warehouse-drift ([0-9a-f]{16})(?: #\}| -->)?\n")
_COMMENTS = {".sql": ("{#", " #}"), ".md": ("<!--", " -->")}


@dataclass(frozen=True, slots=True)
class Written:
    """``state``: written, replaced, unchanged, or kept (a person changed the file, or it is not ours)."""

    path: str
    state: str


@dataclass(frozen=True, slots=True)
class Project:
    """``models``, ``macros``, ``tests``, ``seeds``: the first folder of each kind, relative to ``folder``."""

    folder: Path
    name: str
    models: str
    macros: str
    tests: str
    seeds: str = "seeds"


def open_project(folder: str) -> Project:
    """Reads dbt_project.yml. Raises UsageError when there is none, or it cannot be read."""
    import yaml

    file = Path(folder) / "dbt_project.yml"
    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"There is no dbt project in {folder}: it has no dbt_project.yml.", hint="Name its folder with --project-dir."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise UsageError(f"{file} cannot be read as YAML.", hint="Does dbt parse work in this project?") from None
    if not isinstance(found, dict) or not found.get("name"):
        raise UsageError(f"{file} has no name:, so it is no dbt project.")
    return Project(
        Path(folder),
        str(found["name"]),
        _first(found, "model-paths", "models"),
        _first(found, "macro-paths", "macros"),
        _first(found, "test-paths", "tests"),
        _first(found, "seed-paths", "seeds"),
    )


def _first(project: Mapping[str, Any], key: str, default: str) -> str:
    paths = project.get(key)
    return str(paths[0]) if isinstance(paths, list) and paths else default


def dbt_text(name: str) -> str:
    """A file of ``sql_templates/dbt``: dbt's Jinja, not ours, and given to the project as it is."""
    return (root() / "sql_templates" / "dbt" / name).read_text(encoding="utf-8")


def marked(path: str, text: str) -> str:
    """The text with a first line that says who made it and what it was. A CSV file has no place for one."""
    if path.endswith(".csv"):
        return text
    begin, end = _COMMENTS.get(Path(path).suffix, ("#", ""))
    body = text.rstrip("\n") + "\n"
    return f"{begin} made by warehouse-drift {_sum(body)}{end}\n{body}"


def ours(text: str) -> bool:
    """Whether a file is as we left it."""
    found = _MARK.match(text)
    return found is not None and found[1] == _sum(text[found.end() :])


def write_files(project: Project, files: Mapping[str, str], *, force: bool = False) -> tuple[Written, ...]:
    """Writes files (path in the project -> text). A file that a person changed is kept unless ``force``;
    a CSV file is data, and always replaced.

    Raises UsageError when a file cannot be written.
    """
    done: list[Written] = []
    for name, text in files.items():
        path, wanted, state = project.folder / name, marked(name, text), "written"
        try:
            if path.exists():
                there = path.read_text(encoding="utf-8", errors="replace")
                state = "unchanged" if there == wanted else "replaced" if force or name.endswith(".csv") or ours(there) else "kept"
            if state in ("written", "replaced"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(wanted, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
        done.append(Written(name, state))
    return tuple(done)


def _sum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
