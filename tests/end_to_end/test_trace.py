"""A trace says what the gateway does: every case is traced, and then really sent (admin 1.6.5).

What the client of the trace said is said to a running gateway with the same configuration: each
reply has to be the same, and mail has to arrive where the trace said, as it said.
"""

import asyncio
import base64
import hashlib
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.tracing.report import Fate, Outcome, TraceReport
from mailwarden.app.tracing.trace import TraceParts, TraceRequest, trace
from mailwarden.control.config.reader import load_config
from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, base_config, free_port, wait_until
from tests.end_to_end.sink import Sink

PARTNER = "192.0.2.25"
ZONE: Any = {
    "25.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
    "mail.partner.example": {"A": [PARTNER]},
    "partner.example": {"MX": ["10 mail.partner.example"]},
    "ill.example": {"SERVFAIL": []},
    "quiet.example": {"MX": ["0 ."]},
    "9.100.51.198.bl.example.org": {"A": ["127.0.0.2"]},
}
HOST_ACCESS = """
$ACCEPTED
    ACCEPT {
        envelope_sender_verification = on
        use_exception_table = on
    }
$SMALL
    ACCEPT {
        max_message_size = 2k
        max_rcpts_per_msg = 2
    }
$RATED
    ACCEPT {
        max_rcpts_per_hour = 1
    }
$RELAYED
    RELAY
$BLOCKED
    REJECT
$CUT
    TCPREFUSE
# hosts
OURS:
    10.0.0.0/8 (inside)
    $RELAYED
BAD:
    198.51.100.7
    SBRS[-10.0:-3.0]
    $BLOCKED
CUT_OFF:
    198.51.100.8
    $CUT
SMALL:
    203.0.113.0/24
    $SMALL
RATED:
    198.18.0.0/16
    $RATED
PARTNERS:
    .partner.example
    $ACCEPTED
ALL
    $ACCEPTED
"""
RECIPIENT_ACCESS = """
# people
old@corp.example REJECT (554 "This address was retired")
corp.example ACCEPT
ALL REJECT
"""
ALIASES = """
sales: ann@corp.example, bob@corp.example
nobody: /dev/null
"""
USER, PASSWORD = "ann", "secret"
MASQUERADE = """
@int.example @corp.example
"""


@dataclass(frozen=True)
class Case:
    """A message; `codes` are the replies from MAIL on that are known beforehand."""

    codes: tuple[int, ...]
    listener: str = "In"
    client: str = PARTNER
    sender: str = "ann@partner.example"
    recipients: tuple[str, ...] = ("bob@corp.example",)
    helo: str = "mail.partner.example"
    head: str = ""
    body: str = "Hello.\r\n"
    user: str = ""
    is_encrypted: bool = False
    outcome: Outcome = Outcome.REFUSED
    fates: tuple[Fate, ...] = ()
    rules: tuple[str, ...] = ()  # words that the report has to have

    def content(self, name: str) -> bytes:
        """Return the message, which the sink knows again by `name`."""
        return (
            f"From: <{self.sender}>\r\nTo: <{self.recipients[0]}>\r\n{self.head}"
            f"X-Test-Id: {name}\r\nSubject: {name}\r\n\r\n{self.body}"
        ).encode()


def at(entry: str) -> str:
    """Return where an entry of the host access table stands, as a report says it."""
    lines = HOST_ACCESS.split("\n")
    return f"host_access of In, line {next(n for n, x in enumerate(lines, 1) if entry in x)}"


def taken(*fates: Fate, codes: tuple[int, ...] = (250, 250, 354, 250), **more: Any) -> Case:
    return Case(codes, outcome=Outcome.QUEUED, fates=fates, **more)


