"""The site: its navigation names every page once, and what is built has no dead link and asks nothing of the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from warehouse_drift.resources import root

ROOT = root()


def pages(nav: Any) -> Iterator[str]:
    """The files that a navigation names."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from pages(part)


def test_the_navigation_names_every_page_once() -> None:
    named = list(pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(named) == sorted(str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md"))


@pytest.mark.slow
def test_the_site_builds_strictly_and_its_links_resolve(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra docs is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    made = {p: p.read_text(encoding="utf-8") for p in tmp_path.rglob("*.html")}
    assert len(made) >= len(list((ROOT / "docs").rglob("*.md")))
    assert (tmp_path / "images" / "report-1280-light.png").stat().st_size > 10_000
    for page, text in made.items():
        assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"?https?:", text), page
        for link in re.findall(r"<a [^>]*?href=\"([^\"]+)\"", text) if page.name != "404.html" else ():
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = unquote(link).partition("#")
            target = (page.parent / file).resolve() if file else page
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{page.relative_to(tmp_path)}: {link}"
            assert not anchor or target not in made or re.search(rf"\bid=\"?{re.escape(anchor)}[\"\s>]", made[target]), f"{page.name}: {link}"
