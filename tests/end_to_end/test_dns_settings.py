"""The settings of `dns` in a running gateway: split DNS, priorities, flushing, names of clients."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailwarden.app.bench.target import free_port
from tests.dns_server import DnsServer, serving
from tests.end_to_end.gateway import Client, Gateway, base_config, running
from tests.end_to_end.test_operations import command

REVERSE = "1.0.0.127.in-addr.arpa"


@contextlib.contextmanager
def named(directory: Path, **dns: Any) -> Iterator[Gateway]:
    """Run a gateway that looks up the names of its clients."""
    config = base_config(directory, dns=dns)
    config["listeners"][0]["reverse_dns"] = True
    with running(directory, **config) as gateway:
        yield gateway


def asked(server: DnsServer) -> list[str]:
    return [name for name, kind, _ in server.questions if kind == "PTR"]


def test_s_06_a_client_is_taken_without_a_lookup(tmp_path: Path) -> None:
    with (
        serving({REVERSE: {"DROP": []}}) as server,
        named(tmp_path, servers=[server.address], reverse_timeout_seconds=0) as gateway,
        Client(gateway.port()) as client,
    ):
        assert client.banner.startswith("220 ")
        gateway.wait_log("address 127.0.0.1 reverse dns host unknown verified no")
        assert asked(server) == []


def test_sys_10_reverse_names_come_from_the_servers_of_their_zone(tmp_path: Path) -> None:
    inside = {REVERSE: {"PTR": ["me.corp.example"]}, "me.corp.example": {"A": ["127.0.0.1"]}}
    with serving({}) as outside, serving(inside) as server:
        domains = {"127.in-addr.arpa": [server.address], "corp.example": [server.address]}
        with (
            named(tmp_path, servers=[outside.address], domains=domains) as gateway,
            Client(gateway.port()) as client,
        ):
            assert client.banner.startswith("220 ")
            gateway.wait_log("reverse dns host me.corp.example verified yes")
            assert (asked(outside), asked(server)) == ([], [REVERSE])


def test_sys_11_the_second_priority_answers_for_a_dead_first(tmp_path: Path) -> None:
    zone = {REVERSE: {"PTR": ["me.corp.example"]}, "me.corp.example": {"A": ["127.0.0.1"]}}
    with serving(zone) as server:
        servers = [f"127.0.0.1:{free_port()}", f"{server.address}/pri=1"]
        with named(tmp_path, servers=servers) as gateway, Client(gateway.port()):
            gateway.wait_log("reverse dns host me.corp.example verified yes")


def test_sys_14_flushing_makes_it_ask_anew(tmp_path: Path) -> None:
    zone = {REVERSE: {"PTR": ["me.corp.example"]}, "me.corp.example": {"A": ["127.0.0.1"]}}
    with serving(zone) as server, named(tmp_path, servers=[server.address]) as gateway:
        for _ in range(2):
            with Client(gateway.port()):
                pass
        assert asked(server) == [REVERSE]
        assert "forgotten" in command(gateway, "dns", "flush", "--lists")
        with Client(gateway.port()):
            assert asked(server) == [REVERSE, REVERSE]


def test_sys_14_an_alert_where_no_server_answers_at_the_start(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        line = gateway.wait_log("Failed to bootstrap the DNS cache")
        assert "Critical" in line
        assert "Connection refused from 127.0.0.1:" in line


def test_sys_12_an_interface_that_is_not_there(tmp_path: Path) -> None:
    with serving({}) as server, named(tmp_path, servers=[server.address]) as gateway:
        gateway.config["dns"]["interface"] = "Data2"
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "dns.interface: 'Data2' is not in `interfaces`" in problem