SENT = Fate.CONNECT
INSIDE: Any = {"listener": "Out", "client": "10.0.0.7"}
CASES = {
    "plain": taken(SENT, rules=(".partner.example", at(".partner.example"))),
    "odd_hello": taken(SENT, helo="not a name!"),
    "hat_reject": Case(
        (), client="198.51.100.7", rules=("BAD, by 198.51.100.7", at("198.51.100.7"))
    ),
    "hat_reject_by_score": Case(
        (), client="198.51.100.9", rules=("BAD, by sbrs[-10.0:-3.0]", at("SBRS["))
    ),
    "hat_cut": Case((), client="198.51.100.8", rules=("TCPREFUSE",)),
    "hat_relay": taken(
        SENT, client="10.0.0.9", recipients=("x@partner.example",), rules=("the rule is RELAY",)
    ),
    "rat_refuse": Case(
        (250, 554, 550),
        recipients=("old@corp.example", "x@far.example"),
        rules=("old@corp.example REJECT", "of In, line 3", "ALL REJECT", "of In, line 5"),
    ),
    "some_refused": taken(
        SENT, codes=(250, 550, 250, 354, 250), recipients=("x@far.example", "bob@corp.example")
    ),
    "postmaster": taken(Fate.BOUNCE, recipients=("postmaster",), rules=("5.1.2",)),
    "sender_missing": Case((553,), sender="ann@gone.example", rules=("looks up gone.example",)),
    "sender_silent": Case((553,), sender="ann@quiet.example"),
    "sender_unresolved": Case((451,), sender="ann@ill.example"),
    "sender_bare": Case((553,), sender="ann"),
    "sender_excepted": Case((553,), sender="x@spam.example", rules=("@spam.example REJECT",)),
    "sender_allowed": taken(SENT, sender="x@friend.example", rules=("@friend.example ALLOW",)),
    "bounce": taken(SENT, sender=""),
    "alias": taken(
        SENT,
        SENT,
        recipients=("sales@corp.example",),
        rules=("ann@corp.example, bob@corp.example", "Bob, by mail_policies.incoming[0]"),
    ),
    "alias_to_nowhere": Case(
        (250, 250, 354, 250), recipients=("nobody@corp.example",), outcome=Outcome.DROPPED
    ),
    "domain_map": taken(
        SENT,
        SENT,
        recipients=("sales@old.example",),
        rules=("sales@corp.example, by @old.example @corp.example (domain_map of In, line 1)",),
    ),
    "too_many_recipients": taken(
        SENT,
        codes=(250, 250, 250, 452, 354, 250),
        client="203.0.113.9",
        recipients=("a@corp.example", "b@corp.example", "c@corp.example"),
    ),
    "over_the_rate": taken(
        SENT,
        codes=(250, 250, 452, 354, 250),
        client="198.18.0.9",
        recipients=("a@corp.example", "b@corp.example"),
        rules=("max_rcpts_per_hour", "Rejected by Receiving Control"),
    ),
    "too_large": Case((552,), client="203.0.113.10", body=("x" * 70 + "\r\n") * 40),
    "header_too_large": Case(
        (250, 250, 354, 552), head=f"X-Long: {'x ' * 4000}\r\n", rules=("inbound.max_header_size",)
    ),
    "loop": Case((250, 250, 354, 554), head="Received: x\r\n" * 101),
    "invalid_recipient": Case((250, 553), recipients=("a b@corp.example",)),
    "unknown_domain": taken(
        Fate.BOUNCE,
        **INSIDE,
        recipients=("x@gone.example",),
        rules=("5.1.2", "a bounce goes to <ann@partner.example>"),
    ),
    "unknown_for_now": taken(Fate.RETRY, **INSIDE, recipients=("x@ill.example",)),
    "no_mail_there": taken(Fate.BOUNCE, **INSIDE, recipients=("x@quiet.example",)),
    "masquerade": taken(
        SENT,
        SENT,
        codes=(250, 250, 250, 354, 250),
        **INSIDE,
        sender="bob@int.example",
        recipients=("x@partner.example", "bob@corp.example"),
        rules=("bob@int.example is bob@corp.example", "(masquerade of Out, line 2)"),
    ),
    "masked_relay_is_refused": Case(
        (), listener="Out", client="192.0.2.99", rules=("private listener",)
    ),
    "virtual_gateway": taken(
        SENT,
        **INSIDE,
        sender="x@brand.example",
        recipients=("x@partner.example",),
        rules=("Brand, by @brand.example",),
    ),
    "dropped_by_route": taken(Fate.DROP, **INSIDE, recipients=("x@drop.example",)),
    "into_a_folder": taken(Fate.LOCAL, **INSIDE, recipients=("x@folder.example",)),
    "unsubscribed": taken(
        Fate.DROP, **INSIDE, recipients=("stop@partner.example",), rules=("delivery.unsubscribe",)
    ),
    "blackhole": Case((250, 250, 354, 250), listener="Hole", outcome=Outcome.DROPPED),
    "auth_required": Case((530,), listener="Users"),
    "auth": taken(
        SENT,
        listener="Users",
        user=USER,
        recipients=("x@partner.example",),
        rules=("the client has logged in",),
    ),
    "tls_required": Case((530,), listener="Safe"),
    "tls_first": taken(SENT, listener="Wrapped", is_encrypted=True),
    "tls_without_a_certificate": Case(
        (), listener="Known", is_encrypted=True, rules=("there is no TLS", "TLS failed")
    ),
    "tls": taken(SENT, listener="Safe", is_encrypted=True, rules=("TLS success",)),
}


