"""Which servers are asked: settings, resolv.conf, dead ones."""

import socket
from pathlib import Path

import pytest

from mailwarden.system.dns.servers import (
    DEAD_SECONDS,
    RESOLV_CONF_BYTES_MAX,
    load_servers,
    make_server,
    parse_resolv_conf,
)


@pytest.mark.parametrize(
    ("text", "name", "socket_address"),
    [
        ("192.0.2.1", "192.0.2.1:53", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", "192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", "[2001:db8::1]:53", ("2001:db8::1", 53, 0, 0)),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353", ("2001:db8::1", 5353, 0, 0)),
        ("fe80::1%lo", "[fe80::1%lo]:53", ("fe80::1%lo", 53, 0, socket.if_nametoindex("lo"))),
    ],
)
def test_servers_by_address_and_port(
    text: str, name: str, socket_address: tuple[str | int, ...]
) -> None:
    server = make_server(text)
    assert server.name == name
    assert server.family == (socket.AF_INET6 if ":" in socket_address[0] else socket.AF_INET)
    assert server.socket_address[1:] == socket_address[1:]
    assert server.socket_address[0].partition("%")[0] == socket_address[0].partition("%")[0]


@pytest.mark.parametrize("text", ["", "ns.example", "192.0.2.1:99999", "fe80::1%no-such-if"])
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        make_server(text)


@pytest.mark.parametrize(
    ("content", "servers"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        (" \tnameserver\t192.0.2.1 # comment\n", ("192.0.2.1",)),
        ("# nameserver 192.0.2.9\n;nameserver 192.0.2.8\nnameserver 192.0.2.1", ("192.0.2.1",)),
        ("search example\noptions ndots:2\nnameserver\nnameserver x\n", ("127.0.0.1",)),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(9)), tuple(
            f"192.0.2.{n}" for n in range(3)
        )),
        ("", ("127.0.0.1",)),
        ("\0\ufffd\n" * 1000, ("127.0.0.1",)),
    ],
)  # fmt: skip
def test_resolv_conf(content: str, servers: tuple[str, ...]) -> None:
    assert parse_resolv_conf(content) == servers


def test_configured_servers_come_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_bytes(b"\xff\nnameserver 192.0.2.7\n")
    assert [s.name for s in load_servers((), str(file))] == ["192.0.2.7:53"]
    assert [s.name for s in load_servers(("192.0.2.1:5",), str(file))] == ["192.0.2.1:5"]
    assert [s.name for s in load_servers((), str(tmp_path / "none"))] == ["127.0.0.1:53"]
    file.write_text("#" * RESOLV_CONF_BYTES_MAX + "\nnameserver 192.0.2.7\n")
    assert [s.name for s in load_servers((), str(file))] == ["127.0.0.1:53"]


@pytest.mark.parametrize(
    ("text", "name", "priority"),
    [
        ("192.0.2.1/pri=0", "192.0.2.1:53", 0),
        (" 192.0.2.1:5353 /PRI=7 ", "192.0.2.1:5353", 7),
        ("[2001:db8::1]:5353/pri=65535", "[2001:db8::1]:5353", 65535),
    ],
)
def test_priorities(text: str, name: str, priority: int) -> None:
    server = make_server(text)
    assert (server.name, server.priority) == (name, priority)


@pytest.mark.parametrize(
    "rest",
    ["/", "/pri", "/pri=", "/pri=-1", "/pri=65536", "/pri=\u00b2", "/prio=1", "/1", "/pri=1/"],
)
def test_what_is_no_priority(rest: str) -> None:
    with pytest.raises(ValueError, match="no priority behind its slash"):
        make_server(f"192.0.2.1{rest}")


def test_servers_of_the_file_are_asked_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.7\nnameserver 192.0.2.8\n")
    assert [s.priority for s in load_servers((), str(file))] == [0, 1]
    assert [s.priority for s in load_servers(("192.0.2.1", "192.0.2.2"), str(file))] == [0, 0]


@pytest.mark.parametrize(
    ("server", "source", "used"),
    [
        ("192.0.2.1", "203.0.113.5", "203.0.113.5"),
        ("192.0.2.1", "", ""),
        ("192.0.2.1", "2001:db8::5", ""),  # it has no way there
        ("2001:db8::1", "203.0.113.5", ""),
        ("2001:db8::1", "2001:db8::5", "2001:db8::5"),
        ("127.0.0.1", "203.0.113.5", ""),  # answers its own machine
        ("::1", "2001:db8::5", ""),
        ("fe80::1%lo", "2001:db8::5", "2001:db8::5"),
    ],
)
def test_sys_12_where_questions_come_from(server: str, source: str, used: str) -> None:
    made = make_server(server)
    made.come_from(source)
    assert made.source == used


def test_a_server_is_dead_for_a_while() -> None:
    server = make_server("192.0.2.1")
    assert not server.has_answered
    server.failed(100)
    assert not server.is_dead(100)
    server.failed(100)
    assert server.is_dead(100)
    assert not server.is_dead(100 + DEAD_SECONDS)
    server.answered()
    assert not server.is_dead(100)
    assert server.has_answered
