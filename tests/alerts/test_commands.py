"""`incidents`, `ack`, `mute`, `alert-test`, and what the next message makes of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift import cli
from warehouse_drift.alerts.model import Told
from warehouse_drift.alerts.stage import tell
from warehouse_drift.config.load import load_config
from warehouse_drift.errors import UsageError
from warehouse_drift.results import migrate
from warehouse_drift.verbs_alerts import matching
from warehouse_drift.warehouse.connect import open_warehouse

from .conftest import Receiver, Store, incident

Command = Callable[..., tuple[int, str, str]]


class Shop:
    """A database file with decisions of the monitor ``orders``, and a sender."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = f"duckdb:///{folder / 'shop.duckdb'}"
        self.yml = str(folder / "drift.yml")
        monitor = {"name": "orders", "relation": "r", "timestamp": {"column": "ts", "time_zone": "Europe/Berlin"}}
        baseline = {"from": "2024-01-01", "to": "2024-02-01"}
        root = {
            "version": 1, "project": "p", "warehouse": {"url": self.url}, "alerts": {"senders": [{"name": "hook", "webhook": url}]},
            "monitors": [{**monitor, "baseline": baseline}],
        }  # fmt: skip
        Path(self.yml).write_text(json.dumps(root))
        with open_warehouse(self.url) as wh:
            migrate.create_all(wh, "drift")

    def decide(self, n: int, *args: Any, **more: Any) -> None:
        with open_warehouse(self.url) as wh:
            Store(wh).decide(n, *args, **more)

    def tell(self) -> tuple[str, ...]:
        config = load_config(self.yml)
        with open_warehouse(self.url) as wh:
            return tell(wh, config, config.monitors, "r")


@pytest.fixture
def shop(tmp_path: Path, receiver: Receiver) -> Shop:
    return Shop(tmp_path, receiver.url)


