"""``on_alert``: a command or a webhook that is given the decision, for example to start a retraining job."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from warehouse_drift.alerts.model import Due, Event, Incident, Message, Sent, Silence
from warehouse_drift.alerts.send import attempt
from warehouse_drift.config.alerts import OnAlertConfig, SenderConfig
from warehouse_drift.warehouse.execute import mask

NAME = "on_alert"
"""The hook's name in the alert log."""
Call = tuple[OnAlertConfig, Due, Message]


def hooks_due(
    hook: OnAlertConfig, incidents: Sequence[Incident], called: Mapping[str, datetime], silences: Mapping[str, Silence], now: datetime, critical_at: float
) -> list[Due]:  # fmt: skip
    """The calls that one monitor's hook is owed at ``now``: one a comparison, about the open incidents for which it was
    not called within ``at_most_every``. Muted incidents call nothing.

    Args:
        incidents: of this monitor.
        called: by incident id, when the hook last succeeded.
    """
    found: dict[str, list[Incident]] = {}
    for i in incidents:
        last = called.get(i.incident_id)
        rested = last is None or now - last >= hook.at_most_every
        big = hook.severity == "alert" or i.times >= critical_at
        if i.is_open and rested and big and not silences.get(i.incident_id, Silence()).mutes(now):
            found.setdefault(i.comparison, []).append(i)
    owed = []
    for comparison, some in sorted(found.items()):
        ordered = tuple(sorted(some, key=lambda i: (i.segment != "all", -i.times, i.column_name, i.segment)))
        again = all(i.incident_id in called for i in ordered)
        oldest = min(ordered, key=lambda i: (i.opened_at, i.incident_id))
        owed.append(
            Due(
                NAME, Event.UPDATED if again else Event.OPENED, oldest.incident_id, oldest.monitor_id, comparison, ordered,
                frozenset(i.incident_id for i in ordered if i.incident_id not in called),
                tuple((i.incident_id, i.times) for i in ordered),
                "critical" if any(i.times >= critical_at for i in ordered) else "alert",
            )
        )  # fmt: skip
    return owed


def call_all(calls: Sequence[Call]) -> list[Sent]:
    """Makes all calls at once; returns when all have ended or reached their time-outs."""
    found: dict[int, Sent] = {}
    started = time.monotonic()
    workers = []
    for n, (hook, due, message) in enumerate(calls):
        ends = started + hook.timeout.total_seconds()

        def work(n: int = n, hook: OnAlertConfig = hook, due: Due = due, message: Message = message, ends: float = ends) -> None:
            found[n] = call(hook, due, message, ends)

        workers.append((threading.Thread(target=work, name=f"{NAME}-{n}", daemon=True), ends))
    for worker, _ in workers:
        worker.start()
    for worker, ends in workers:
        worker.join(max(ends - time.monotonic(), 0.0) + 1.0)
    return [found.get(n) or Sent(due, f"no answer within {hook.timeout.total_seconds():g} seconds") for n, (hook, due, _) in enumerate(calls)]


def call(hook: OnAlertConfig, due: Due, message: Message, ends: float) -> Sent:
    if hook.webhook is not None:
        return attempt(SenderConfig.model_construct(name=NAME, webhook=hook.webhook, headers=hook.headers), due, message, ends)
    try:
        error = run_command(hook.command, json.dumps(message.body, allow_nan=False, default=str), max(ends - time.monotonic(), 0.1))
    except Exception as problem:  # a hook must not end a run
        error = f"{type(problem).__name__}: {problem}"
    return Sent(due, mask(" ".join(error.split()))[:300])


def run_command(command: Sequence[str], text: str, seconds: float) -> str:
    """Runs a command with ``text`` on its stdin, without a shell; a sentence about what went wrong, or ''.

    One text is split into words as a shell would. Past the time the command and what it started are killed.
    """
    words = shlex.split(command[0]) if len(command) == 1 else list(command)
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return f"the command could not be started: {error.strerror}"
    try:
        _, said = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"the command was stopped after {seconds:.0f} seconds"
    if process.returncode:
        last = (said.strip().splitlines() or [""])[-1]
        return f"the command ended with code {process.returncode}{': ' + last if last else ''}"
    return ""


def _kill(process: subprocess.Popen[str]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            pipe.close()
