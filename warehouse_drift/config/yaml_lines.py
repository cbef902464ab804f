"""YAML read into plain values that remember where they stand, so that every mistake can be shown as file:line.

PyYAML's own constructor is not used: it follows YAML 1.1, where the country ``NO`` is false and ``012`` is ten, and it
keeps the last of two equal keys. Here scalars follow YAML 1.2's core rules, dates stay text until a time zone is known,
equal keys are refused, and ``${VAR}`` is filled in before a plain scalar gets its type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from warehouse_drift.errors import Problem

Path = tuple[str | int, ...]
T = TypeVar("T")

_VARIABLE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\$\{)")
_NULL = re.compile(r"(~|null|Null|NULL|)\Z")
_BOOLEAN = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_MOST_NODES = 200_000


class MissingVariable(str):
    """Stands for a scalar whose variable is not set; the problem is already reported."""


@dataclass
class Document:
    """A YAML file: its value, and for every path in it the line and, for scalars, the text as written.

    ``lines`` gives (file, line) of the key of a mapping's value, of the item itself in a list. ``raw`` holds scalars
    before ``${...}`` was filled in, ``text`` after it.
    """

    value: Any = None
    lines: dict[Path, tuple[str, int]] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    text: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> tuple[str, int]:
        """(file, line) of ``path``, or of the nearest thing that contains it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, ("", 1))

    def graft(self, path: Path, other: Document, inner: Path) -> None:
        """Takes over the lines of ``other`` below ``inner`` as those below ``path``."""
        _graft(self.lines, other.lines, path, inner)
        _graft(self.raw, other.raw, path, inner)
        _graft(self.text, other.text, path, inner)


def _graft(mine: dict[Path, T], theirs: dict[Path, T], path: Path, inner: Path) -> None:
    cut = len(inner)
    mine.update({path + where[cut:]: what for where, what in theirs.items() if where[:cut] == inner})


def read(text: str, file: str, env: Mapping[str, str]) -> tuple[Document, list[Problem]]:
    """The document in ``text``. Mistakes (syntax, equal keys, unset variables, unknown tags) come back together."""
    document = Document(lines={(): (file, 1)})
    problems: list[Problem] = []
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        return document, [Problem(file, mark.line + 1 if mark else 1, f"this is not YAML: {said}")]
    except yaml.YAMLError as error:
        return document, [Problem(file, 1, f"this is not YAML: {str(error).splitlines()[0]}")]
    finally:
        loader.dispose()
    if node is None:
        return document, [Problem(file, 1, "the file is empty")]
    document.value = _Reader(document, problems, file, env).value(node, (), ())
    return document, problems


class _Reader:
    def __init__(self, document: Document, problems: list[Problem], file: str, env: Mapping[str, str]) -> None:
        self.document, self.problems, self.file, self.env = document, problems, file, env
        self.nodes = 0

    def problem(self, node: yaml.Node, message: str) -> None:
        found = Problem(self.file, node.start_mark.line + 1, message)
        if found not in self.problems:
            self.problems.append(found)

    def value(self, node: yaml.Node, path: Path, above: tuple[int, ...]) -> Any:
        self.nodes += 1
        self.document.lines.setdefault(path, (self.file, node.start_mark.line + 1))
        if id(node) in above:
            self.problem(node, "an alias refers to itself")
            return None
        if self.nodes > _MOST_NODES:
            self.problem(node, f"the file has more than {_MOST_NODES:,} values")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, (*above, id(node)))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i), (*above, id(node))) for i, item in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        seen: dict[str, int] = {}
        merges: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem(key_node, "a key must be a single word")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                merges += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if key in seen:
                self.problem(key_node, f"the key {key!r} stands twice, first in line {seen[key]}; keep one of them")
                continue
            seen[key] = key_node.start_mark.line + 1
            self.document.lines[(*path, key)] = (self.file, seen[key])
            found[key] = self.value(value_node, (*path, key), above)
        for merged in merges:
            if not isinstance(merged, yaml.MappingNode):
                self.problem(merged, "'<<' must be followed by a mapping")
                continue
            if id(merged) in above:
                self.problem(merged, "an alias refers to itself")
                continue
            kept = _Reader(Document(), self.problems, self.file, self.env)
            kept.nodes = self.nodes
            for key, value in kept.mapping(merged, path, (*above, id(merged))).items():
                if key not in found:
                    found[key] = value
                    self.document.graft((*path, key), kept.document, (*path, key))
            self.nodes = kept.nodes
        return found

    def scalar(self, node: yaml.Node, path: Path) -> Any:
        written = str(node.value)
        self.document.raw[path] = written
        filled, unset = self.filled(written, node)
        self.document.text[path] = filled
        if unset:
            return MissingVariable(filled)
        tag = str(node.tag)
        if isinstance(node, yaml.ScalarNode) and node.style is None and tag.startswith("tag:yaml.org,2002:"):
            return plain(filled)
        if tag.startswith("!"):
            self.problem(node, f"the tag {tag} is not known here; write the value without it")
        return filled

    def filled(self, text: str, node: yaml.Node) -> tuple[str, bool]:
        """``text`` with its variables, and whether one was missing. ``$${`` stands for a literal ``${``."""
        unset = False

        def one(match: re.Match[str]) -> str:
            nonlocal unset
            escaped, name, default, broken = match.groups()
            if escaped:
                return "${"
            if broken:
                unset = True
                self.problem(
                    node,
                    f"{text[match.start() : match.start() + 30]!r} is neither ${{VAR}} nor ${{VAR:-default}}; write $${{ for a literal ${{",
                )
                return ""
            value = self.env.get(name)
            if value or (value is not None and default is None):
                return value
            if default is not None:
                return default
            unset = True
            self.problem(node, f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
            return ""

        return _VARIABLE.sub(one, text), unset


def plain(text: str) -> Any:
    """Null, true/false, an integer, a float, or the text itself (dates too, and numbers that begin with 0)."""
    if _NULL.match(text):
        return None
    if _BOOLEAN.match(text):
        return text.lower() == "true"
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) and not _LEADING_ZERO.match(text):
        return float(text)
    return text
