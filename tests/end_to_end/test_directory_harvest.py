"""Hosts that ask for many recipients that do not exist (mailflow 3.7)."""

from pathlib import Path

from tests.end_to_end.counted import (
    HOST,
    NEIGHBOUR,
    begin,
    connect,
    counted,
    limits_config,
    rcpt,
)
from tests.end_to_end.gateway import Gateway

ELSEWHERE = "other.example"  # the table of recipients rejects it
STOPPED = "550 Too many invalid recipients"


def test_row_34_the_third_invalid_recipient_ends_the_connection(tmp_path: Path) -> None:
    config = limits_config(tmp_path, "dhap_limit = 2", workers=2)
    config["listeners"][0].pop("accepted_domains")
    config["listeners"][0]["recipient_access"] = [
        "postmaster@corp.example ACCEPT bypass_throttle",
        "corp.example ACCEPT",
    ]
    gateway = Gateway(tmp_path, config).start()
    try:
        with connect(gateway) as client:
            begin(client)
            assert rcpt(client).startswith("250")
            for name in ("a", "b"):
                assert rcpt(client, name, ELSEWHERE) == "550 #5.1.0 Address rejected."
            assert rcpt(client, "c", ELSEWHERE) == STOPPED
            assert client.at_end()
        for _ in range(6):  # over both workers
            with connect(gateway) as client:
                begin(client)
                assert rcpt(client) == STOPPED
                assert rcpt(client, "postmaster").startswith("250")
                assert client.command("QUIT").startswith("221")
        with connect(gateway, NEIGHBOUR) as client:
            assert rcpt(begin(client)).startswith("250")
        gateway.wait_log("Rejected by DHAP")
        lines = gateway.log().splitlines()
        said = [line for line in lines if "Dropping connection due to potential Directory" in line]
        assert len(said) == 1
        assert said[0].endswith(
            "Warning: LDAP: Dropping connection due to potential Directory Harvest Attack from "
            f"host=('{HOST}', 'unknown'), dhap_limit=2, sender_group=None, listener=In"
        )
        told = gateway.wait_log(": Potential Directory Harvest Attack: ")
        assert "Warning: Worker " in told
        totals = gateway.status()["totals"]
        assert totals["harvests_stopped"] == 1
        assert totals["recipients_refused_for_harvest"] == 6
        assert counted(gateway) == {HOST: (0, 3)}
        assert counted(gateway, reset=True) == {HOST: (0, 0)}
        with connect(gateway) as client:
            assert rcpt(begin(client)).startswith("250")
    finally:
        gateway.stop()


def test_a_limit_of_zero_lets_a_host_ask(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, limits_config(tmp_path, "dhap_limit = 0")).start()
    try:
        with connect(gateway) as client:
            begin(client)
            for number in range(40):
                reply = rcpt(client, str(number), ELSEWHERE)
                assert reply.startswith(("550 #5.1.0", "421"))
    finally:
        gateway.stop()
