from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config
from warehouse_drift.errors import ConfigError

HEAD = """version: 1
project: shop
warehouse: {url: "duckdb:///shop.duckdb"}
"""
MONITOR = """monitors:
  - name: scores
    relation: ml.scored
    timestamp: scored_at
    baseline: {from: 2025-01-01, to: 2025-04-01}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Config]:
    """Loads a text as drift.yml; with ``monitor`` lines they continue the small monitor above."""

    def one(text: str = "", *, monitor: str = "", env: dict[str, str] | None = None, head: str = HEAD) -> Config:
        file = tmp_path / "drift.yml"
        body = text or head + MONITOR + "".join(f"    {line}\n" for line in monitor.splitlines())
        file.write_text(body, encoding="utf-8")
        return load_config(file, env or {})

    return one


@pytest.fixture
def mistakes(load: Callable[..., Config]) -> Callable[..., list[tuple[int, str]]]:
    """(line, message) of all mistakes of a text that must not load."""

    def all_of(*args: object, **more: object) -> list[tuple[int, str]]:
        with pytest.raises(ConfigError) as caught:
            load(*args, **more)
        assert all(p.file.endswith(".yml") for p in caught.value.problems)
        return [(p.line, p.message) for p in caught.value.problems]

    return all_of
