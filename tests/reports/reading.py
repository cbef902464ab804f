"""What the tests of reports share: nasty names, and a reader that sees a page as elements and texts."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import duckdb

NASTY = "<script>alert('x')</script>\"&"
SECRET = "secret-value"


class Tree(HTMLParser):
    """What a report is made of: elements in order with their attributes, the text of each, and ids."""

    VOID = frozenset(("meta", "br", "input", "link", "img", "hr", "polyline"))

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "elements that were never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)
            self.text.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.text[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]


def tree(text: str) -> Tree:
    return Tree(text)


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    done = db.execute(sql)
    names = [d[0] for d in done.description or ()]
    return [dict(zip(names, r, strict=True)) for r in done.fetchall()]