def settings(directory: Path, certificate: tuple[Path, Path], corp: Sink, partner: Sink) -> Any:
    """Return a configuration in which each of the cases can be told from the others."""
    config = base_config(directory)
    taking: Any = {
        "interface": "Data1", "reverse_dns": False, "proxy_protocol_from": ["127.0.0.1"],
    }  # fmt: skip
    public = {**taking, "type": "public", "accepted_domains": ["corp.example"]}
    public |= {"use_reputation": False}
    config["interfaces"]["Brand"] = {"address": "127.0.0.1", "hostname": "brand.corp.example"}
    del config["listeners"][0]["accepted_domains"]
    config["listeners"][0] |= {
        **taking,
        "reverse_dns": True,
        "host_access": HOST_ACCESS,
        "recipient_access": RECIPIENT_ACCESS,
        "domain_map": "@old.example @corp.example\n",
    }
    config["listeners"][1] |= {
        **taking,
        "relay_hosts": ["10.0.0.0/8"],
        "masquerade": MASQUERADE,
        "masquerade_envelope_sender": True,
    }
    users, safe = dict(public), dict(public)
    users |= {"policy": {"smtp_auth": "required", "require_tls_for_auth": False}}
    safe |= {"policy": {"tls": "required"}, "certificate": "own"}
    config["listeners"] += [
        {**taking, "name": "Hole", "type": "blackhole", "port": free_port()},
        {**users, "name": "Users", "port": free_port()},
        {**safe, "name": "Safe", "port": free_port()},
        {**safe, "name": "Wrapped", "port": free_port(), "implicit_tls": True},
        {
            **safe,
            "name": "Known",
            "port": free_port(),
            "certificate": "known",
            "policy": {"tls": "required", "verify_client_cert": True},
        },
    ]
    cert, key = map(str, certificate)
    config |= {
        "certificates": {
            "own": {"certificate": cert, "key": key},
            "known": {"certificate": cert, "key": key, "client_ca": cert},
        },
        "inbound": {
            "aliases": ALIASES,
            "sender_exceptions": "@friend.example ALLOW\n@spam.example REJECT\n",
            "max_header_size": 4096,
            "credentials": str(directory / "users"),
        },
        "reputation": {
            "order": ["dns_lists"],
            "dns_lists": [{"zone": "bl.example.org", "scores": {"127.0.0.2": -6.1}}],
        },
        "mail_policies": {"incoming": [{"name": "Bob", "recipients": ["bob@corp.example"]}]},
        "smtp_routes": {
            "corp.example": f"127.0.0.1:{corp.port}",
            "partner.example": f"127.0.0.1:{partner.port}",
            "drop.example": "/dev/null",
            "folder.example": f"maildir:{directory}/maildir",
        },
        "destinations": {"corp.example": {"max_messages_per_connection": 1}},
        "delivery": {
            "unsubscribe": "stop@partner.example\n",
            "alt_sources": "@brand.example Brand\n",
        },
    }
    return config


