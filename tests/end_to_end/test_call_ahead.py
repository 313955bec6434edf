"""SMTP call-ahead (mailflow 2.8): real servers behind the gateway are asked about recipients."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, base_config, free_port, message
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command

FAST = {"request_timeout_seconds": 1}


class Directory:
    """An answer of the sink: knows some users, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.senders: list[str] = []
        self.seconds = 0.0

    def __call__(self, verb: str, line: bytes) -> bytes | None:
        if verb == "MAIL":
            self.senders.append(line.decode().strip())
        if verb != "RCPT":
            return None
        user = line.decode().partition("<")[2].partition("@")[0].lower()
        self.asked.append(user)
        time.sleep(self.seconds)
        if user.startswith("nobody"):
            return b"550 5.1.1 no such user\r\n"
        return b"451 4.2.0 mailbox busy\r\n" if user.startswith("busy") else None


@contextmanager
def gateway_asking(tmp_path: Path, profile: dict[str, Any], **changes: Any) -> Iterator[Gateway]:
    config = base_config(tmp_path, call_ahead_profiles={"Inside": profile}, **changes)
    config["listeners"][0]["call_ahead"] = "Inside"
    gateway = Gateway(tmp_path, config)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def heard(gateway: Gateway, *users: str) -> list[str]:
    """Return what each user's RCPT is answered, in one session."""
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        return [client.command(f"RCPT TO:<{user}@corp.example>") for user in users]


