"""``drift.yml`` into a validated, frozen ``Config``; every mistake at once, each with file and line.

A part that does not validate is validated again without its mistakes, only to find the mistakes that the rules between
keys can still see; what is then reported never depends on a part that was taken out.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr, ValidationError

from warehouse_drift.config.base import Base
from warehouse_drift.config.checks import (
    alerts_problems,
    beside,
    defaults_problems,
    monitor_problems,
    sql_dialect,
    warehouse_problems,
)
from warehouse_drift.config.explain import sentence
from warehouse_drift.config.model import Config, DefaultsConfig, MonitorConfig, RootConfig, WarehouseConfig
from warehouse_drift.config.values import near, with_nearest
from warehouse_drift.config.yaml_lines import Document, MissingVariable, Path, read
from warehouse_drift.errors import ConfigError, Problem, UsageError

if TYPE_CHECKING:
    from warehouse_drift.sql.dialect import Dialect

Model = TypeVar("Model", bound=Base)


def load_config(
    path: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, target: str | None = None
) -> Config:
    """Reads and validates ``path``. ``target`` replaces the dbt profile's target.

    Raises UsageError when there is no such file, ConfigError with all problems otherwise.
    """
    file = FilePath(path)
    env = os.environ if env is None else env
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(
            f"There is no configuration {file}.", hint="Run: warehouse-drift init, or name one with --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The configuration {file} cannot be read: {_reason(error)}.", hint="Check the path and the file."
        ) from None
    return _Loading(file, env, target).config(text)


def _reason(error: Exception) -> str:
    return (
        "it is not UTF-8 text"
        if isinstance(error, UnicodeDecodeError)
        else (getattr(error, "strerror", None) or str(error))
    )


class _Loading:
    def __init__(self, file: FilePath, env: Mapping[str, str], target: str | None) -> None:
        self.file, self.env, self.target = file, env, target
        self.folder = file.parent
        parent = str(self.folder)
        self.prefix = "" if parent == "." else f"{parent}{os.sep}" if not parent.endswith(os.sep) else parent
        self.problems: list[Problem] = []
        self.document = Document()
        self.nodes: dict[Path, str] = {}
        """path of a monitor that a dbt node declares -> the node, for people"""

    def report(self, path: Path, message: str) -> None:
        file, line = self.document.place(path)
        if path[:2] in self.nodes:
            message = f"{self.nodes[path[:2]]}: {message}"
        problem = Problem(f"{self.prefix}{file}", line, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def parsed(self, text: str, name: str) -> Document:
        document, problems = read(text, name, self.env)
        self.problems += [Problem(f"{self.prefix}{p.file}", p.line, p.message) for p in problems]
        return document

    def config(self, text: str) -> Config:
        self.document = self.parsed(text, self.file.name)
        data = self.document.value
        if not isinstance(data, dict):
            if not self.problems:
                self.report((), "the file must be a mapping that begins with version: 1")
            raise ConfigError(self.problems)
        monitors = data.pop("monitors", None)
        if monitors is not None and not isinstance(monitors, list):
            self.report(("monitors",), "monitors must be a list: every monitor begins with '- name:'")
            monitors = []
        monitors = list(monitors or [])
        root, removed = self.validated(RootConfig, data, ())
        self.included(data.get("include"), monitors)
        if root and root.dbt_monitors:
            self.declared(self.folder / root.warehouse.dbt_manifest, monitors)
        if not monitors and not self.problems:
            self.report((), "there is no monitor; add one under monitors:")
        defaults = root.defaults if root else DefaultsConfig.model_validate({})
        for inner, message in defaults_problems(defaults):
            self.report(("defaults", *inner), message)
        for inner, message in alerts_problems(root.alerts) if root else ():
            if not any(_related(("alerts", *inner), r) for r in removed):
                self.report(("alerts", *inner), message)
        warehouse = None
        if root and not any(_related(("warehouse",), r) for r in removed):
            warehouse = self.connected(root.warehouse)
        dialect = self.dialect(warehouse)
        found = [
            m for i, item in enumerate(monitors) if (m := self.monitor(item, ("monitors", i), root, defaults, dialect))
        ]
        self.twice(monitors)
        if self.problems or root is None or warehouse is None:
            raise ConfigError(sorted(dict.fromkeys(self.problems), key=lambda p: (p.file, p.line)))
        values = {name: getattr(root, name) for name in RootConfig.model_fields} | {"warehouse": warehouse}
        config = Config.model_construct(**values, monitors=tuple(found))
        config._document = self.document
        config._prefix = self.prefix
        return config

    def dialect(self, warehouse: WarehouseConfig | None) -> Dialect | None:
        if warehouse is None or warehouse.url is None:
            return None
        found = sql_dialect(warehouse.url.get_secret_value())
        if isinstance(found, str):
            self.report(("warehouse", "dbt_profile" if warehouse.dbt_profile else "url"), found)
            return None
        return found

    def monitor(
        self, item: Any, at: Path, root: RootConfig | None, defaults: DefaultsConfig, dialect: Dialect | None
    ) -> MonitorConfig | None:
        self.raw_values(item, at)
        monitor, removed = self.validated(MonitorConfig, item, at)
        if monitor is None:
            return None
        monitor = self.from_dbt(monitor, at, root)
        known = MonitorConfig.written_keys()
        unread = {name for r in removed if r for name in near(r[0], known) or [str(r[0])]}
        for inner, message in monitor_problems(monitor, defaults, dialect, unread):
            if not any(_related(inner, r) for r in removed):
                self.report((*at, *inner), message)
        return monitor

    def validated(self, model: type[Model], data: Any, at: Path) -> tuple[Model | None, list[Path]]:
        """The model, and the paths below ``at`` that had to be taken out to get one (none: nothing was wrong)."""
        data = copy.deepcopy(data)
        removed = [removable(path) for path in _missing(data, ())]
        while True:
            for inner in removed:
                _drop(data, inner)
            try:
                return model.model_validate(data), removed
            except ValidationError as error:
                before = len(removed)
                for found in error.errors(include_url=False):
                    inner = walked(data, found["loc"])
                    if found["type"] == "missing" and (*inner, found["loc"][-1]) in removed:
                        continue
                    self.report((*at, *inner), sentence(dict(found), model, self.document.raw.get((*at, *inner))))
                    if inner and removable(inner) not in removed:
                        removed.append(removable(inner))
                if len(removed) == before:
                    return None, removed

    def raw_values(self, item: Any, at: Path) -> None:
        """Segment values are compared with texts: 007 and true stay as written."""
        segments = item.get("segments") if isinstance(item, dict) else None
        for i, segment in enumerate(segments if isinstance(segments, list) else []):
            values = segment.get("alert_on") if isinstance(segment, dict) else None
            if not isinstance(values, list):
                continue
            for j in range(len(values)):
                written = self.document.text.get((*at, "segments", i, "alert_on", j))
                if written is not None and not isinstance(values[j], MissingVariable):
                    values[j] = written

    def included(self, patterns: Any, monitors: list[Any]) -> None:
        for i, pattern in enumerate(patterns if isinstance(patterns, list) else [patterns] if patterns else []):
            if not isinstance(pattern, str) or isinstance(pattern, MissingVariable):
                continue
            at: Path = ("include", i) if isinstance(patterns, list) else ("include",)
            try:
                files = sorted(self.folder.glob(pattern))
            except (ValueError, NotImplementedError):
                self.report(at, f"include: {pattern!r} must be a pattern relative to this file, as drift/*.yml")
                continue
            files = [f for f in files if f.is_file() and f.resolve() != self.file.resolve()]
            if not files:
                self.report(at, f"include: no file matches {pattern!r}")
            for file in files:
                self.include(file, at, monitors)

    def include(self, file: FilePath, at: Path, monitors: list[Any]) -> None:
        name = file.relative_to(self.folder).as_posix() if file.is_relative_to(self.folder) else file.as_posix()
        try:
            other = self.parsed(file.read_text(encoding="utf-8-sig"), name)
        except (OSError, UnicodeDecodeError) as error:
            self.report(at, f"include: {name} cannot be read: {_reason(error)}")
            return
        if other.value is None:
            return
        self.document.lines[("included", name)] = (name, 1)
        self.document.graft(("included", name), other, ())
        if not isinstance(other.value, dict) or not isinstance(other.value.get("monitors"), list):
            self.report(("included", name), "an included file must have a list of monitors under monitors:")
            return
        root_keys = RootConfig.written_keys()
        for key in other.value:
            if key not in ("monitors", "version"):
                said = f"the key {key!r} has no place in an included file; only monitors has"
                self.report(
                    ("included", name, key),
                    said if key in root_keys else with_nearest(said, key, ["monitors", "version"]),
                )
        for i, item in enumerate(other.value["monitors"]):
            self.document.graft(("monitors", len(monitors)), other, ("monitors", i))
            monitors.append(item)

    def declared(self, manifest: FilePath, monitors: list[Any]) -> None:
        """Monitors of dbt's nodes."""
        from warehouse_drift.config import dbt_meta

        try:
            found = list(dbt_meta.declared(dbt_meta.read_manifest(manifest)))
        except ValueError as error:
            self.report(("dbt_monitors",), f"dbt_monitors: {error}")
            return
        if not found and not monitors:
            self.report(("dbt_monitors",), f"dbt_monitors: no model or source in {manifest} has meta: {{drift: ...}}; run dbt parse?")
        for one in found:
            at: Path = ("monitors", len(monitors))
            self.document.lines[at] = dbt_meta.place(manifest.parent.parent, one)
            self.nodes[at] = one.where
            for inner, message in one.problems:
                self.report((*at, *inner), message)
            if one.item is not None:
                monitors.append(one.item)

    def twice(self, monitors: Iterable[Any]) -> None:
        for key in ("name", "id"):
            seen: dict[Any, Path] = {}
            for i, item in enumerate(monitors):
                value = item.get(key) if isinstance(item, dict) else None
                if value is None or isinstance(value, (dict, list)):
                    continue
                at: Path = ("monitors", i, key)
                if value in seen:
                    file, line = self.document.place(seen[value])
                    self.report(at, f"the monitor {key} {value!r} is taken already, in {file}:{line}; choose another")
                seen.setdefault(value, at)

    def connected(self, warehouse: WarehouseConfig) -> WarehouseConfig | None:
        """The warehouse with a complete URL, from the dbt profile if there is one."""
        from warehouse_drift.config.dbt import profile_url

        problems = list(warehouse_problems(warehouse))
        url = warehouse.url.get_secret_value() if warehouse.url else ""
        if not problems and warehouse.dbt_profile:
            try:
                url = profile_url(warehouse, self.folder, self.env, self.target)
            except ValueError as error:
                problems.append((("dbt_profile",), str(error)))
        for inner, message in problems:
            self.report(("warehouse", *inner), message)
        if problems:
            return None
        secret = warehouse.password or warehouse.token
        if secret:
            from warehouse_drift.config.dbt import with_password

            url = with_password(url, secret.get_secret_value(), "token" if warehouse.token else None)
        if not warehouse.dbt_profile:  # dbt counts from the folder that it runs in
            url = beside(url, self.folder)
        return warehouse.model_copy(update={"url": SecretStr(url)})

    def from_dbt(self, monitor: MonitorConfig, at: Path, root: RootConfig | None) -> MonitorConfig:
        """``ref('model')`` looked up in dbt's manifest, for the monitor and its baseline."""
        from warehouse_drift.config.dbt import referenced

        manifest = self.folder / (root.warehouse.dbt_manifest if root else "target/manifest.json")
        changes: dict[str, Any] = {}
        for inner, part in (((), monitor), (("baseline",), monitor.baseline)):
            try:
                relation = referenced(part.relation, manifest)
            except ValueError as error:
                self.report((*at, *inner, "relation"), str(error))
                continue
            if relation == part.relation:
                continue
            if inner:
                changes["baseline"] = monitor.baseline.model_copy(update={"relation": relation})
            else:
                changes["relation"] = relation
        return monitor.model_copy(update=changes) if changes else monitor


def walked(data: Any, loc: Iterable[str | int]) -> Path:
    """pydantic's location as a path of the YAML: parts that only the full form has are left out."""
    path: list[str | int] = []
    for part in loc:
        index: Any = part
        known = (
            part in data
            if isinstance(data, Mapping)
            else isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if not known:
            continue
        data = data[index]
        path.append(part)
    return tuple(path)


def removable(path: Path) -> Path:
    """The key of a mapping at or above ``path``: a list's items stay, so that indices stay right."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _missing(data: Any, path: Path) -> Iterable[Path]:
    """Paths of values whose variable is not set."""
    if isinstance(data, MissingVariable):
        yield path
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        yield from _missing(value, (*path, key))


def _drop(data: Any, path: Path) -> None:
    inner: Any = path[:-1]
    try:
        for part in inner:
            data = data[part]
        data.pop(path[-1], None)
    except (KeyError, IndexError, TypeError, AttributeError):
        return


def _related(one: Path, other: Path) -> bool:
    """Whether one of two paths contains the other."""
    short = min(len(one), len(other))
    return one[:short] == other[:short]
