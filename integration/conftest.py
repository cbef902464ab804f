"""Engines for the conformance suite: started once a session, skipped with a printed reason when they cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from integration.cases import RESPELLED, data
from integration.engines import ENGINES, Engine, Unavailable, allowed, start
from warehouse_drift import api
from warehouse_drift.sql.dialect import load_dialect

Answer = api.CompareResult


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", default="all", help="names from integration/engines.toml, with commas; default all")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``engine_name`` in a test's arguments: once per engine; ``case_name`` too: its marks come from engines.toml."""
    if "engine_name" not in metafunc.fixturenames:
        return
    asked = str(metafunc.config.getoption("--engine"))
    names = list(ENGINES) if asked == "all" else [n.strip() for n in asked.split(",")]
    unknown = [n for n in names if n not in ENGINES]
    if unknown:
        raise pytest.UsageError(f"there is no engine {unknown[0]!r}; known: {', '.join(ENGINES)}")
    if metafunc.module.__name__.endswith("test_results"):
        names = [n for n in names if not ENGINES[n].get("no_result_tests")]
    if asked == "all" and metafunc.module.__name__.endswith(("test_asked", "test_telling", "test_plans")):
        # statistics on request, alerting and losing plans take slow engines a minute each: make integration ENGINE=spark
        names = [n for n in names if not ENGINES[n].get("slow")]
    metafunc.parametrize(
        "engine_name", [pytest.param(n, marks=[pytest.mark.xdist_group(n), *_slow(n)]) for n in names], scope="session"
    )


def _slow(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if ENGINES[name].get("slow") else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """notimpl (ours to do), notyet (a defect of the engine or its driver), never (the engine has no such thing):
    expected failures, strict, each with its reason. ``needs("arrays")`` goes by the table of capabilities: where that says
    no the test must fail, and where it begins to pass the table must be mended."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        engine, case = params.get("engine_name"), params.get("case_name") or getattr(item, "originalname", "")
        wanted = [case, *(m.args[0] for m in item.iter_markers("needs"))]
        if engine in ENGINES and (found := next((w for n in wanted if (w := lacks(engine, n))), None)):
            item.add_marker(pytest.mark.xfail(reason=found, strict=True))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(capability): fails where the table of capabilities says that the engine has none")


def lacks(engine: str, what: str) -> str:
    """Why a case, or a capability, does not work on an engine: its own row says so, or its dialect. '' where it must."""
    for kind in ("notimpl", "notyet", "never"):
        if why := ENGINES[engine].get(kind, {}).get(what):
            return f"{kind}: {why}"
    given = load_dialect(ENGINES[engine].get("dialect", ENGINES[engine]["module"])).capabilities.get(what)
    sort = {"not_implemented": "notimpl", "unsupported": "never"}.get(given.support) if given else None
    return f"{sort}: {given.reason}" if given and sort else ""


@pytest.fixture(scope="session")
def engines() -> Iterator[Callable[[str], Engine]]:
    running: dict[str, Engine] = {}
    missing: dict[str, str] = {}

    def get(name: str) -> Engine:
        if name in missing:
            pytest.skip(missing[name])
        if name not in running:
            try:
                running[name] = start(name)
            except Unavailable as error:
                missing[name] = f"{name}: {error}"
                pytest.skip(missing[name])
        return running[name]

    yield get
    for engine in running.values():
        engine.close()


@pytest.fixture
def engine(engine_name: str, engines: Callable[[str], Engine]) -> Engine:
    return engines(engine_name)


@pytest.fixture(scope="session")
def answers(engines: Callable[[str], Engine]) -> Callable[[str, str, str], dict[tuple[str, str], dict[str, Any]]]:
    """answers(engine, case, precision): (column, statistic) -> row, computed once."""

    @cache
    def loaded(name: str, case: str) -> Engine:
        engine = engines(name)
        reference, current = data(case)
        other = {RESPELLED.get(c, c): v for c, v in allowed(name, current).items()}
        engine.load({f"{case}_ref": allowed(name, reference), f"{case}_cur": other})
        return engine

    @cache
    def answer(name: str, case: str, precision: str) -> dict[tuple[str, str], dict[str, Any]]:
        engine = loaded(name, case)
        result = api.compare(
            engine.url,
            f"{engine.place}{case}_ref",
            f"{engine.place}{case}_cur",
            precision=precision,
            connect_args=engine.connect_args,
        )
        return {(r["column_name"], r["statistic"]): r for r in result.rows}

    return answer