@contextmanager
def speaking(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that does what `serve` does with each connection; yield its port."""
    open_ones: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                open_ones.append(connection)
                threading.Thread(target=guarded, args=(connection,), daemon=True).start()

        def guarded(connection: socket.socket) -> None:
            with suppress(OSError):
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
    for connection in open_ones:
        connection.close()


def test_answers_decide_and_are_remembered(tmp_path: Path) -> None:
    directory = Directory()
    with Sink(directory) as sink:
        profile = {"servers": [f"127.0.0.1:{sink.port}"], "mail_from": "check@corp.example"}
        with gateway_asking(tmp_path, profile) as gateway:
            first = heard(gateway, "bob", "nobody", "busy")
            assert first == [
                "250 recipient <bob@corp.example> ok",
                "550 #5.1.1 Recipient address rejected",
                "451 #4.1.1 Recipient address cannot be verified now",
            ]
            assert heard(gateway, "BOB", "nobody", "busy")[1:] == first[1:]
            assert directory.asked == ["bob", "nobody", "busy"]
            assert sink.connections == 1
            assert directory.senders == ["MAIL FROM:<check@corp.example> SMTPUTF8"]
            gateway.wait_log("To: <nobody@corp.example> Rejected by SMTP Call-Ahead")
            gateway.wait_log(
                "SMTP call-ahead Inside: <nobody@corp.example> rejected after a permanent failure: "
                f"127.0.0.1:{sink.port} said 550 5.1.1 no such user"
            )
            totals = gateway.status()["totals"]
            assert totals["call_ahead_questions"] == 3
            assert totals["call_ahead_cached"] == 3
            assert totals["call_ahead_rejected"] == 4
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                assert client.message(["bob@corp.example"], message()).startswith("250")
            assert gateway.wait_maildir(1)
            assert sink.count == 0


def test_the_delivery_host_is_asked_that_routes_name(tmp_path: Path) -> None:
    directory = Directory()
    with Sink(directory) as sink:
        routes = {"corp.example": f"127.0.0.1:{sink.port}"}
        with gateway_asking(tmp_path, {}, smtp_routes=routes) as gateway:
            assert [reply[:3] for reply in heard(gateway, "bob", "nobody")] == ["250", "550"]
            assert directory.senders == ["MAIL FROM:<> SMTPUTF8"]
            with Client(gateway.port("Out")) as client:  # relaying: nobody is asked
                client.command("EHLO x")
                client.command("MAIL FROM:<ann@corp.example>")
                assert client.command("RCPT TO:<nobody2@corp.example>").startswith("250")
            assert directory.asked == ["bob", "nobody"]


def test_a_route_without_a_server_takes_everybody(tmp_path: Path) -> None:
    with gateway_asking(tmp_path, FAST) as gateway:
        assert heard(gateway, "bob") == ["250 recipient <bob@corp.example> ok"]


def test_static_servers_are_looked_up_as_mx_and_take_turns(tmp_path: Path) -> None:
    one, two = Directory(), Directory()
    with (
        Sink(one) as first,
        Sink(two) as second,
        serving({"servers.example": {"MX": ["10 mx.servers.example"]},
                 "mx.servers.example": {"A": ["127.0.0.1"]}}) as dns,
    ):  # fmt: skip
        servers = [f"servers.example:{first.port}", f"127.0.0.1:{second.port}"]
        changes = {"dns": {"servers": [dns.address]}, "smtp_routes": {"ALL": "/dev/null"}}
        with gateway_asking(tmp_path, {"servers": servers}, **changes) as gateway:
            heard(gateway, *(f"user{number}" for number in range(6)))
            assert len(one.asked) == len(two.asked) == 3


def test_options_of_the_rat_and_aliases_pass_it_by(tmp_path: Path) -> None:
    directory = Directory()
    with Sink(directory) as sink:
        config = {"servers": [f"127.0.0.1:{sink.port}"]}
        aliases = {"aliases": "[corp.example]\nnobody3: bob@corp.example\n"}
        with gateway_asking(tmp_path, config, inbound=aliases) as gateway:
            public = gateway.listener()
            del public["accepted_domains"]
            public["recipient_access"] = [
                "nobody2@corp.example ACCEPT bypass_callahead",
                "nobody4@corp.example REJECT",
                "corp.example ACCEPT",
            ]
            gateway.write_config()
            assert gateway.ask("reload")["problems"] == []
            users = ("nobody2", "nobody3", "nobody4", "nobody5")
            assert [r[:3] for r in heard(gateway, *users)] == ["250", "250", "550", "550"]
            assert directory.asked == ["nobody5"]


def test_what_is_known_outlasts_a_reload_that_leaves_the_profile_as_it_is(tmp_path: Path) -> None:
    directory = Directory()
    with (
        Sink(directory) as sink,
        gateway_asking(tmp_path, {"servers": [f"127.0.0.1:{sink.port}"]}) as gateway,
    ):
        heard(gateway, "bob")
        assert gateway.ask("reload")["problems"] == []
        heard(gateway, "bob")
        assert directory.asked == ["bob"]
        profile = gateway.config["call_ahead_profiles"]["Inside"]
        profile["permanent_failure_action"] = "550 Gone"
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert heard(gateway, "bob", "nobody")[1] == "550 Gone"
        assert directory.asked == ["bob", "bob", "nobody"]


def test_many_sessions_that_want_to_know_the_same_ask_once(tmp_path: Path) -> None:
    directory = Directory()
    directory.seconds = 0.5
    with (
        Sink(directory) as sink,
        gateway_asking(tmp_path, {"servers": [f"127.0.0.1:{sink.port}"]}) as gateway,
    ):
        clients = [Client(gateway.port()) for _ in range(8)]
        for client in clients:
            client.command("EHLO x")
            client.command("MAIL FROM:<ann@partner.example>")
        for client in clients:
            client.send("RCPT TO:<nobody@corp.example>\r\n")
        gone = clients.pop()
        gone.close()
        assert {client.reply()[:3] for client in clients} == {"550"}
        for client in clients:
            client.close()
        assert directory.asked == ["nobody"]


def test_connections_and_questions_of_each_are_limited(tmp_path: Path) -> None:
    directory = Directory()
    directory.seconds = 0.2
    lock, open_now, most = threading.Lock(), 0, 0
    with Sink(directory) as sink:
        profile = {
            "servers": [f"127.0.0.1:{sink.port}"],
            "max_recipients_per_session": 2,
            "max_connections_per_server": 2,
        }

        original = sink._serve

        def counted(connection: socket.socket) -> None:
            nonlocal open_now, most
            with lock:
                open_now += 1
                most = max(most, open_now)
            try:
                original(connection)
            finally:
                with lock:
                    open_now -= 1

        sink._serve = counted  # type: ignore[method-assign]  # to see how many are open
        with gateway_asking(tmp_path, profile, workers=2) as gateway:
            clients = [Client(gateway.port()) for _ in range(8)]
            for number, client in enumerate(clients):
                client.command("EHLO x")
                client.command("MAIL FROM:<ann@partner.example>")
                client.send(f"RCPT TO:<user{number}@corp.example>\r\n")
            assert {client.reply()[:3] for client in clients} == {"250"}
            for client in clients:
                client.close()
            assert len(directory.asked) == 8
            assert sink.connections >= 4
            # The gauge counts until our side is closed; the server hears of it a moment later.
            assert most <= 4


def greeting_then(words: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 x ESMTP\r\n")
        connection.recv(1000)
        connection.sendall(words)
        connection.recv(1000)

    return serve


def silent(connection: socket.socket) -> None:
    connection.recv(1000)


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (silent, "timeout"),
        (lambda c: c.sendall(b"HTTP/1.0 200 OK\r\n\r\n"), "not an SMTP reply"),
        (lambda c: c.sendall(b"554 go away\r\n"), "554 go away"),
        (lambda c: c.close(), "closed"),
        (greeting_then(b"\0" * 100_000), "reply line of more than"),
        (greeting_then(b"250 x\r\n250 y\r\n"), "reply 250 before the command"),
    ],
    ids=["silent", "another protocol", "refuses", "hangs up", "garbage", "too many replies"],
)
def test_a_server_that_cannot_be_asked_costs_its_time_once(
    tmp_path: Path, serve: Callable[[socket.socket], None], reason: str
) -> None:
    with speaking(serve) as port:
        profile = {**FAST, "servers": [f"127.0.0.1:{port}"], "failure_action": "451 Try later"}
        with gateway_asking(tmp_path, profile) as gateway:
            users = [f"user{number}" for number in range(20)]
            began = time.monotonic()
            assert set(heard(gateway, *users)) == {"451 Try later"}
            if serve is silent:
                assert time.monotonic() - began < 10  # a second for each would be 20
            line = gateway.wait_log("it is left alone for 30 seconds")
            assert f"127.0.0.1:{port} cannot be asked: " in line
            assert "Warning" in line
            gateway.wait_log("rejected after a failure: ")
            assert reason in line or reason in gateway.log()
            assert gateway.log().count("it is left alone for 30 seconds") == 1


def test_a_dead_server_gives_way_to_the_next_and_failures_may_be_accepted(tmp_path: Path) -> None:
    directory = Directory()
    dead = f"127.0.0.1:{free_port()}"
    with Sink(directory) as sink:
        profile = {"servers": [dead, f"127.0.0.1:{sink.port}"]}
        with gateway_asking(tmp_path, profile) as gateway:
            assert [r[:3] for r in heard(gateway, "bob", "nobody", "eve")] == ["250", "550", "250"]
            assert len(directory.asked) == 3
            gateway.wait_log(f"{dead} cannot be asked: Connection refused")
            gateway.config["call_ahead_profiles"]["Inside"]["servers"] = [dead]
            gateway.write_config()
            assert gateway.ask("reload")["problems"] == []
            assert heard(gateway, "nobody") == ["250 recipient <nobody@corp.example> ok"]
            gateway.wait_log("<nobody@corp.example> accepted after a failure")


def test_a_server_that_ends_each_connection_early_is_asked_on(tmp_path: Path) -> None:
    """452 for the second recipient is about the transaction (RFC 5321, 4.5.3.1.10)."""

    def serve(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        connection.sendall(b"220-x\r\n220 ESMTP\r\n")
        recipients = 0
        for line in lines:
            if line.startswith(b"EHLO"):
                connection.sendall(b"502 what?\r\n")
            elif line.startswith(b"RCPT"):
                recipients += 1
                said = b"452 too many\r\n" if recipients > 1 else b"250-yes\r\n250 indeed\r\n"
                connection.sendall(said)
            elif line.startswith(b"QUIT"):
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 ok\r\n")

    with (
        speaking(serve) as port,
        gateway_asking(tmp_path, {"servers": [f"127.0.0.1:{port}"]}) as gateway,
    ):
        assert [r[:3] for r in heard(gateway, "a", "b", "c")] == ["250"] * 3


def test_it_never_asks_itself(tmp_path: Path) -> None:
    with gateway_asking(tmp_path, {}) as gateway:
        own = gateway.port()
        gateway.config["call_ahead_profiles"]["Inside"]["servers"] = [f"127.0.0.1:{own}"]
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert heard(gateway, "bob") == ["250 recipient <bob@corp.example> ok"]
        gateway.wait_log("is this gateway")


def test_trying_a_profile_may_take_longer_than_other_commands(tmp_path: Path) -> None:
    with speaking(silent) as port:
        profile = {"servers": [f"127.0.0.1:{port}"], "request_timeout_seconds": 11}
        with gateway_asking(tmp_path, profile) as gateway:
            text = command(gateway, "call-ahead", "test", "Inside", "bob@corp.example")
            assert f"bob@corp.example: failure: 127.0.0.1:{port}: timeout" in text


def test_mistakes_are_named(tmp_path: Path) -> None:
    config = base_config(
        tmp_path,
        call_ahead_profiles={
            "Inside": {
                "servers": ["a b"],
                "interface": "Nowhere",
                "permanent_failure_action": "250 fine",
                "temporary_failure_action": "drop",
            }
        },
    )
    config["listeners"][0]["call_ahead"] = "Outside"
    config["listeners"][1]["call_ahead"] = "Inside"
    gateway = Gateway(tmp_path, config)
    gateway.write_config()
    text = command(gateway, "check", code=1)
    for words in (
        "250 is the wrong code here",
        "'a b' is not a host name",
        "'drop' is no action",
        "'Outside' is not in `call_ahead_profiles`",
        "means nothing to a private listener",
    ):
        assert words in text, words


def test_an_administrator_tries_a_profile_and_lets_it_forget(tmp_path: Path) -> None:
    directory = Directory()
    with (
        Sink(directory) as sink,
        gateway_asking(tmp_path, {"servers": [f"127.0.0.1:{sink.port}"]}, workers=2) as gateway,
    ):
        words = ("call-ahead", "test", "Inside", "nobody@corp.example")
        for _ in range(2):
            text = command(gateway, *words)
            assert "permanent failure: 127.0.0.1:" in text
            assert "said 550 5.1.1 no such user" in text
            assert "answers: 550 #5.1.1 Recipient address rejected" in text
        assert directory.asked == ["nobody", "nobody"]
        heard(gateway, "bob")
        assert "1 answer forgotten" in command(gateway, "call-ahead", "flush")
        assert "0 answers forgotten" in command(gateway, "call-ahead", "flush", "Inside")
        assert "no call-ahead profile 'X'" in command(gateway, "call-ahead", "flush", "X", code=1)
        assert "'X'" in command(gateway, "call-ahead", "test", "X", "bob@corp.example", code=1)
