"""`mailwarden cli`: commands of the CLI at a whole gateway (admin 10.1)."""

import json
from pathlib import Path

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command

PER_CONNECTION = 10  # messages, as the listener allows
SECONDS = 60
ZONE = {"mx.partner.example": {"A": ["127.0.0.1"]}}


def cli(gateway: Gateway, *words: str) -> str:
    """Run a command of the CLI; return what it shows."""
    return command(gateway, "cli", *words)


def wait_administration(gateway: Gateway) -> None:
    """Wait until administrators are let in."""

    def is_there() -> bool:
        try:
            return bool(cli(gateway, "version"))
        except AssertionError:  # it is still starting
            return False

    wait_until(is_there, "the administration")


def send(gateway: Gateway, count: int, recipient: str) -> None:
    """Send messages from inside."""
    for first in range(0, count, PER_CONNECTION):
        with Client(gateway.port("Out")) as client:
            client.command("EHLO inside.example")
            for _ in range(first, min(count, first + PER_CONNECTION)):
                assert client.message([recipient], message("x"), "me@corp.example").startswith(
                    "250"
                )


def test_c_24_c_26_c_27_mail_is_steered(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        cli(gateway, "suspenddel", "0")
        send(gateway, 100, "bob@example.com")
        send(gateway, 5, "eve@example.net")
        wait_until(lambda: gateway.status()["spool"]["queued"] == 105, "all mail is queued")
        assert "Delivery suspended" in cli(gateway, "status")
        assert "105 messages listed." in cli(gateway, "showrecipients", "all")

        deleted = cli(gateway, "deleterecipients", "host", "example.com", "force")
        assert deleted == "Deleting messages, please wait.\n100 messages deleted.\n"
        by_name = "deleted by administrator admin"
        wait_until(lambda: gateway.log().count(by_name) == 100, "a line for each message")
        left = json.loads(cli(gateway, "--json", "showrecipients", "all"))
        rows = left["data"]["messages"]
        assert [row["recipients"] for row in rows] == [["eve@example.net"]] * 5

        mid = str(rows[0]["mid"])
        assert "has been saved in file oldmessage_" in cli(gateway, "archivemessage", mid)
        assert f"MID {mid}, queued" in cli(gateway, "showmessage", mid)
        assert f"MID {mid} removed." in cli(gateway, "removemessage", mid, "force")
        gone = command(gateway, "cli", "removemessage", mid, "force", code=1)
        assert f"MID {mid} is not in a queue that can be changed." in gone

        gateway.wait_log(f"MID {mid} RID [0] deleted by administrator admin")
        found = cli(gateway, "grep", f"MID {mid}( |$)", "mail_logs")
        assert f"MID {mid} RID [0] deleted by administrator admin" in found
        assert f"MID {mid}\n" in cli(gateway, "findevent", "to", "eve@", "limit", "5")

        cli(gateway, "workqueue", "pause", "force")
        send(gateway, 1, "kate@example.org")
        assert "Work queue paused\nMessages:     1\n" in cli(gateway, "workqueue", "status")
        assert "Delivery suspended, Work queue paused" in cli(gateway, "status")
        assert "Operational" in cli(gateway, "workqueue", "resume")
        wait_until(lambda: gateway.status()["spool"]["queued"] == 5, "it is worked on")


def test_c_25_a_suspension_outlasts_a_reboot_and_a_shutdown_is_one(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        shown = cli(gateway, "suspendlistener", "In", "5")
        assert shown == "Receiving suspended for In.\n"
        assert gateway.process is not None
        before = gateway.worker_pids()
        gateway.config["workers"] = 2  # takes effect with the next start only
        gateway.write_config()
        assert "starting again" in cli(gateway, "reboot", "0", "force")
        wait_until(lambda: living_pids(gateway) - set(before), "other workers")
        wait_until(gateway.is_up, "the gateway is there again")
        wait_administration(gateway)
        assert gateway.status()["pid"] == gateway.process.pid
        assert len(gateway.worker_pids()) == 2
        assert not Path("/proc", str(before[0])).exists()
        assert "Receiving suspended (In)" in cli(gateway, "status")
        assert cli(gateway, "resumelistener", "all") == "Receiving resumed for In.\n"
        with Client(gateway.port()) as client:
            assert client.banner.startswith("220 ")
        assert "shutting down" in cli(gateway, "shutdown", "1", "force")
        assert gateway.process.wait(SECONDS) == 0
        assert "administrator admin wants it so" in gateway.log()


def living_pids(gateway: Gateway) -> set[int]:
    try:
        return set(gateway.worker_pids())
    except Exception:  # between two lives nobody answers, in one way or another
        return set()


def test_s_11_the_network_is_looked_at(tmp_path: Path) -> None:
    with Sink() as sink, serving(ZONE) as dns:
        routes = {"partner.example": f"mx.partner.example:{sink.port}"}
        with running(tmp_path, smtp_routes=routes, dns={"servers": [dns.address]}) as gateway:
            wait_administration(gateway)
            verified = cli(gateway, "tlsverify", "partner.example")
            assert f"Connecting to mx.partner.example [127.0.0.1]:{sink.port}.\n" in verified
            assert "STARTTLS is not offered" in verified
            assert "would be delivered: to 1 of 1 hosts." in verified
            assert "A=127.0.0.1\n" in cli(gateway, "nslookup", "mx.partner.example")
            missing = cli(gateway, "dig", "no.example", "mx", dns.address)
            assert "There is no such name." in missing
            pinged = cli(
                gateway, "diagnostic", "network", "smtpping", "mx.partner.example", str(sink.port)
            )
            assert "220 sink.test ESMTP\nEHLO gw1.corp.example\n" in pinged
            assert pinged.endswith("The server answers.\n")
            assert f"127.0.0.1:{gateway.port()}" in cli(gateway, "netstat", "sockets")
            assert "may still be used" in cli(gateway, "diagnostic", "disk")
            assert "flushed" in cli(gateway, "diagnostic", "network", "flush")
