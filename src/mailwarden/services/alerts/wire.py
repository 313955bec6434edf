"""Alerts between processes: a packet that a worker sends to the supervisor, and it to the manager.

    {"severity": "Critical", "class": "System", "text": "...", "key": "..."}

Whoever takes over a worker can send what they like: the parser takes anything.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mailwarden.services.alerts.alert import Alert, clean_text, make_alert


def build_packet(alert: Alert) -> dict[str, str]:
    """Return `alert` as it goes to another process; a few kilobytes at most."""
    return {
        "severity": alert.severity.value,
        "class": alert.about.value,
        "text": alert.text,
        "key": alert.key,
    }


def parse_packet(packet: object) -> Alert | None:
    """Return the alert in what another process sent; None if it says nothing."""
    if not isinstance(packet, Mapping) or not clean_text(packet.get("text")):
        return None
    return make_alert(
        packet.get("severity"), packet.get("class"), packet.get("text"), packet.get("key")
    )


class SentAlerts:
    """Alerts that another process takes care of: `send` gets each as a packet and does not wait."""

    __slots__ = ("_send",)

    def __init__(self, send: Callable[[dict[str, str]], object]) -> None:
        self._send: Final = send

    def alert(self, severity: str, about: str, text: str, key: str, /) -> None:
        """Pass an alert on."""
        self._send(build_packet(make_alert(severity, about, text, key)))
