"""Sending to real receivers on this machine: what arrives, what a failure says, and that nothing hangs."""

from __future__ import annotations

import asyncio
import email
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.policy import default as policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_drift.alerts import send
from warehouse_drift.alerts.due import due
from warehouse_drift.alerts.message import SHOWN, message
from warehouse_drift.alerts.model import Bin, Due, Event, Message, Sent
from warehouse_drift.alerts.send import attempt, redacted, send_all
from warehouse_drift.alerts.through_apprise import addressed
from warehouse_drift.config.alerts import AlertsConfig, SenderConfig

from .conftest import DAY, Receiver, incident

BINS = (Bin("values from 500", 0.1, 0.4, 0.72),)


def opened(**changes: Any) -> Due:
    alerts = AlertsConfig.model_validate({"senders": [{"name": "s", "webhook": "http://x"}]})
    return due(alerts, [incident(**changes)], [], {}, DAY)[0]


def resolved() -> Due:
    o = opened(state="open")
    return Due("s", Event.RESOLVED, o.thread_id, o.monitor_id, o.comparison, o.incidents, frozenset(), o.logged, "alert")


def letter(d: Due | None = None) -> tuple[Due, Message]:
    d = d or opened()
    return d, message(d, project="p", bins=BINS)


def sender(**given: Any) -> SenderConfig:
    return SenderConfig.model_validate({"name": "s", **given})


def one(s: SenderConfig, d: Due | None = None, seconds: float = 5.0) -> Sent:
    (sent,) = send_all({"s": [letter(d)]}, {"s": s}, seconds)
    return sent


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "BACK_OFF", (0.01,))


def test_the_webhook_gets_the_documented_json(receiver: Receiver) -> None:
    assert one(sender(webhook=receiver.url + "/hook", headers={"Authorization": "Bearer t0ps3cret"})).error == ""
    ((path, headers, body),) = receiver.got
    assert path == "/hook" and headers["authorization"] == "Bearer t0ps3cret" and headers["content-type"] == "application/json"
    assert {k: body[k] for k in ("schema", "event", "dedup_key", "severity", "project", "monitor", "comparison", "owner", "tags")} == {
        "schema": "warehouse_drift.alert/1", "event": "opened", "dedup_key": "i1", "severity": "alert", "project": "p", "monitor": "orders",
        "comparison": "daily", "owner": "@risk", "tags": ["tier1"],
    }  # fmt: skip
    assert body["opened_at"] == "2025-01-01T00:00:00Z" and body["resolved_at"] is None and body["incidents_total"] == 1
    assert body["incidents"][0]["times_beyond"] == 2.0 and body["incidents"][0]["reason"] == "PSI 0.5, limit 0.25."
    assert body["top_bins"] == [{"bin": "values from 500", "share_reference": 0.1, "share_current": 0.4, "share_of_drift": 0.72}]
    assert "warehouse-drift explain orders amount" in body["next"] and body["text"] in letter()[1].text


def test_retries_what_may_pass_and_not_what_will_not(receiver: Receiver) -> None:
    receiver.answers = [503, 429, 200]
    sent = one(sender(webhook=receiver.url))
    assert (sent.error, sent.tries, len(receiver.got)) == ("", 3, 3)
    receiver.answers = [404]
    sent = one(sender(webhook=receiver.url))
    assert (sent.error, sent.tries) == ("HTTP 404", 1)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [302]
    assert one(sender(webhook=receiver.url, headers={"X-Key": "k"})).error == "HTTP 302"
    assert [path for path, _, _ in receiver.got] == ["/"]


def test_a_closed_port_is_a_sentence_without_the_address() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    error = one(sender(webhook=f"http://127.0.0.1:{port}/services/T0KENT0KEN"), seconds=0.3).error
    assert "T0KEN" not in error and str(port) not in error and error


