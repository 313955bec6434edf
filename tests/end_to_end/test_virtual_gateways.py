"""Virtual gateways (mailflow 7.4): which address and name mail leaves with."""

import re
import socket
import threading
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import (
    Client,
    Gateway,
    base_config,
    free_port,
    message,
    running,
    wait_until,
)
from tests.end_to_end.sink import Sink

INTERFACES = {
    "Data1": {"address": "127.0.0.1"},
    "vg2": {"address": "127.0.0.2", "hostname": "vg2.corp.example"},
    "vg3": {"address": "127.0.0.3", "hostname": "vg3.corp.example"},
}
GROUPS = {"Brands": ["vg2", "vg3"]}


class Host(Sink):
    """Remembers from whom each message came: address and name."""

    def __init__(self) -> None:
        self.origins: list[tuple[str, str]] = []
        self._peer = threading.local()  # a connection has a thread of its own
        super().__init__(self._note)

    def _note(self, verb: str, line: bytes) -> bytes | None:
        if verb == "EHLO":
            self._peer.name = line.split()[1].decode()
        return None

    def _serve(self, connection: socket.socket) -> None:
        self._peer.address = connection.getpeername()[0]
        super()._serve(connection)

    def _take(self, sender: bytes, recipients: list[bytes], content: bytes) -> None:
        self.origins.append((self._peer.address, self._peer.name))
        super()._take(sender, recipients, content)


def config_for(
    host: Host, folder: Path, *table: str, interface: str = "", **changes: Any
) -> dict[str, Any]:
    return base_config(
        folder,
        interfaces=INTERFACES,
        interface_groups=GROUPS,
        smtp_routes={"partner.example": f"127.0.0.1:{host.port}"},
        delivery={"interface": interface, "alt_sources": list(table)},
        bounce_profiles={"Default": {"initial_retry_seconds": 0.5, "max_retry_seconds": 0.5}},
        **changes,
    )


def send(gateway: Gateway, sender: str, to: str = "bob@partner.example") -> str:
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        return client.message([to], message(), sender=sender).split()[3]


def deliver(gateway: Gateway, host: Host, sender: str) -> tuple[str, str]:
    """Send one message; return address and name of who delivered it."""
    count = host.count
    send(gateway, sender)
    wait_until(lambda: host.count == count + 1, "the message")
    wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")
    return host.origins[-1]


def test_row_81_by_sender_and_by_client(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, "@brand.example vg2", "joe@ vg3")
        with running(tmp_path, **config) as gateway:
            assert deliver(gateway, host, "x@brand.example") == ("127.0.0.2", "vg2.corp.example")
            line = gateway.wait_log("New SMTP DCID")
            assert " interface 127.0.0.2 address 127.0.0.1 port " in line
            assert deliver(gateway, host, "joe@brand.example") == ("127.0.0.3", "vg3.corp.example")
            assert deliver(gateway, host, "x@corp.example")[0] not in ("127.0.0.2", "127.0.0.3")
            gateway.config["delivery"]["alt_sources"].append("127.0.0.1 vg3")
            gateway.write_config()
            assert gateway.ask("reload")["problems"] == []
            assert deliver(gateway, host, "x@brand.example") == ("127.0.0.3", "vg3.corp.example")


def test_row_21_the_received_field_names_the_gateway_that_mail_leaves_from(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, "@brand.example vg2")
        config["inbound"] = {"received_hostname": "virtual_gateway"}
        config["smtp_routes"]["corp.example"] = f"maildir:{tmp_path}/maildir"
        with running(tmp_path, **config) as gateway:
            deliver(gateway, host, "x@brand.example")
            deliver(gateway, host, "x@other.example")
            send(gateway, "x@brand.example", "ann@corp.example")
            (kept,) = gateway.wait_maildir(1)
        names = [re.search(rb"\r\n  by (\S+) with ESMTP;", each) for each in host.messages]
        assert [name[1] for name in names if name] == [b"vg2.corp.example", b"gw1.corp.example"]
        assert b"\r\n  by vg2.corp.example with ESMTP;" in kept
        assert b"\0" not in b"".join([*host.messages, kept])


def test_a_group_takes_turns_and_counts_as_one(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, "@brand.example Brands", interface="Data1")
        with running(tmp_path, **config) as gateway:
            addresses = [deliver(gateway, host, "x@brand.example")[0] for _ in range(4)]
            assert sorted(addresses) == ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2
            names = {row["name"] for row in gateway.status()["destinations"]}
            assert names == {f"127.0.0.1:{host.port} from Brands"}
            assert deliver(gateway, host, "x@corp.example") == ("127.0.0.1", "gw1.corp.example")


def test_all_mail_may_leave_from_a_group(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, interface="Brands")
        with running(tmp_path, **config) as gateway:
            addresses = {deliver(gateway, host, "x@corp.example")[0] for _ in range(2)}
            assert addresses == {"127.0.0.2", "127.0.0.3"}


def test_the_choice_stands_over_a_kill_and_masquerading(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, "@brand.example vg2")
        config["smtp_routes"]["partner.example"] = f"127.0.0.1:{free_port()}"  # nobody is there
        config["listeners"][1]["masquerade"] = ["@brand.example @corp.example"]
        config["listeners"][1]["masquerade_envelope_sender"] = True
        with running(tmp_path, **config) as gateway:
            send(gateway, "x@brand.example")
            gateway.wait_log("pending till")
            gateway.kill()
            gateway.config["smtp_routes"]["partner.example"] = f"127.0.0.1:{host.port}"
            gateway.start()
            wait_until(lambda: host.count == 1, "the message")
            assert host.envelopes[0][0] == b"x@corp.example"
            assert host.origins[-1] == ("127.0.0.2", "vg2.corp.example")


def test_a_host_that_one_gateway_cannot_reach_is_open_to_the_others(tmp_path: Path) -> None:
    with Host() as host:
        config = config_for(host, tmp_path, "@brand.example vg2")
        config["interfaces"] = {**INTERFACES, "vg2": {"address": "203.0.113.77"}}  # not ours
        with running(tmp_path, **config) as gateway:
            mid = send(gateway, "x@brand.example")
            gateway.wait_log(f"MID {mid} to RID [0] pending till")
            deliver_to = host.count
            send(gateway, "x@corp.example")
            wait_until(lambda: host.count == deliver_to + 1, "the other message")
            names = {row["name"]: row["state"] for row in gateway.status()["destinations"]}
            assert names[f"127.0.0.1:{host.port} from vg2"] == "down"
            assert names[f"127.0.0.1:{host.port}"] == "up"


def test_names_that_are_nothing_are_problems(tmp_path: Path) -> None:
    with Host() as host, running(tmp_path, **config_for(host, tmp_path)) as gateway:
        gateway.config["delivery"]["alt_sources"] = ["@brand.example vg2", "joe@ vg9"]
        gateway.config["interface_groups"] = {"Brands": ["vg2", "vg8"], "vg3": ["vg2"], "No": []}
        gateway.write_config()
        problems = "\n".join(str(problem) for problem in gateway.ask("reload")["problems"])
        assert "interface_groups.Brands[1]: 'vg8' is not in `interfaces`" in problems
        assert "interface_groups.vg3: is the name of an interface already" in problems
        assert "interface_groups.No: has no interface in it" in problems
        assert "delivery.alt_sources[1]: there is no interface or group 'vg9'" in problems
