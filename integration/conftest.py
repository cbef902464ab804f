"""Engines for the conformance suite: started once a session, skipped with a printed reason when they cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from integration.cases import CASES, RESPELLED, data
from integration.engines import ENGINES, Engine, Unavailable, allowed, start
from warehouse_drift import api
from warehouse_drift.sql.dialect import load_dialect

Answer = api.CompareResult
WITHOUT_TRANSACTIONS = ("clickhouse", "spark")
"""Engines on which no two statements end together, so that only the order of writing decides what is seen."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", default="all", help="names from integration/engines.toml, with commas; default all")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``engine_name`` in a test's arguments: once per engine; ``precision`` too: once per case and precision (one of them
    for a slow engine, unless it is named)."""
    if "engine_name" not in metafunc.fixturenames:
        return
    asked = str(metafunc.config.getoption("--engine"))
    names = list(ENGINES) if asked == "all" else [n.strip() for n in asked.split(",")]
    unknown = [n for n in names if n not in ENGINES]
    if unknown:
        raise pytest.UsageError(f"there is no engine {unknown[0]!r}; known: {', '.join(ENGINES)}")
    if metafunc.module.__name__.endswith("test_results"):
        names = [n for n in names if not ENGINES[n].get("no_result_tests")]
    killed = metafunc.function.__name__ == "test_a_killed_run_leaves_nothing_half_done"
    if killed:
        names = [n for n in names if n in WITHOUT_TRANSACTIONS]
    if asked == "all" and (killed or metafunc.module.__name__.endswith(("test_asked", "test_telling", "test_plans"))):
        # statistics on request, alerting, losing plans and runs that die take slow engines a minute each: make
        # integration ENGINE=spark
        names = [n for n in names if not ENGINES[n].get("slow")]
    if metafunc.function.__name__.endswith("as_the_embedded_engine"):
        names = [n for n in names if n != "duckdb"]  # it is the embedded engine
    marks = {n: [pytest.mark.xdist_group(n), *([pytest.mark.slow] if ENGINES[n].get("slow") else [])] for n in names}
    if "precision" not in metafunc.fixturenames:
        metafunc.parametrize("engine_name", [pytest.param(n, marks=marks[n]) for n in names], scope="session")
        return
    cases = [
        pytest.param(n, c.name, precision, marks=[*marks[n], *([pytest.mark.slow] if c.slow else [])])
        for n in names
        for c in CASES.values()
        for precision in ("exact", "certified")
        if asked != "all" or not ENGINES[n].get("slow") or precision == c.brief
    ]
    metafunc.parametrize(("engine_name", "case_name", "precision"), cases, scope="session")


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
