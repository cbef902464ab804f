"""Senders that go through Apprise (extra ``alerts``): Slack, PagerDuty, Opsgenie, Teams, e-mail and many more."""

from __future__ import annotations

import logging
import re
import threading
import urllib.parse
from typing import Any

from warehouse_drift.alerts.model import Due, Event, Message
from warehouse_drift.alerts.send import Refused, post_json
from warehouse_drift.config.alerts import SenderConfig

_INCIDENTS = {
    "pagerduty": ("dedup", {Event.OPENED: "trigger", Event.UPDATED: "trigger", Event.RESOLVED: "resolve"}),
    "opsgenie": ("alias", {Event.OPENED: "new", Event.UPDATED: "new", Event.RESOLVED: "close"}),
}
"""Services that keep incidents themselves: the URL's name for our key, and what each event does there."""

_FOR_GOOD = re.compile(r"error=4(?!08|25|29)\d\d")
"""An answer of the service that no second try will change."""


def addressed(url: str, due: Due) -> str:
    """The URL with the thread as the service's own key, so that updates and the resolve find the same incident."""
    schema = url.split("://", 1)[0].lower()
    if schema not in _INCIDENTS:
        return url
    key, actions = _INCIDENTS[schema]
    base, _, query = url.partition("?")
    given = [(k, v) for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True) if k not in (key, "action")]
    return f"{base}?{urllib.parse.urlencode([*given, (key, due.thread_id), ('action', actions[due.event])])}"


class _Heard(logging.Handler):
    """What Apprise says of a failure, in this thread only."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.mine = threading.get_ident()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.mine:
            self.said.append(record.getMessage())


def notify(sender: SenderConfig, due: Due, message: Message, left: float) -> None:
    """Sends one message. Raises Refused; its sentence may hold parts of the address (``send.redacted`` takes them out)."""
    try:
        from apprise import Apprise, NotifyFormat, NotifyType
    except ImportError:
        raise Refused(
            f"the sender {sender.name} needs Apprise: pip install 'warehouse-drift[alerts]'", again=False
        ) from None
    assert sender.apprise is not None
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        # the service itself and not a list of one: that one would send from a thread of its own, out of our hearing
        service = Apprise.instantiate(addressed(sender.apprise.get_secret_value(), due), suppress_exceptions=True)
        if service is None:
            raise Refused(f"Apprise does not understand the address of {sender.name}", again=False)
        if due.event is Event.RESOLVED and sender.apprise.get_secret_value().lower().startswith("opsgenie://"):
            _close_at_opsgenie(service, due, message, left)
            return
        kind = NotifyType.WARNING
        if due.event is Event.RESOLVED:
            kind = NotifyType.SUCCESS
        elif due.severity == "critical":
            kind = NotifyType.FAILURE
        if not service.notify(body=message.text, title=message.title, notify_type=kind, body_format=NotifyFormat.TEXT):
            said = "; ".join(heard.said) or "Apprise could not send it and does not say why"
            raise Refused(said, again=_FOR_GOOD.search(said) is None)
    finally:
        logger.removeHandler(heard)


def _close_at_opsgenie(service: Any, due: Due, message: Message, left: float) -> None:
    """Apprise closes only alerts whose request ids this very process remembers, and says nothing otherwise. Opsgenie's
    own call takes the alias that the alert was opened with."""
    from apprise.plugins.opsgenie import OPSGENIE_API_LOOKUP

    url = f"{OPSGENIE_API_LOOKUP[service.region_name]}/{urllib.parse.quote(due.thread_id)}/close?identifierType=alias"
    note: dict[str, object] = {"source": "warehouse-drift", "note": message.title}
    post_json(url, note, {"Authorization": f"GenieKey {service.apikey}"}, left)
