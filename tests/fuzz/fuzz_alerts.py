"""Fuzzes what alerts are made of: `python -m tests.fuzz.fuzz_alerts -max_total_time=60`."""

import email
import email.policy
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.services.alerts"]):
    from mailwarden.services.alerts.message import build_mail, write_notice
    from mailwarden.services.alerts.repeats import Notice
    from mailwarden.services.alerts.state import StateError, decode_state, encode_state
    from mailwarden.services.alerts.wire import parse_packet

FIELDS = 9  # of a mail


def check_packet(data: bytes) -> None:
    """The text of a packet adds no field to the mail about it."""
    text = data.decode("utf-8", "surrogateescape")
    alert = parse_packet({"severity": text, "class": text, "text": text, "key": text})
    if alert is None:
        return
    mail = write_notice(Notice(alert), "gw1.corp.example", ["ops@corp.example"], "0bad", 1e9)
    content = build_mail(mail, "", "gw1.corp.example")
    header = email.message_from_bytes(content, policy=email.policy.default)
    if len(header.keys()) != FIELDS or max(map(len, content.split(b"\r\n"))) > 998:
        raise AssertionError(f"{text!r} makes {content!r}")
    if content.count(b"\n") != content.count(b"\r\n") or not content.isascii():
        raise AssertionError(f"{text!r} makes {content!r}")


def check_state(data: bytes) -> None:
    """What was read can be written, and reads back as itself."""
    try:
        state = decode_state(data, 1000.0, 1e9)
    except StateError:
        return
    again = decode_state(encode_state(state, 1000.0, 1e9), 1000.0, 1e9)
    if len(again.letters) != len(state.letters) or len(again.watched) != len(state.watched):
        raise AssertionError(f"{data!r} does not read back")


def test_one_input(data: bytes) -> None:
    """The first byte says what the rest is."""
    (check_state if data[:1] == b"{" else check_packet)(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