def test_a_receiver_that_never_answers_ends_with_the_time_out_and_others_arrive(receiver: Receiver, hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    get = send.queue.SimpleQueue.get

    class Waits(send.queue.SimpleQueue):  # type: ignore[type-arg]
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            assert timeout is not None
            waited.append(timeout)
            return get(self, block, timeout)

    monkeypatch.setattr(send.queue, "SimpleQueue", Waits)
    letters = {"dead": [letter(), letter()], "alive": [letter()]}
    sent = send_all(letters, {"dead": sender(name="dead", webhook=hole), "alive": sender(name="alive", webhook=receiver.url)}, 0.4)
    assert [bool(s.error) for s in sent] == [True, True, False] and len(receiver.got) == 1
    assert max(waited) <= 0.4 + 0.06, "no wait is longer than what is left of the time-out"


def test_a_sender_that_raises_anything_is_one_sentence() -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("oh\nno https://example.org/s3cr3t-path")

    sent = attempt(sender(webhook="https://example.org/s3cr3t-path"), *letter(), time.monotonic() + 5, broken)
    assert sent.error == "RuntimeError: oh no ***" and sent.tries == 1


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=6, max_size=30)


@given(SECRETS, SECRETS, SECRETS)
def test_no_part_of_an_address_is_shown(a: str, b: str, c: str) -> None:
    s = sender(apprise=f"slack://{a}/{b}?key={c}", headers={"X": "tiny"})
    text = redacted(f"failed {a} at https://host/{b} with key={c} tiny", s)
    words = set(text.replace("/", " ").replace("=", " ").split())
    assert not words & {a, b, c, "tiny"}
    assert a not in repr(s) and b not in s.model_dump_json()


def test_the_text_is_short_and_says_what_how_big_since_when_where_and_what_next() -> None:
    text = letter()[1].text
    assert text.splitlines() == [
        "- amount: PSI 0.5, limit 0.25. Since 2025-01-01, 1 window(s).",
        "Where in amount: values from 500 (10.0% -> 40.0%, 72% of it)",
        "Next: warehouse-drift explain orders amount",
        '      warehouse-drift ack i1, or mute i1 --until DATE --why "..."',
    ]
    elsewhere = message(letter()[0], project="p", bins=BINS, config="my conf/drift.yml")
    assert "Next: warehouse-drift explain orders amount -c 'my conf/drift.yml'" in elsewhere.text
    assert elsewhere.body["next"][1] == """warehouse-drift ack i1 -c 'my conf/drift.yml', or mute i1 --until DATE --why "..." -c 'my conf/drift.yml'"""  # type: ignore[index]
    alerts = AlertsConfig.model_validate({"senders": [{"name": "s", "webhook": "http://x"}]})
    many = due(alerts, [incident(f"i{n}", column_name=f"c{n}", segment=("all" if n % 2 else "g=1")) for n in range(300)], [], {}, DAY)[0]
    made = message(many, project="p", report_url="https://bi.example.org/r")
    assert len(made.text.splitlines()) == SHOWN + 4 and "... and 292 more columns" in made.text and "Report: https://bi.example.org/r" in made.text
    assert made.title == "orders: c1, c101 and 298 more drifted" and made.body["incidents_total"] == 300 and len(made.body["incidents"]) == 50  # type: ignore[arg-type]
    end = message(resolved(), project="p")
    assert end.title == "orders: amount back to normal" and "Next" not in end.text and end.body["next"] == []


# through Apprise


