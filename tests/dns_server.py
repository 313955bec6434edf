"""A little DNS server for tests: answers from a table over UDP and TCP, and misbehaves on demand.

The table has the form that `FakeResolver` takes, with records as in a zone file:

    {"partner.example": {"MX": ["10 mail.partner.example"]},
     "mail.partner.example": {"A": ["192.0.2.25"], "TTL": ["60"]}}

It may be changed while the server runs. A name that is missing gets NXDOMAIN. These keys are no
record types but say how the server behaves when it is asked for the name:

    SERVFAIL, REFUSED, NOTIMP, FORMERR   answers with that code
    DROP         never answers; with values, only for these record types
    DELAY        answers after so many seconds
    TTL          of the name's records; 300 otherwise
    NO_SOA       answers NXDOMAIN and "no such record" without SOA
    CNAME_ONLY   does not follow the alias for the client
    TRUNCATED    answers over UDP are cut, the whole one comes over TCP
    NO_EDNS      answers FORMERR to questions with EDNS
    LAME         refers to other servers instead of answering
    GARBAGE      answers with the right number and nonsense
    POISON       sends answers with a wrong number and to another question, then the right one
    HUGE         answers with a datagram of so many bytes
    SECURE       says that DNSSEC proves the answer (AD) to whoever asks for it
    RAW          answers with this rdata in hex, as a record of the type asked for
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mailwarden.system.dns.fake import Zone

CODES = ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR")
NEGATIVE_TTL = 60
TTL = 300


def answers(zone: Zone, query: bytes, *, tcp: bool = False) -> tuple[float, list[bytes]]:
    """Return after how many seconds which messages answer `query`."""
    question = dns.message.from_wire(query)
    name = question.question[0].name
    kind = dns.rdatatype.to_text(question.question[0].rdtype)
    records: Any = zone.get(_text(name), {})
    delay = float(records["DELAY"][0]) if "DELAY" in records else 0.0
    if "DROP" in records and kind in (records["DROP"] or [kind]):
        return delay, []
    if "GARBAGE" in records:
        return delay, [query[:2] + b"\x84\0\0\1\xff\xff\0\0\0\0" + b"\xc0\x0c" * 40]
    if "HUGE" in records:
        return delay, [query[:2] + bytes(int(records["HUGE"][0]) - 2)]
    response = _response(zone, question, name, kind)
    if "TRUNCATED" in records and not tcp:
        response.answer.clear()
        response.flags |= dns.flags.TC
    wire = response.to_wire(max_size=65535)
    if len(wire) > 1232 and not tcp:
        response.answer.clear()
        response.flags |= dns.flags.TC
        wire = response.to_wire()
    if "POISON" in records:
        return delay, [*_poison(question, kind), wire]
    return delay, [wire]


def _response(
    zone: Zone, question: dns.message.Message, name: dns.name.Name, kind: str
) -> dns.message.Message:
    response = dns.message.make_response(question, recursion_available=True)
    records: Any = zone.get(_text(name))
    for code in CODES:
        if records is not None and code in records:
            response.set_rcode(dns.rcode.from_text(code))
            return response
    if records is not None and "NO_EDNS" in records and question.edns >= 0:
        response = dns.message.make_response(question)
        response.set_rcode(dns.rcode.FORMERR)
        return response
    if records is not None and "LAME" in records:
        response.flags &= ~dns.flags.RA
        response.authority.append(dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example."))
        return response
    # RFC 6840, 5.8: those who ask with neither AD nor DO may not understand the bit.
    is_secure = bool(question.flags & dns.flags.AD)
    for _ in range(20):
        is_secure = is_secure and records is not None and "SECURE" in records
        response.flags &= ~dns.flags.AD
        response.flags |= dns.flags.AD if is_secure else 0
        if records is None or "CNAME" not in records or kind == "CNAME":
            break
        target = _absolute(records["CNAME"][0])
        response.answer.append(dns.rrset.from_text(name, _ttl(records), "IN", "CNAME", target))
        if "CNAME_ONLY" in records:
            return response
        name = dns.name.from_text(target)
        records = zone.get(_text(name))
    if records is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif "RAW" in records:
        data = dns.rdata.GenericRdata(
            dns.rdataclass.IN, dns.rdatatype.from_text(kind), bytes.fromhex(records["RAW"][0])
        )
        response.answer.append(dns.rrset.from_rdata(name, _ttl(records), data))
    elif records.get(kind):
        for text in records[kind]:  # one at a time: those of one RRset would be shuffled
            record = dns.rrset.from_text(name, _ttl(records), "IN", kind, _record(kind, text))
            response.answer.append(record)
    if (records is None or not (records.get(kind) or "RAW" in records)) and not (
        records is not None and "NO_SOA" in records
    ):
        soa = f"ns.example. admin.example. 1 3600 600 86400 {NEGATIVE_TTL}"
        response.authority.append(dns.rrset.from_text(".", 900, "IN", "SOA", soa))
    return response


def _poison(question: dns.message.Message, kind: str) -> list[bytes]:
    other = dns.message.make_response(question)
    other.question[0] = dns.rrset.RRset(
        dns.name.from_text("other.example."), dns.rdataclass.IN, dns.rdatatype.from_text(kind)
    )
    wrong_number = dns.message.make_response(question)
    wrong_number.id ^= 1
    for message in (other, wrong_number):
        message.answer.append(
            dns.rrset.from_text(message.question[0].name, 9999, "IN", "A", "203.0.113.66")
        )
    return [other.to_wire(), wrong_number.to_wire(), b"", b"\0"]


def _record(kind: str, text: str) -> str:
    match kind:
        case "MX":
            preference, host = text.split(" ", 1)
            return f"{preference} {_absolute(host)}"
        case "PTR" | "CNAME":
            return _absolute(text)
        case "TXT":
            return text if text.startswith('"') else f'"{text}"'
        case _:
            return text


def _absolute(name: str) -> str:
    return name if name.endswith(".") else f"{name}."


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _ttl(records: Any) -> int:
    return int(records["TTL"][0]) if "TTL" in records else TTL


class DnsServer:
    """Serves `zone` on `address` from a thread of its own, between `start` and `stop`."""

    def __init__(self, zone: Zone, host: str = "127.0.0.1") -> None:
        self.zone = zone
        self.questions: list[tuple[str, str, str]] = []  # name, type, `udp` or `tcp`
        self.ports: list[int] = []  # the client's, of each question over UDP
        self.clients: list[str] = []  # their addresses, of each question
        self.host = host
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        """Return it in the form of the setting `dns.servers`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self) -> None:
        """Bind one port for UDP and TCP, and serve."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._bind(), self._loop).result(10)

    def stop(self) -> None:
        """Serve no more, and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _bind(self) -> None:
        for _ in range(20):
            self._tcp = await asyncio.start_server(self._serve_tcp, self.host, self.port)
            self.port = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await self._loop.create_datagram_endpoint(
                    lambda: _Udp(self), (self.host, self.port)
                )
            except OSError:  # somebody has this port for UDP
                self._tcp.close()
                self.port = 0
            else:
                return
        raise OSError("no port is free for both UDP and TCP")

    async def _close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def note(self, query: bytes, transport: str) -> None:
        """Remember what was asked."""
        question = dns.message.from_wire(query).question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.questions.append((_text(question.name), kind, transport))

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    query = await reader.readexactly(length)
                    self.note(query, "tcp")
                    self.clients.append(writer.get_extra_info("peername")[0])
                    delay, wires = answers(self.zone, query, tcp=True)
                    await asyncio.sleep(delay)
                    for wire in wires:
                        writer.write(len(wire).to_bytes(2, "big") + wire)
                    await writer.drain()
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._server.note(data, "udp")
        self._server.ports.append(addr[1])
        self._server.clients.append(addr[0])
        delay, wires = answers(self._server.zone, data)
        asyncio.get_running_loop().call_later(delay, self._send, wires, addr)

    def _send(self, wires: list[bytes], addr: Any) -> None:
        if not self._transport.is_closing():
            for wire in wires:
                self._transport.sendto(wire, addr)


@contextlib.contextmanager
def serving(zone: Zone, host: str = "127.0.0.1") -> Iterator[DnsServer]:
    """Serve `zone` inside a `with` statement."""
    server = DnsServer(zone, host)
    server.start()
    try:
        yield server
    finally:
        server.stop()
