"""`traceroute`: what routers say, and how it is shown."""

import errno
import json
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.control.commands import network
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.traceroute import Hop, Report, parse_report
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line

ICMP, ICMP6, LOCAL = 2, 3, 1


def answer(number: int, origin: int, address: bytes) -> bytes:
    """Return what the kernel keeps of an answer of a router."""
    return struct.pack("=IBBBBII", number, origin, 11, 0, 0, 0, 0) + address


FOUR = b"\x02\x00\0\0" + socket.inet_pton(socket.AF_INET, "192.0.2.1") + bytes(8)
SIX = b"\x0a\x00\0\0\0\0\0\0" + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(4)
ANSWERS = [
    (answer(errno.EHOSTUNREACH, ICMP, FOUR), Report("192.0.2.1", is_end=False)),
    (answer(errno.ECONNREFUSED, ICMP, FOUR), Report("192.0.2.1", is_end=True)),
    (answer(errno.EHOSTUNREACH, ICMP6, SIX), Report("2001:db8::1", is_end=False)),
    (answer(errno.EHOSTUNREACH, LOCAL, FOUR), None),
    (answer(errno.EHOSTUNREACH, ICMP, FOUR[:6]), None),
    (b"", None),
]


@pytest.mark.parametrize(("data", "report"), ANSWERS)
def test_what_routers_say(data: bytes, report: Report | None) -> None:
    assert parse_report(data) == report


@given(st.binary(max_size=64))
def test_any_bytes_are_a_report_or_none(data: bytes) -> None:
    report = parse_report(data)
    assert report is None or report.address


def test_hops_are_shown(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    hops = [
        Hop(1, ("192.0.2.1", "192.0.2.2"), (0.001, None, 0.0025), is_end=False),
        Hop(2, (), (None, None, None), is_end=False),
    ]

    async def trace_route(desk: Desk, host: str) -> AsyncIterator[Hop]:
        desk.require("traceroute")
        for hop in hops:
            yield hop
        if host == "gone.example":
            raise RefusedOperationError("gone.example: Network is unreachable")

    monkeypatch.setattr(network, "trace_route", trace_route)
    shown = run_line(counter.desk(), "traceroute far.example").shown
    assert " 1  192.0.2.1 192.0.2.2  1.000 ms  *  2.500 ms\n 2  *  *  *  *\n" in shown
    assert shown.endswith("The host was not reached.\n")
    assert "unreachable" in run_line(counter.desk(), "traceroute gone.example").errors
    hops.append(Hop(3, ("192.0.2.9",), (0.1, 0.1, 0.1), is_end=True))
    found = json.loads(run_line(counter.desk(), "--json traceroute far.example").shown)
    assert [hop["number"] for hop in found["data"]] == [1, 2, 3]
    refused = run_line(counter.desk("rita", Role.READ_ONLY_OPERATOR), "traceroute far.example")
    assert "permission" in refused.errors
