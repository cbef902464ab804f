"""`on_alert`: what the command or webhook gets, how often, and that it never holds a run up."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from warehouse_drift.alerts.hooks import hooks_due, run_command
from warehouse_drift.alerts.model import Silence
from warehouse_drift.alerts.stage import tell
from warehouse_drift.config.alerts import OnAlertConfig
from warehouse_drift.config.model import Config

from .conftest import Receiver, Store, incident

NOW = datetime(2025, 1, 10, 12)
Configure = Callable[..., Config]
KEEP = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); n = len(list(p.iterdir())); (p / str(n)).write_text(sys.stdin.read())"


def hook(**more: Any) -> OnAlertConfig:
    return OnAlertConfig.model_validate({"command": "x", **more})


def test_once_an_incident_within_its_time() -> None:
    some = [incident("i1"), incident("i2", column_name="b"), incident("i3", comparison="weekly"), incident("i4", state="resolved")]
    first = hooks_due(hook(), some, {}, {}, NOW, 3.0)
    assert [(d.comparison, [i.incident_id for i in d.incidents]) for d in first] == [("daily", ["i1", "i2"]), ("weekly", ["i3"])]
    called = {"i1": NOW - timedelta(hours=5), "i3": NOW - timedelta(hours=25)}
    again = hooks_due(hook(), some, called, {}, NOW, 3.0)
    assert [(d.event.value, [i.incident_id for i in d.incidents]) for d in again] == [("opened", ["i2"]), ("updated", ["i3"])]
    assert hooks_due(hook(at_most_every="30 days"), some, dict.fromkeys(("i1", "i2", "i3"), NOW - timedelta(days=9)), {}, NOW, 3.0) == []
    assert hooks_due(hook(), some[:1], {}, {"i1": Silence(muted_until=NOW + timedelta(1))}, NOW, 3.0) == []
    assert hooks_due(hook(severity="critical"), some, {}, {}, NOW, 3.0) == []


def test_a_command_gets_the_decision_on_stdin_once(store: Store, configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    config = configure({}, on_alert={"command": [sys.executable, "-c", KEEP, str(tmp_path / "calls")]})
    store.decide(0, "alert")
    assert tell(store.wh, config, config.monitors, "r1") == ("on_alert  orders: called",)
    store.decide(1, "alert", 5.0)
    assert tell(store.wh, config, config.monitors, "r2") == ()
    (call,) = (tmp_path / "calls").iterdir()
    body = json.loads(call.read_text())
    assert body["schema"] == "warehouse_drift.alert/1" and body["monitor"] == "orders" and body["incidents"][0]["column_name"] == "amount"
    assert [(r["sender"], r["state"]) for r in store.log()] == [("on_alert", "sent")]


def test_a_webhook_gets_it_and_messages_go_their_own_way(store: Store, receiver: Receiver, configure: Configure) -> None:
    alerts = {"senders": [{"name": "hook", "webhook": receiver.url + "/people"}]}
    config = configure(alerts, on_alert={"webhook": receiver.url + "/retrain", "headers": {"Authorization": "Bearer t0ken"}})
    store.decide(0, "alert")
    assert sorted(tell(store.wh, config, config.monitors, "r1")) == ["alerts  hook: 1 opened", "on_alert  orders: called"]
    assert {path for path, _, _ in receiver.got} == {"/people", "/retrain"}
    assert tell(store.wh, config, config.monitors, "r2") == ()


def test_a_hook_that_fails_is_called_again_by_the_next_run(store: Store, configure: Configure) -> None:
    code = "import sys; sys.stderr.write('start\\npassword=hunter2 is wrong\\n'); sys.exit(3)"
    config = configure({}, on_alert={"command": [sys.executable, "-c", code]})
    store.decide(0, "alert")
    for n in range(2):
        (line,) = tell(store.wh, config, config.monitors, f"r{n}")
        assert line.startswith("on_alert  orders: FAILED (the command ended with code 3: password=***") and "hunter2" not in line
    assert [r["state"] for r in store.log()] == ["failed", "failed"] and "hunter2" not in str(store.log())


@pytest.mark.parametrize("command", [["/no/such/program"], ["/no/such/program --with words"]])
def test_a_command_that_is_not_there(command: list[str]) -> None:
    assert run_command(command, "{}", 5).startswith("the command could not be started: No such file")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc")
def test_past_its_time_a_command_and_its_children_are_killed(tmp_path: Path) -> None:
    script = f"sleep 300 & echo $! > {tmp_path / 'pid'}; sleep 300"
    assert run_command(["sh", "-c", script], "{}", 1.0) == "the command was stopped after 1 seconds"
    stat = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(100):
        try:
            gone = stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"  # dead, and nobody has asked for its code yet
        except (FileNotFoundError, ProcessLookupError):
            gone = True
        if gone:
            break
        time.sleep(0.05)
    assert gone


def test_a_command_that_does_not_read_is_fine() -> None:
    assert run_command([sys.executable, "-c", "pass"], "x" * 1_000_000, 20) == ""


@pytest.mark.parametrize(("given", "said"), [({}, "either a command or a webhook"), ({"command": "x", "webhook": "http://x"}, "either a command or a webhook"), ({"webhook": "ftp://s3cret"}, "must begin with https://")])
def test_mistakes(configure: Configure, given: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        configure({}, on_alert=given)
    assert "s3cret" not in str(caught.value)