@pytest.fixture
def services(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """The public end points of chat services lead to our receiver."""
    pytest.importorskip("apprise")
    import requests

    real = requests.Session.request
    seen: list[str] = []

    def here(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        seen.append(url)
        return real(self, method, receiver.url + "/" + url.split("://", 1)[1], **more)

    monkeypatch.setattr(requests.Session, "request", here)
    return receiver


SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
PAGER = "pagerduty://0123456789abcdef0123456789abcdef@1234567890abcdef1234"


def test_slack(services: Receiver) -> None:
    assert one(sender(apprise=SLACK)).error == ""
    ((path, _, body),) = services.got
    assert path == "/hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    (part,) = body["attachments"]
    assert part["title"] == "orders: amount drifted" and "PSI 0.5, limit 0.25" in part["text"] and "values from 500" in part["text"]


def test_pagerduty_gets_the_same_key_when_it_opens_and_when_it_is_resolved(services: Receiver) -> None:
    assert one(sender(apprise=PAGER)).error == "" == one(sender(apprise=PAGER), resolved()).error
    first, last = services.bodies
    assert services.got[0][0] == "/events.pagerduty.com/v2/enqueue"
    assert (first["event_action"], first["dedup_key"], first["payload"]["severity"]) == ("trigger", "i1", "warning")
    assert "orders: amount drifted" in first["payload"]["summary"]
    assert (last["event_action"], last["dedup_key"]) == ("resolve", "i1")
    one(sender(apprise=PAGER), opened(peak_value=2.0))
    assert services.bodies[-1]["payload"]["severity"] in ("critical", "error")


def test_opsgenie_is_closed_by_the_alias_it_was_opened_with(services: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins import opsgenie

    assert addressed("opsgenie://key/?region=eu&alias=x", opened()) == "opsgenie://key/?region=eu&alias=i1&action=new"
    key = "12345678-1234-1234-1234-123456789012"
    assert one(sender(apprise=f"opsgenie://{key}")).error == ""
    assert services.bodies[0]["alias"] == "i1" and services.bodies[0]["message"].startswith("orders: amount drifted")
    monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, "us", services.url + "/v2/alerts")
    assert one(sender(apprise=f"opsgenie://{key}"), resolved()).error == ""
    path, headers, body = services.got[-1]
    assert path == "/v2/alerts/i1/close?identifierType=alias" and headers["authorization"] == f"GenieKey {key}"
    assert body["note"] == "orders: amount back to normal"


def test_a_chat_service_that_refuses_is_a_sentence_without_its_token(services: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    services.answers = [403]
    error = one(sender(apprise=SLACK), seconds=1).error
    assert "403" in error and "T1JJ3T3L2" not in error and "TIiajkdnlazkcOXrIdevi7FQ" not in error
    shown = capsys.readouterr()
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in shown.out + shown.err


def test_an_address_that_apprise_does_not_know() -> None:
    pytest.importorskip("apprise")
    assert one(sender(apprise="nosuch://s3cr3tt0ken")).error == "Apprise does not understand the address of s"


def test_without_apprise_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    sent = one(sender(apprise=SLACK))
    assert "pip install 'warehouse-drift[alerts]'" in sent.error and sent.tries == 1


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """A small SMTP server: (port, messages as text)."""
    mails: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        data: list[bytes] | None = None
        while line := await reader.readline():
            if data is not None:
                if line == b".\r\n":
                    mails.append(b"".join(data).decode())
                    data = None
                    writer.write(b"250 kept\r\n")
                else:
                    data.append(line)
            elif line.upper().startswith(b"DATA"):
                data = []
                writer.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    worker = threading.Thread(target=loop.run_forever, daemon=True)
    worker.start()
    yield server.sockets[0].getsockname()[1], mails
    loop.call_soon_threadsafe(loop.stop)
    worker.join()
    server.close()
    loop.close()


def test_e_mail(mailbox: tuple[int, list[str]]) -> None:
    pytest.importorskip("apprise")
    port, mails = mailbox
    address = f"mailto://127.0.0.1:{port}?from=drift@example.org&to=risk@example.org&mode=insecure&format=text"
    assert one(sender(apprise=address), seconds=8).error == ""
    (mail,) = (email.message_from_string(m, policy=policy) for m in mails)
    assert mail["Subject"] == "orders: amount drifted" and "risk@example.org" in mail["To"]
    body = mail.get_body(("plain",))
    assert body is not None and "PSI 0.5, limit 0.25. Since 2025-01-01" in body.get_content()


def test_senders_have_threads_of_their_own(receiver: Receiver) -> None:
    names = [f"s{n}" for n in range(5)]
    senders = {n: sender(name=n, webhook=f"{receiver.url}/{n}") for n in names}
    make: Callable[[], list[Any]] = lambda: [letter(), letter()]  # noqa: E731
    sent = send_all({n: make() for n in names}, senders, 5)
    assert len(sent) == 10 and not any(s.error for s in sent) and len(receiver.got) == 10
