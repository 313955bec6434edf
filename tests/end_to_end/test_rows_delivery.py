"""Delivery (mailflow 7.1, 7.3, 7.5), from a client through a whole gateway to its next hops."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink

QUICK = {"Default": {"initial_retry_seconds": 0.5, "max_retry_seconds": 0.5}}


def send(gateway: Gateway, *recipients: str, sender: str = "ann@corp.example") -> str:
    """Send a message from within; return its MID."""
    with Client(gateway.port("Out")) as client:
        client.command("EHLO x")
        return client.message(list(recipients), message(), sender=sender).split()[3]


def finished(gateway: Gateway, mid: str) -> None:
    gateway.wait_log(f"Message finished MID {mid} done")


def taken(sink: Sink) -> list[str]:
    return [address.decode() for _, recipients in sink.envelopes for address in recipients]


def answering(verb: str, reply: bytes, times: int = 10**6) -> Callable[[str, bytes], bytes | None]:
    """Return what answers `verb` with `reply` so many times; an empty reply hangs up."""
    left = [times]

    def answer(command: str, _: bytes) -> bytes | None:
        if command != verb or not left[0]:
            return None
        left[0] -= 1
        return reply

    return answer


def test_row_64_the_most_specific_route_wins(tmp_path: Path) -> None:
    zone = {"eu.corp.example": {"MX": ["10 mx.eu.example"]}, "mx.eu.example": {"A": ["127.0.0.7"]}}
    with serving(zone) as dns, Sink() as inside, Sink() as smart:
        for order in (1, -1):
            routes = {
                ".corp.example": "USEDNS",
                "corp.example": f"127.0.0.1:{inside.port}",
                "ALL": f"127.0.0.1:{smart.port}",
            }
            folder = tmp_path / str(order)
            folder.mkdir()
            changes: dict[str, Any] = {
                "smtp_routes": dict(list(routes.items())[::order]),
                "dns": {"servers": [dns.address], "timeout_seconds": 1},
            }
            with running(folder, **changes) as gateway:
                finished(gateway, send(gateway, "u@corp.example"))
                finished(gateway, send(gateway, "u@else.example"))
                send(gateway, "u@eu.corp.example")
                line = gateway.wait_log("IP: 127.0.0.7 ")  # where its MX is; nobody listens
                assert "Connection Error: " in line
    assert taken(inside) == ["u@corp.example"] * 2
    assert taken(smart) == ["u@else.example"] * 2


def test_row_65_equal_hosts_take_turns_and_the_worse_one_stands_in(tmp_path: Path) -> None:
    with Sink() as one, Sink(host="127.0.0.2") as two, Sink(host="127.0.0.3") as worse:
        route = f"127.0.0.1:{one.port}, 127.0.0.2:{two.port}, 127.0.0.3:{worse.port}/pri=10"
        changes: dict[str, Any] = {
            "smtp_routes": {"partner.example": route},
            "destinations": {"DEFAULT": {"max_messages_per_connection": 1}},
            "bounce_profiles": QUICK,
        }
        with serving({"partner.example": {"MX": ["1 mx.partner.example"]}}) as dns:
            changes["dns"] = {"servers": [dns.address], "timeout_seconds": 1}
            with running(tmp_path, **changes) as gateway:
                for number in range(4):
                    finished(gateway, send(gateway, f"u{number}@partner.example"))
                assert (one.count, two.count, worse.count) == (2, 2, 0)
                one.close()
                two.close()
                finished(gateway, send(gateway, "late@partner.example"))
                assert taken(worse) == ["late@partner.example"]
                worse.close()
                mid = send(gateway, "never@partner.example")
                gateway.wait_log(f"MID {mid} to RID [0] pending till")
                assert gateway.status()["spool"]["queued"] == 1
            assert not [name for name, kind, _ in dns.questions if kind == "MX"]


def test_row_66_dev_null_drops(tmp_path: Path) -> None:
    with running(tmp_path, smtp_routes={"trap.example": "/dev/null"}) as gateway:
        finished(gateway, send(gateway, "u@trap.example"))
        assert gateway.status()["totals"]["dropped"] == 1
        assert "was generated for bounce" not in gateway.log()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_row_67_a_452_moves_on_to_the_next_host(tmp_path: Path, verb: str) -> None:
    with Sink(answering(verb, b"452 4.3.1 full\r\n")) as full, Sink(host="127.0.0.2") as good:
        route = f"127.0.0.1:{full.port}, 127.0.0.2:{good.port}/pri=10"
        with running(tmp_path, smtp_routes={"ALL": route}) as gateway:
            finished(gateway, send(gateway, "u@partner.example"))
            assert (full.connections, full.count, good.count) == (1, 0, 1)
            assert "Delayed: " not in gateway.log()
            assert "was generated for bounce" not in gateway.log()


def test_row_69_the_fifty_first_message_has_a_new_connection(tmp_path: Path) -> None:
    with Sink() as sink:
        changes: dict[str, Any] = {
            "smtp_routes": {"ALL": f"127.0.0.1:{sink.port}"},
            "destinations": {"DEFAULT": {"max_host_concurrency": 1}},
        }
        with running(tmp_path, **changes) as gateway:
            for number in range(51):
                send(gateway, f"u{number}@partner.example")
            wait_until(lambda: sink.count == 51, "all messages")
            wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")
            starts = wait_until(
                lambda: (
                    (found := re.findall(r"Delivery start DCID (\d+) ", gateway.log()))
                    and len(found) == 51
                    and found
                ),
                "51 lines in the log",
            )
    first, second = sorted(set(starts), key=int)
    assert (starts.count(first), starts.count(second)) == (50, 1)


def bounced_by(tmp_path: Path, profile: dict[str, Any], why: str) -> tuple[int, bytes, str]:
    """Let a host defer one message under `profile`; return its MID, the report and the log."""
    with Sink(answering("RCPT", b"451 try later\r\n")) as sink:
        changes: dict[str, Any] = {
            "smtp_routes": {
                "corp.example": f"maildir:{tmp_path}/maildir",
                "ALL": f"127.0.0.1:{sink.port}",
            },
            "bounce_profiles": {"Default": profile},
        }
        with running(tmp_path, **changes) as gateway:
            mid = send(gateway, "u@partner.example")
            (report,) = gateway.wait_maildir(1)
            finished(gateway, mid)
            assert f"MID {mid} to RID 0 - {why}" in gateway.wait_log("Bounced: DCID ")
            return mid, report, gateway.log()


def test_row_73_two_retries_then_a_bounce(tmp_path: Path) -> None:
    profile = {"max_retries": 2, "initial_retry_seconds": 0.5, "max_retry_seconds": 0.5}
    mid, report, log = bounced_by(tmp_path, profile, "5.1.0 - Unknown address error")
    assert len(re.findall(rf"Delivery start DCID \d+ MID {mid} ", log)) == 3
    assert log.count(f"MID {mid} to RID [0] pending till") == 2
    assert b"451-'try later' (delivery attempts: 2)" in report


def test_row_73_who_waited_too_long_is_not_tried_again(tmp_path: Path) -> None:
    profile = {"max_queue_time_seconds": 1, "initial_retry_seconds": 2, "max_retry_seconds": 2}
    why = "5.4.7 - Delivery expired (message too old)"
    mid, report, log = bounced_by(tmp_path, profile, why)
    assert len(re.findall(rf"Delivery start DCID \d+ MID {mid} ", log)) == 1
    assert why.encode() in report


@pytest.mark.parametrize("possible", [True, False])
def test_row_86_a_connection_cut_behind_the_content(tmp_path: Path, possible: bool) -> None:
    with Sink(answering("BDAT", b"", times=1)) as sink:
        changes: dict[str, Any] = {
            "smtp_routes": {"ALL": f"127.0.0.1:{sink.port}"},
            "delivery": {"possible_delivery": possible},
            "bounce_profiles": QUICK,
        }
        with running(tmp_path, **changes) as gateway:
            mid = send(gateway, "u@partner.example")
            finished(gateway, mid)
            log = gateway.log()
    said = re.findall(rf"Possible Delivery: DCID: \d+ MID {mid} to \[0\]", log)
    assert (len(said), sink.count) == ((1, 0) if possible else (0, 1))
