"""Recipients of a host, a network or a sender within the hour, over workers and listeners."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.counted import (
    HOST,
    NEIGHBOUR,
    STRANGER,
    begin,
    connect,
    counted,
    limits_config,
    rcpt,
)
from tests.end_to_end.gateway import Gateway, message, wait_until

FULL = "452 Too many recipients received this hour"


def start(directory: Path, policy: str, **changes: object) -> Gateway:
    return Gateway(directory, limits_config(directory, policy, **changes)).start()


def kill_a_worker(gateway: Gateway) -> None:
    pids = gateway.worker_pids()
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: gateway.is_up() and gateway.worker_pids() != pids, "a new worker")


def test_row_32_recipients_of_a_host_over_listeners_and_workers(tmp_path: Path) -> None:
    policy = 'max_rcpts_per_hour = 3\n        max_rcpts_per_hour_text = "Slow down $RemoteIP"'
    config = limits_config(tmp_path, policy, workers=2)
    config["listeners"][0].pop("accepted_domains")
    config["listeners"][0]["recipient_access"] = [
        "postmaster@corp.example ACCEPT bypass_throttle",
        "corp.example ACCEPT",
    ]
    gateway = Gateway(tmp_path, config).start()
    try:
        with connect(gateway) as client:
            begin(client)
            assert [rcpt(client)[:3] for _ in range(3)] == ["250"] * 3
            assert rcpt(client, "carol") == "452 Slow down 192.0.2.25"
            assert rcpt(client, "postmaster").startswith("250")
            assert client.command("DATA").startswith("354")
            client.send(message() + b".\r\n")
            assert client.reply().startswith("250")
        line = gateway.wait_log("Receiving Control")
        assert "To: <carol@corp.example> Rejected by Receiving Control" in line
        gateway.wait_log("RID 3 To: <postmaster@corp.example>")
        for listener in ("In", "Out") * 4:  # enough of them that both workers had some
            with connect(gateway, listener=listener) as client:
                assert rcpt(begin(client)) == "452 Slow down 192.0.2.25"
        with connect(gateway, NEIGHBOUR) as client:
            assert rcpt(begin(client)).startswith("250")
        assert counted(gateway) == {HOST: (3, 0)}
        assert gateway.status()["totals"]["recipients_over_rate"] == 9
    finally:
        gateway.stop()


def test_row_36_a_bypass_below_its_domain_is_not_effective(tmp_path: Path) -> None:
    config = limits_config(tmp_path, "max_rcpts_per_hour = 1")
    public = config["listeners"][0]
    public.pop("accepted_domains")
    lines = ["corp.example ACCEPT", "postmaster@corp.example ACCEPT bypass_throttle"]
    public["recipient_access"] = lines
    gateway = Gateway(tmp_path, config).start()
    try:
        with connect(gateway) as client:
            assert rcpt(begin(client)).startswith("250")
            assert rcpt(client, "postmaster") == FULL
        gateway.wait_log("postmaster@corp.example has no effect, as corp.example in line 1 comes")
        public["recipient_access"] = lines[::-1]
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        with connect(gateway) as client:
            begin(client)
            assert rcpt(client) == FULL
            assert rcpt(client, "postmaster").startswith("250")
    finally:
        gateway.stop()


def test_row_32_counts_begin_at_zero_when_the_hour_strikes(tmp_path: Path) -> None:
    gateway = start(tmp_path, "max_rcpts_per_hour = 3", rates={"reset_seconds": 5})
    try:
        with connect(gateway) as client:
            begin(client)
            wait_until(lambda: rcpt(client) == FULL, "the limit is reached")
            wait_until(lambda: rcpt(client).startswith("250"), "the next hour")
    finally:
        gateway.stop()


def test_row_33_hosts_of_a_network_are_counted_as_one(tmp_path: Path) -> None:
    policy = 'max_rcpts_per_hour = 2\n        significant_bits = 24\n        use_sb = "off"'
    gateway = start(tmp_path, policy)
    try:
        with connect(gateway, HOST) as one, connect(gateway, NEIGHBOUR) as other:
            assert rcpt(begin(one)).startswith("250")
            assert rcpt(begin(other)).startswith("250")
            assert rcpt(one) == rcpt(other) == FULL
        with connect(gateway, STRANGER) as client:
            assert rcpt(begin(client)).startswith("250")
        assert counted(gateway)["192.0.2.0/24"] == (2, 0)
    finally:
        gateway.stop()


def test_a_sender_has_a_limit_over_all_hosts(tmp_path: Path) -> None:
    gateway = start(tmp_path, "max_rcpts_per_hour_sender = 2")
    try:
        for address in (HOST, STRANGER):
            with connect(gateway, address) as client:
                assert rcpt(begin(client)).startswith("250")
        with connect(gateway, NEIGHBOUR) as client:
            begin(client, "Ann@Partner.Example")
            assert rcpt(client) == ("452 Too many recipients received from this sender this hour")
            client.command("RSET")
            assert rcpt(begin(client, "bill@partner.example")).startswith("250")
            client.command("RSET")
            begin(client, "")
            assert [rcpt(client)[:3] for _ in range(4)] == ["250"] * 4
        gateway.wait_log("Rejected by Sender Rate Limit")
        assert gateway.status()["totals"]["recipients_over_sender_rate"] == 1
        assert counted(gateway, "ann@partner.example") == {"ann@partner.example": (2, 0)}
    finally:
        gateway.stop()


def test_a_limit_outlives_the_death_of_a_worker(tmp_path: Path) -> None:
    gateway = start(tmp_path, "max_rcpts_per_hour = 3", workers=2)
    try:
        with connect(gateway) as client:
            begin(client)
            assert [rcpt(client)[:3] for _ in range(2)] == ["250"] * 2
        for _ in range(2):
            kill_a_worker(gateway)
        with connect(gateway) as client:
            begin(client)
            assert rcpt(client).startswith("250")
            assert rcpt(client) == FULL
        assert counted(gateway) == {HOST: (3, 0)}
    finally:
        gateway.stop()


def test_a_reload_keeps_the_counts_and_its_limits_hold_at_once(tmp_path: Path) -> None:
    gateway = start(tmp_path, "max_rcpts_per_hour = 3", workers=2)
    try:
        with connect(gateway) as client:
            begin(client)
            assert [rcpt(client)[:3] for _ in range(4)] == ["250"] * 3 + ["452"]
        for limit, replies in ((4, ["250", "452"]), (2, ["452"]), (9, ["250"] * 5 + ["452"])):
            changed = limits_config(tmp_path, f"max_rcpts_per_hour = {limit}")
            for listener, other in zip(
                gateway.config["listeners"], changed["listeners"], strict=True
            ):
                listener["host_access"] = other["host_access"]
            gateway.write_config()
            assert gateway.ask("reload")["problems"] == []
            with connect(gateway) as client:
                begin(client)
                assert [rcpt(client)[:3] for _ in replies] == replies
    finally:
        gateway.stop()


def test_an_administrator_lets_a_host_begin_anew(tmp_path: Path) -> None:
    gateway = start(tmp_path, "max_rcpts_per_hour = 2", workers=2)

    def command(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), *words],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    try:
        with connect(gateway) as client:
            begin(client)
            assert [rcpt(client)[:3] for _ in range(3)] == ["250", "250", "452"]
            lines = command("reputation", HOST).splitlines()
            assert lines[:2] == [
                f"{HOST}: score none",
                "  history: none: too little was seen of it",
            ]
            assert lines[4].split() == [HOST, "2", "0"]
            assert command("reputation", HOST, "--reset").startswith("its counts of this hour")
            assert [rcpt(client)[:3] for _ in range(3)] == ["250", "250", "452"]
        gateway.wait_log(f"Reputation: counts of {HOST} were reset by an administrator")
    finally:
        gateway.stop()