@dataclass
class World:
    """A running gateway, the next hops around it, and what these heard."""

    gateway: Gateway
    sinks: dict[int, Sink]
    hellos: dict[int, list[bytes]]

    def trace(self, case: Case, name: str) -> TraceReport:
        """Trace a case with the configuration of the gateway."""
        request = TraceRequest(
            listener=case.listener,
            client_address=case.client,
            sender=case.sender,
            recipients=case.recipients,
            content=case.content(name),
            helo=case.helo,
            user=case.user,
            is_encrypted=case.is_encrypted,
        )
        path = self.gateway.path
        parts = TraceParts(base=path.parent, configuration=str(path))
        return asyncio.run(trace(load_config(path), request, parts))

    def arrived(self, name: str) -> list[tuple[int, str, tuple[str, ...], bytes]]:
        """Return port, sender, recipients and header of each message that arrived."""
        mark = f"X-Test-Id: {name}\r\n".encode()
        return [
            (port, sender.decode(), tuple(each.decode() for each in to), data.split(b"\r\n\r\n")[0])
            for port, sink in self.sinks.items()
            for (sender, to), data in zip(list(sink.envelopes), list(sink.messages), strict=False)
            if mark in data and b"multipart/report" not in data
        ]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]
) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("trace")
    subprocess.run(
        [
            sys.executable, "-m", "mailwarden.app", "credentials", "add", USER,
            "--file", str(directory / "users"),
        ],
        input=f"{PASSWORD}\n".encode(),
        check=True,
    )  # fmt: skip
    hellos: dict[int, list[bytes]] = {}

    def listening() -> Sink:
        heard: list[bytes] = []

        def note(verb: str, line: bytes) -> bytes | None:
            if verb == "EHLO":
                heard.append(line.split()[1])
            return None

        sink = Sink(note)
        hellos[sink.port] = heard
        return sink

    with serving(ZONE) as dns, listening() as corp, listening() as partner:
        config = settings(directory, certificate, corp, partner)
        config["dns"] = {"servers": [dns.address], "timeout_seconds": 2}
        gateway = Gateway(directory, config).start()
        try:
            yield World(gateway, {corp.port: corp, partner.port: partner}, hellos)
        finally:
            gateway.stop()


def without_numbers(reply: str) -> str:
    """Return a reply without the MID, which a trace counts for itself."""
    return re.sub(r"Message [0-9]+", "Message N", reply)


def said_again(world: World, case: Case, report: TraceReport, name: str) -> list[str]:
    """Say to the real gateway what the client of the trace said; return the replies."""
    replies = []
    with Client(world.gateway.port(case.listener), greet=False) as client:
        client.send(f"PROXY TCP4 {case.client} 127.0.0.1 4000 25\r\n")
        if world.gateway.listener(case.listener).get("implicit_tls"):
            encrypt(client)
        for exchange in report.exchanges:
            said = exchange.said
            if said.startswith("("):
                if "bytes of content" in said:
                    client.send(case.content(name) + b".\r\n")
            elif said.startswith("AUTH"):
                secret = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
                client.send(f"AUTH PLAIN {secret}\r\n")
            else:
                client.send(f"{said}\r\n")
            replies.append(without_numbers(client.reply()))
            if said == "STARTTLS" and exchange.code == 220:
                encrypt(client)
    return replies


def encrypt(client: Client) -> None:
    context = ssl._create_unverified_context()
    client.socket = context.wrap_socket(client.socket)
    client._file = client.socket.makefile("rb")


