"""Examples in the docs are run, not written: ``python -m tests.docs.examples`` runs those of every page in one empty folder
and puts the real output into the pages; a test runs them again and compares.

Blocks that count: ``yaml NAME`` is written to that file; in ``console`` each line that begins with ``$`` is a command and the
lines after it its output; ``sql FILE`` is a query on that DuckDB file, and the ``text`` block after it its result.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse_drift.resources import root

PAGES = ("docs/tutorial.md", "README.md", "docs/explanation/how-the-sql-flows.md")
"""In this order: the tutorial makes the demo's file that the others read."""
_BLOCK = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ``start`` and ``end`` bound its body in the page's text."""

    language: str
    info: str
    body: str
    start: int
    end: int


def blocks(text: str) -> list[Block]:
    return [Block(m[1], m[2].strip(), m[3], m.start(3), m.end(3)) for m in _BLOCK.finditer(text)]


def refreshed(text: str, folder: Path) -> str:
    """The page with the output that its examples have in ``folder`` now."""
    parts, done, pending = [], 0, ""
    for block in blocks(text):
        new = block.body
        if block.language == "yaml" and block.info:
            (folder / block.info).write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            new = "".join(f"$ {line}\n{_shell(line, folder)}" for line in _commands(block.body))
        elif block.language == "sql" and block.info:
            pending = _query(folder / block.info, block.body)
        elif block.language == "text" and pending:
            new, pending = pending, ""
        parts += [text[done : block.start], new]
        done = block.end
    return "".join([*parts, text[done:]])


def _commands(body: str) -> Iterator[str]:
    """Commands of a console block; one that ends with a backslash goes on in the next line."""
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)$", body, re.M)
    yield from found


def _shell(line: str, folder: Path) -> str:
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    program = programs / "warehouse-drift"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m warehouse_drift "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "WAREHOUSE_DRIFT"))}
    env |= {"PATH": f"{programs}{os.pathsep}{env['PATH']}", "PYTHONPATH": str(root()), "COLUMNS": "100", "TERM": "dumb"}
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, text=True, check=False, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output = "\n".join(row.rstrip() for row in done.stdout.rstrip().splitlines())
    shown = f"{output}\n" if output else ""
    return shown if done.returncode == 0 else f"{shown}(exit code {done.returncode})\n"


def _query(file: Path, sql: str) -> str:
    with duckdb.connect(str(file), read_only=True) as connection:
        return str(connection.sql(sql)).rstrip() + "\n"


def masked(text: str) -> list[str]:
    """Lines without what may differ between two machines: numbers, names of runs, and the width of tables."""
    text = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b", "#", text)
    text = re.sub(r"[-+]?\d[\d.,:]*(e-?\d+)?", "#", text)
    text = re.sub(r"[─┬┴┼├┤╭╮╰╯┌┐└┘━]+", "─", text)
    return [" ".join(line.split()) for line in text.splitlines()]


def main(names: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PAGES:
            page = root() / name
            page.write_text(refreshed(page.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
