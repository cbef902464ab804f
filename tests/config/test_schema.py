from __future__ import annotations

from pathlib import Path

from warehouse_drift.config.schema import PAGES, json_schema, reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "config.md"


def test_the_reference_page_is_generated():
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m warehouse_drift.config.schema > docs/reference/config.md"
    )


def test_every_key_is_described():
    for _, model in PAGES:
        for name, field in model.model_fields.items():
            assert (field.alias or name).startswith("(") or field.description, f"{model.__name__}.{name}"


def test_the_json_schema_has_every_key_and_no_loose_end():
    schema = json_schema()
    assert set(schema["properties"]) == {
        "version",
        "project",
        "warehouse",
        "include",
        "dbt_monitors",
        "defaults",
        "retention",
        "alerts",
        "monitors",
    }
    text = str(schema)
    for _, model in PAGES[1:]:
        assert model.__name__ in schema["$defs"]
        for key in model.written_keys():
            assert f"'{key}'" in text
    refs = {part.split("'")[0] for part in text.split("#/$defs/")[1:]}
    assert refs <= set(schema["$defs"])