@pytest.fixture
def run(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def go(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["warehouse-drift", *words, "-c", shop.yml])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    return go


def test_ack_and_mute_from_the_message_to_the_next_one(shop: Shop, run: Command, receiver: Receiver) -> None:
    assert run("incidents") == (0, "0 open incident(s).\n", "")
    shop.decide(0, "alert", 0.5)
    shop.decide(0, "alert", 0.4, column="other")
    assert shop.tell() == ("alerts  hook: 1 opened",)
    thread = receiver.bodies[0]["dedup_key"]
    code, out, _ = run("incidents", "--json")
    (first, second) = json.loads(out)["incidents"]
    assert code == 0 and first["told"] == second["told"] == ["hook"] and {first["column_name"], second["column_name"]} == {"amount", "other"}
    code, out, _ = run("ack", thread[:8], "--why", "looking")
    assert code == 0 and out.count("acknowledged") == 2, "the id of a message is all of it"
    shop.decide(1, "alert", 5.0)
    assert shop.tell() == ()
    shop.decide(1, "alert", 0.4, column="third")
    assert shop.tell() == ("alerts  hook: 1 updated",)
    assert {i["column_name"]: i["acknowledged"] for i in receiver.bodies[-1]["incidents"]} == {"amount": True, "other": True, "third": False}
    third = next(i["incident_id"] for i in receiver.bodies[-1]["incidents"] if i["column_name"] == "third")
    code, out, _ = run("mute", third, "--until", "2999-05-01", "--why", "promotion")
    assert code == 0 and "third (all): muted until 2999-04-30 22:00 UTC" in out, "in the monitor's zone"
    shop.decide(2, "alert", 3.0, column="third")
    assert shop.tell() == ()
    code, out, _ = run("incidents")
    assert "muted until 2999-04-30 22:00 UTC: promotion" in out and out.count("acknowledged") == 2 and "3 open incident(s)." in out
    assert "3 acked" not in (shown := run("status", "--fail-on", "never")[1]) and "2 acked, 1 muted" in " ".join(shown.split())
    told = run("report")[1]
    assert told.count("*acknowledged by ") == 2 and ": looking*" in told and "*muted until 2999-04-30 22:00 UTC: promotion*" in told
    page = run("report", "--format", "html")[1]
    assert page.count("acknowledged by ") == 2 and "muted until 2999-04-30 22:00 UTC: promotion" in page
    with open_warehouse(shop.url) as wh:
        rows = wh.fetch("SELECT column_name, ack_why, mute_why, acked_at IS NULL AS quiet FROM drift.drift_alerts ORDER BY column_name", name="t")
    assert [(r["column_name"], r["ack_why"], r["mute_why"], r["quiet"]) for r in rows] == [
        ("amount", "looking", None, False), ("other", "looking", None, False), ("third", None, "promotion", True),
    ]  # fmt: skip
    assert run("mute", third, "--until", "2001-01-01", "--why", "over")[0] == 0
    assert "muted" not in run("status", "--fail-on", "never")[1]
    assert shop.tell() == ("alerts  hook: 1 updated",)


def test_a_wrong_id_and_a_wrong_date_are_sentences(shop: Shop, run: Command) -> None:
    code, out, err = run("ack", "abcdef")
    assert (code, out) == (2, "")
    assert err.startswith("warehouse-drift: No open incident begins with 'abcdef'. Run: warehouse-drift incidents -c ")
    assert err.endswith("drift.yml\n")
    code, _, err = run("mute", "abcdef", "--until", "soon", "--why", "x")
    assert code == 2 and err.startswith("warehouse-drift: --until soon:")


def test_what_an_id_means() -> None:
    some = [incident("abcdef1"), incident("abcdef2"), incident("fedcba1")]
    told = [Told("s", "0123456789", "abcdef1", "m", "d", 1.0), Told("s", "0123456789", "fedcba1", "m", "d", 1.0)]
    assert [i.incident_id for i in matching("fedcba", some, told)] == ["fedcba1"]
    assert [i.incident_id for i in matching("012345", some, told)] == ["abcdef1", "fedcba1"]
    for word, said in (("abcdef", "More than one"), ("abc", "too short")):
        with pytest.raises(UsageError, match=said):
            matching(word, some, told)


def test_a_test_message_goes_through_every_sender(shop: Shop, run: Command, receiver: Receiver) -> None:
    assert run("alert-test") == (0, "hook: sent\n", "")
    assert receiver.events == ["opened", "resolved"] and "nothing has drifted" in receiver.bodies[0]["text"]
    receiver.answers = [401]
    assert run("alert-test") == (2, "hook: FAILED: HTTP 401\n", "")


def test_secrets_of_the_configuration_are_never_shown(tmp_path: Path) -> None:
    root = {
        "version": 1, "project": "p", "warehouse": {"url": "duckdb:///x.duckdb"},
        "alerts": {"senders": [{"name": "hook", "webhook": "s3cr3t-address"}, {"name": "hook", "apprise": ["s3cr3t-list"]}, {"name": "none"}],
                   "routes": [{"to": "hok"}], "quiet_hours": {"from": "22", "to": "07:00"}},
        "monitors": [{"name": "m", "relation": "r", "baseline": {"relation": "r"}}],
    }  # fmt: skip
    (tmp_path / "drift.yml").write_text(json.dumps(root))
    with pytest.raises(Exception) as caught:
        load_config(tmp_path / "drift.yml")
    text = str(caught.value)
    assert "s3cr3t" not in text and "time of day" in text and text.count("drift.yml:1:") >= 2
    root["alerts"] = {"senders": [{"name": "hook", "webhook": "s3cr3t-address"}, {"name": "none"}], "routes": [{"to": "hok"}]}
    (tmp_path / "drift.yml").write_text(json.dumps(root))
    with pytest.raises(Exception) as caught:
        load_config(tmp_path / "drift.yml")
    text = str(caught.value)
    assert "s3cr3t" not in text
    for said in ("must begin with https://", "needs either apprise or webhook", "there is no sender 'hok'; did you mean hook?"):
        assert said in text
