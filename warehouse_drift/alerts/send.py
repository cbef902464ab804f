"""Sending, within a time-out, with retries, and without ever letting a sender stop a run.

Every sender has a thread of its own. What has not arrived when the time is up counts as failed, is recorded so, and is
due again at the next run: a message may arrive twice, none is lost. Threads are daemons: a receiver that never answers
does not keep the process alive either.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from warehouse_drift.alerts.model import Due, Message, Sent
from warehouse_drift.config.alerts import SenderConfig
from warehouse_drift.warehouse.execute import mask

Letter = tuple[Due, Message]
BACK_OFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the second, third, ... try, plus up to a half at random; no try begins after the time-out."""


class Refused(Exception):
    """The message did not arrive. ``again``: another try may help."""

    def __init__(self, sentence: str, *, again: bool) -> None:
        super().__init__(sentence)
        self.again = again


Deliver = Callable[[SenderConfig, Due, Message, float], None]
"""(sender, due, message, seconds left). Raises Refused."""


def send_all(letters: Mapping[str, Sequence[Letter]], senders: Mapping[str, SenderConfig], seconds: float) -> list[Sent]:
    """Sends every sender its letters, all senders at once; returns after ``seconds`` at the latest, with what became of
    each letter."""
    answers: queue.SimpleQueue[tuple[str, int, Sent]] = queue.SimpleQueue()
    ends = time.monotonic() + seconds
    for name, some in letters.items():
        threading.Thread(target=_work, args=(senders[name], some, ends, answers), name=f"alerts-{name}", daemon=True).start()
    waiting = {(name, n) for name, some in letters.items() for n in range(len(some))}
    found: dict[tuple[str, int], Sent] = {}
    while waiting:
        try:
            name, n, sent = answers.get(timeout=max(ends - time.monotonic(), 0.0) + 0.05)
        except queue.Empty:
            break
        found[name, n] = sent
        waiting.discard((name, n))
    late = f"no answer within {seconds:g} seconds"
    return [found.get((name, n)) or Sent(due, late) for name, some in letters.items() for n, (due, _) in enumerate(some)]


def _work(sender: SenderConfig, letters: Sequence[Letter], ends: float, answers: queue.SimpleQueue[tuple[str, int, Sent]]) -> None:
    for n, (due, message) in enumerate(letters):
        answers.put((sender.name, n, attempt(sender, due, message, ends)))


def attempt(sender: SenderConfig, due: Due, message: Message, ends: float, deliver: Deliver | None = None) -> Sent:
    """Tries until it arrives, is refused for good, or the time (of ``time.monotonic``) is up."""
    deliver = deliver or (_webhook if sender.webhook else _apprise)
    tries, error = 0, "no time was left"
    while True:
        left = ends - time.monotonic()
        if left <= 0:
            return Sent(due, error, tries)
        tries += 1
        try:
            deliver(sender, due, message, left)
            return Sent(due, "", tries)
        except Refused as refusal:
            error, again = redacted(str(refusal), sender), refusal.again
        except Exception as problem:  # whatever a library of a chat service raises must not end a run
            error, again = redacted(f"{type(problem).__name__}: {problem}", sender), False
        pause = BACK_OFF[min(tries, len(BACK_OFF)) - 1] * (1 + random.random() / 2)
        if not again or time.monotonic() + pause >= ends:
            return Sent(due, error, tries)
        time.sleep(pause)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message and its headers to a place that nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _webhook(sender: SenderConfig, due: Due, message: Message, left: float) -> None:
    assert sender.webhook is not None
    headers = {n: v.get_secret_value() for n, v in sender.headers.items()}
    post_json(sender.webhook.get_secret_value(), message.body, headers, left)


def post_json(url: str, body: Mapping[str, object], headers: Mapping[str, str], left: float) -> None:
    """One POST of JSON. Raises Refused for an answer that is not 2xx, and when there is none within ``left`` seconds."""
    data = json.dumps(body, allow_nan=False, default=str).encode()
    fixed = {"Content-Type": "application/json", "User-Agent": "warehouse-drift"}
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        request = urllib.request.Request(url, data, {**fixed, **headers}, method="POST")
        with opener.open(request, timeout=left) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(f"HTTP {error.code}", again=error.code in (408, 425, 429) or error.code >= 500) from None
    except urllib.error.URLError as error:
        raise Refused(f"no connection: {error.reason}", again=True) from None
    except (TimeoutError, ConnectionError) as error:
        raise Refused(f"no answer: {error}", again=True) from None
    except (OSError, ValueError) as error:
        raise Refused(f"{type(error).__name__}: {error}", again=False) from None


def _apprise(sender: SenderConfig, due: Due, message: Message, left: float) -> None:
    from warehouse_drift.alerts.through_apprise import notify

    notify(sender, due, message, left)


def redacted(text: str, sender: SenderConfig) -> str:
    """One line of at most 300 characters without anything of the sender's address that could be a secret."""
    text = " ".join(text.split())
    secrets = [v.get_secret_value() for v in sender.headers.values()]
    for address in (sender.apprise, sender.webhook):
        if address is not None:
            secrets += _parts(address.get_secret_value())
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return mask(text)[:300]


def _parts(url: str) -> list[str]:
    """The address, and the parts of it that may be secrets: all but the scheme and short words."""
    found = [url]
    rest = url.split("://", 1)[-1]
    for sign in "/?&=@:":
        rest = rest.replace(sign, " ")
    words = rest.split()
    found += [w for w in words if len(w) >= 6]
    found += [urllib.parse.unquote(w) for w in words if len(w) >= 6]
    return found
