"""The way of packets to a host, hop by hop, without rights: the kernel tells what came back.

A datagram with a short life is answered by the router that drops it (RFC 792, RFC 4443). Linux
keeps such answers for the socket that has sent the datagram (IP_RECVERR, ip(7)).
"""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.lookups import addresses_of

HOPS_MAX: Final = 30
PROBES: Final = 3  # for each hop
WAIT_SECONDS: Final = 2.0  # for each answer
PORT: Final = 33_434  # the first one; nobody is expected to listen there
PAYLOAD: Final = bytes(32)
ANSWER_BYTES: Final = 512

_IP_RECVERR: Final = 11  # linux/in.h; the socket module does not have them
_IPV6_RECVERR: Final = 25  # linux/in6.h
_MSG_ERRQUEUE: Final = 0x2000
_ERROR: Final = struct.Struct("=IBBBBII")  # sock_extended_err: linux/errqueue.h
_FROM_ICMP: Final = (2, 3)  # SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6
_IPV4_ADDRESS: Final = slice(4, 8)  # of a sockaddr_in
_IPV6_ADDRESS: Final = slice(8, 24)  # of a sockaddr_in6


class Report(NamedTuple):
    """What came back: from whom, and whether the way ends there."""

    address: str
    is_end: bool


class Hop(NamedTuple):
    """A step on the way. `seconds` are those of each datagram; None is that nothing came back."""

    number: int
    addresses: tuple[str, ...]  # more than one where ways differ; none where nobody answered
    seconds: tuple[float | None, ...]
    is_end: bool


async def trace_route(desk: Desk, host: str) -> AsyncIterator[Hop]:
    """Yield the hops on the way to `host`.

    Raises:
        RefusedOperationError: the host has no address, or there is no way at all.
    """
    desk.require("traceroute")
    address = (await addresses_of(desk, "traceroute", host))[0]
    for number in range(1, HOPS_MAX + 1):
        reports: list[Report] = []
        seconds: list[float | None] = []
        for probe in range(PROBES):
            port = PORT + (number - 1) * PROBES + probe
            report, taken = await _probe(address, port, number)
            seconds.append(taken)
            reports += [report] if report is not None else []
        found = tuple(dict.fromkeys(report.address for report in reports))
        is_end = any(report.is_end for report in reports)
        yield Hop(number, found, tuple(seconds), is_end)
        if is_end:
            return


async def _probe(address: str, port: int, life: int) -> tuple[Report | None, float | None]:
    """Send one datagram; return what came back, and after how many seconds."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        _limit_life(asking, family, life)
        told = asyncio.Event()
        loop.add_reader(asking, told.set)
        began = time.monotonic()
        try:
            asking.connect((address, port))
            asking.send(PAYLOAD)
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    await told.wait()
                    told.clear()
                    report = _report_of(asking)
                    if report is not None:
                        return report, time.monotonic() - began
        except TimeoutError:
            return None, None
        except OSError as error:
            raise RefusedOperationError(f"{address}: {error.strerror or error}") from error
        finally:
            loop.remove_reader(asking)


def _limit_life(asking: socket.socket, family: int, life: int) -> None:
    if family == socket.AF_INET6:
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, life)
        asking.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, life)
        asking.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def _report_of(asking: socket.socket) -> Report | None:
    """Return what the kernel keeps for the socket; None where that is no answer of a router."""
    try:
        _, ancillary, _, _ = asking.recvmsg(ANSWER_BYTES, ANSWER_BYTES, _MSG_ERRQUEUE)
    except BlockingIOError:
        return Report(asking.getpeername()[0], is_end=True)  # a datagram: somebody listens there
    for _, _, data in ancillary:
        report = parse_report(data)
        if report is not None:
            return report
    return None


def parse_report(data: bytes) -> Report | None:
    """Return what a `sock_extended_err` and the address behind it say; None is nothing."""
    if len(data) < _ERROR.size:
        return None
    number, origin, _, _, _, _, _ = _ERROR.unpack_from(data)
    if origin not in _FROM_ICMP:
        return None
    where = data[_ERROR.size :]
    try:
        if origin == _FROM_ICMP[0]:
            address = socket.inet_ntop(socket.AF_INET, where[_IPV4_ADDRESS])
        else:
            address = socket.inet_ntop(socket.AF_INET6, where[_IPV6_ADDRESS])
    except ValueError:
        return None
    return Report(address, is_end=number != errno.EHOSTUNREACH)
