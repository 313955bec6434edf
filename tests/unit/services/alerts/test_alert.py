"""An alert is harmless whatever it was made of."""

import pytest

from mailwarden.core import alerts
from mailwarden.services.alerts.alert import (
    KEY_LENGTH_MAX,
    LINES_MAX,
    SHORT_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    AlertClass,
    Severity,
    make_alert,
)
from mailwarden.services.alerts.wire import SentAlerts, build_packet, parse_packet


def test_sys_30_classes_and_severities() -> None:
    assert [about.value for about in AlertClass] == [
        "System", "Hardware", "Updater", "Outbreak Filters", "Anti-Virus", "Anti-Spam",
        "Directory Harvest Attack Prevention",
    ]  # fmt: skip
    assert [severity.value for severity in Severity] == ["Critical", "Warning", "Information"]


def test_made_of_what_the_interface_takes() -> None:
    alert = make_alert(alerts.WARNING, alerts.UPDATER, "No update", "update antispam")
    assert (alert.severity, alert.about) == (Severity.WARNING, AlertClass.UPDATER)
    assert (alert.text, alert.key) == ("No update", "update antispam")


@pytest.mark.parametrize("nonsense", [None, 7, b"Warning", "warning!", ["Warning"]])
def test_nonsense_counts_as_the_worst(nonsense: object) -> None:
    alert = make_alert(nonsense, nonsense, "x", nonsense)
    assert (alert.severity, alert.about) == (Severity.CRITICAL, AlertClass.SYSTEM)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a\r\nb\rc\td", "a\nb\nc d"),
        ("a\x1b[2Jb\x00c\x7f\x9b", "a?[2Jb?c??"),
        ("a\u202eb\u2028c\u2066d\ud800e", "a?b?c?d?e"),
        ("  \n a \n\n", "a"),
    ],
)
def test_text_can_be_shown(raw: str, text: str) -> None:
    assert make_alert("Critical", "System", raw).text == text


@pytest.mark.parametrize("empty", ["", " \r\n", None, b"x"])
def test_there_is_always_a_text(empty: object) -> None:
    assert make_alert("Critical", "System", empty).text
    assert make_alert("Critical", "System", empty).key


def test_bounds() -> None:
    alert = make_alert("Critical", "System", "x" * 10**6, "y" * 10**6)
    assert len(alert.text) == TEXT_LENGTH_MAX
    assert len(alert.key) == KEY_LENGTH_MAX
    assert len(alert.short_text) == SHORT_LENGTH_MAX
    assert alert.text.endswith("...")
    lines = make_alert("Critical", "System", "\n".join("x" * 500)).text.split("\n")
    assert len(lines) == LINES_MAX + 1


def test_key_is_one_line() -> None:
    assert make_alert("Critical", "System", "one\ntwo").key == "one two"


def test_packet_reads_back() -> None:
    alert = make_alert("Warning", "Anti-Virus", "Grüße\nzwei", "k")
    assert parse_packet(build_packet(alert)) == alert


@pytest.mark.parametrize("packet", [None, [], "x", {}, {"text": ""}, {"text": 5}, {"class": "x"}])
def test_packet_without_a_text_is_none(packet: object) -> None:
    assert parse_packet(packet) is None


def test_packet_of_a_liar() -> None:
    alert = parse_packet({"severity": {}, "class": [1], "text": "a\r\nBcc: x", "key": 7, "more": 1})
    assert alert is not None
    assert alert.text == "a\nBcc: x"
    assert alert.key == "a Bcc: x"


def test_sent_alerts_go_as_packets() -> None:
    packets: list[dict[str, str]] = []
    SentAlerts(packets.append).alert("Critical", "Hardware", "Disk nearly full", "disk")
    assert packets == [
        {"severity": "Critical", "class": "Hardware", "text": "Disk nearly full", "key": "disk"}
    ]