def as_sent(code: int, lines: tuple[str, ...]) -> str:
    if not code:
        return ""
    marks = ["-"] * (len(lines) - 1) + [" "]
    return "\n".join(f"{code}{mark}{line}" for mark, line in zip(marks, lines, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_trace_says_what_the_gateway_does(world: World, name: str) -> None:
    case = CASES[name]
    report = world.trace(case, name)
    codes = [each.code for each in report.exchanges]
    first = next((n for n, e in enumerate(report.exchanges) if e.said.startswith("MAIL")), None)
    assert tuple(codes[first:] if first is not None else ()) == case.codes
    assert report.outcome is case.outcome
    destinations = [each for message in report.messages for each in message.destinations]
    assert sorted(each.fate.value for each in destinations) == sorted(f.value for f in case.fates)
    shown = json.dumps(report.as_json())
    assert [rule for rule in case.rules if json.dumps(rule)[1:-1] not in shown] == []

    expected = [without_numbers(as_sent(each.code, each.lines)) for each in report.exchanges]
    assert said_again(world, case, report, name) == expected
    arrive = sorted(
        (each.hosts[0].port, each.sender, each.recipients)
        for each in destinations
        if each.fate is Fate.CONNECT
    )
    wait_until(lambda: len(world.arrived(name)) >= len(arrive), f"{name} at its next hops")
    found = world.arrived(name)
    assert sorted(each[:3] for each in found) == arrive
    _compare_headers(report, found)
    for each in destinations:
        if each.fate is Fate.CONNECT:
            assert each.hello.encode() in world.hellos[each.hosts[0].port]


def _compare_headers(report: TraceReport, found: list[Any]) -> None:
    """The header that arrived is the one of the trace, but for numbers and times."""
    told = {tuple(m.recipients): m.header for m in report.messages}
    for _, _, recipients, header in found:
        lines = next(lines for to, lines in told.items() if set(recipients) <= set(to))
        kept = [line for line in lines if not _is_own(line)]
        arrived = [line for line in header.decode().split("\r\n") if not _is_own(line)]
        assert arrived == kept


def _is_own(line: str) -> bool:
    return line.startswith((" ", "Received:", "Message-ID:", "\t"))


def test_what_fails_for_good_is_returned_as_the_trace_says(world: World) -> None:
    name = "returned"
    case = taken(Fate.BOUNCE, **INSIDE, recipients=("x@gone.example",))
    report = world.trace(case, name)
    (destination,) = report.messages[0].destinations
    said_again(world, case, report, name)
    world.gateway.wait_log("Bounced: DCID 0 MID")
    wait_until(
        lambda: [m for sink in world.sinks.values() for m in sink.messages if b"returned" in m],
        "the bounce",
    )
    reason = destination.why.partition(" '")[0]
    assert reason in world.gateway.log()


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_trace(gateway: Gateway, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), "trace"]
    return subprocess.run([*program, *words], capture_output=True, text=True, check=False)


def test_a_trace_leaves_no_trace(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """Spool, log, numbers, history and counters are as they were; so are those of the hour."""
    with serving(ZONE) as dns, Sink() as corp, Sink() as partner:
        config = settings(tmp_path, certificate, corp, partner)
        config["dns"] = {"servers": [dns.address], "timeout_seconds": 2}
        (tmp_path / "users").write_text("")
        gateway = Gateway(tmp_path, config).start()
        try:
            case = CASES["unknown_for_now"]
            report = World(gateway, {}, {}).trace(case, "kept")
            said_again(World(gateway, {}, {}), case, report, "kept")
            gateway.wait_log("Delayed:")
            mid = next(int(found[1]) for found in re.finditer(r"MID (\d+) ready", gateway.log()))
            counters = gateway.status()["counters"]
            gateway.stop()
            before = snapshot(gateway.state)
            for name, each in CASES.items():
                World(gateway, {}, {}).trace(each, name)
            words = ["--from", "ann@partner.example", "--to", "bob@corp.example"]
            told = run_trace(gateway, "--client", PARTNER, *words)
            assert told.returncode == 0, told.stderr
            stored = run_trace(gateway, "--mid", str(mid), "--json")
            assert stored.returncode == 0, stored.stderr
            tree = json.loads(stored.stdout)
            assert (tree["client_address"], tree["listener"]) == ("10.0.0.7", "Out")
            assert "X-Test-Id: kept" in tree["messages"][0]["header"]
            assert snapshot(gateway.state) == before
            assert not corp.connections
            assert not partner.connections
            gateway.start()
            after = gateway.status()["counters"]
            same = ("messages_in", "connections_in", "recipients_in", "recipients_rejected")
            assert [after.get(key) for key in same] == [counters.get(key) for key in same]
        finally:
            gateway.stop()


def test_a_candidate_is_tried_before_it_is_in_force(world: World, tmp_path: Path) -> None:
    gateway = world.gateway
    candidate = tmp_path / "candidate.yaml"
    text = gateway.path.read_text()
    candidate.write_text(text.replace("old@corp.example REJECT", "other@corp.example REJECT"))
    words = ["--client", PARTNER, "--from", "ann@partner.example", "--to", "old@corp.example"]
    present = run_trace(gateway, *words)
    assert present.returncode == 1
    assert "554 This address was retired" in present.stdout
    tried = run_trace(gateway, *words, "--candidate-file", str(candidate))
    assert tried.returncode == 0
    assert "Result: the message is taken, and goes on to delivery" in tried.stdout


def test_delayed_hat_rejection(tmp_path: Path) -> None:
    config = base_config(tmp_path, inbound={"delayed_hat_rejection": True})
    config["listeners"][1]["proxy_protocol_from"] = ["127.0.0.1"]
    gateway = Gateway(tmp_path, config).start()
    try:
        case = Case((250, 554), listener="Out", client=PARTNER)
        world = World(gateway, {}, {})
        report = world.trace(case, "late")
        assert [each.code for each in report.exchanges] == [220, 250, 250, 554]
        expected = [as_sent(each.code, each.lines) for each in report.exchanges]
        assert said_again(world, case, report, "late") == expected
        assert "inbound.delayed_hat_rejection" in json.dumps(report.as_json())
    finally:
        gateway.stop()
