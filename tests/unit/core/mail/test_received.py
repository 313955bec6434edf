"""The Received field (mailflow 2.3)."""

import pytest

from mailwarden.core.mail.date import build_received_date
from mailwarden.core.mail.header import LINE_BYTES_MAX, split_fields
from mailwarden.core.mail.received import (
    BY_PLACEHOLDER,
    build_literal,
    build_protocol,
    build_received,
    resolve_by,
)


def received(**changes: object) -> bytes:
    values: dict[str, object] = {
        "client_name": "mail.partner.example",
        "helo": "mail.partner.example",
        "client_address": "192.0.2.25",
        "by": "gw1.corp.example",
        "protocol": "ESMTP",
        "date": "09 Nov 2010 10:15:02 +0000",
    }
    return build_received(**(values | changes))


def test_row_20_received_header() -> None:
    assert received() == (
        b"Received: from mail.partner.example ([192.0.2.25])\r\n"
        b"  by gw1.corp.example with ESMTP; 09 Nov 2010 10:15:02 +0000\r\n"
    )
    start = b"Received: from mail.partner.example (HELO foo) ([192.0.2.25])\r\n"
    assert received(helo="foo").startswith(start)


def test_unknown_client_over_tls() -> None:
    field = received(
        client_name="",
        helo="laptop",
        client_address="198.51.100.7",
        protocol=build_protocol(esmtp=True, cipher="DHE-RSA-AES256-SHA"),
        date=build_received_date(1_289_297_800),
    )
    assert field == (
        b"Received: from unknown (HELO laptop) ([198.51.100.7])\r\n"
        b"  by gw1.corp.example with ESMTP/TLS/DHE-RSA-AES256-SHA; 09 Nov 2010 10:16:40 +0000\r\n"
    )


def test_helo_is_left_out_where_it_says_nothing_new() -> None:
    assert b"HELO" not in received(helo="")
    assert b"HELO" not in received(helo="Mail.Partner.Example")
    assert b"(HELO [192.0.2.25])" in received(helo="[192.0.2.25]")


HOSTILE = [
    "x) ([10.0.0.1]) by trusted with ESMTP; (",
    "x\r\nSubject: injected",
    "x\r\n\r\nbody",
    "x\n\n.\r\n",
    "\0by\0",
    "jörg\udcff",
    "(\\",
    "x" * 100_000,
    "\r\n" * 1_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_one_word(text: str) -> None:
    field = received(client_name=text, helo=f"h{text}", client_address=text, by=text)
    (only,), defects = split_fields(field, is_added=True)
    assert only.name == "Received"
    assert defects == set()
    assert field.count(b"\r\n") == field.count(b"\n") == field.count(b"\r") == 2
    assert all(len(line) <= LINE_BYTES_MAX for line in field.split(b"\r\n"))
    assert b"\0" not in field
    assert (field.count(b"("), field.count(b")"), field.count(b";")) == (2, 2, 1)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.25", "192.0.2.25"),
        ("2001:db8::1", "IPv6:2001:db8::1"),
        ("fe80::1%eth0", "IPv6:fe80::1"),
        ("::ffff:192.0.2.25", "192.0.2.25"),
        ("::FFFF:192.0.2.25", "192.0.2.25"),
    ],
)
def test_literals(address: str, expected: str) -> None:
    assert build_literal(address) == expected
    assert f"([{expected}])".encode() in received(client_address=address)


def test_protocols() -> None:
    assert build_protocol(esmtp=False) == "SMTP"
    assert build_protocol(esmtp=True) == "ESMTP"
    assert build_protocol(esmtp=True, cipher="TLS_AES\r\nX: y") == "ESMTP/TLS/TLS_AES??X??y"


def test_name_that_is_decided_at_delivery() -> None:
    header = received(by=None, helo="\0by\0") + b"X: y\r\n"
    assert header.count(BY_PLACEHOLDER) == 1
    expected = received(by="vg2.corp.example", helo="?by?") + b"X: y\r\n"
    assert resolve_by(header, "vg2.corp.example") == expected
    assert resolve_by(expected, "other.example") == expected
    assert b"\n" not in resolve_by(BY_PLACEHOLDER, "a\r\nb")
