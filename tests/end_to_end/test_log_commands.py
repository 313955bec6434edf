"""Searching and following the log from the command line (admin 1.6.5: findevent, grep, tail)."""

import os
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, message, running, until_interrupted
from tests.end_to_end.test_operations import command


def put(gateway: Gateway, sender: str, recipient: str, subject: str) -> int:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        reply = client.message([recipient], message(subject), sender)
        mid = int(reply.split()[3])
    gateway.wait_log(f"Message finished MID {mid} done")
    return mid


def test_messages_are_found_with_their_connections(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        first = put(gateway, "ann@partner.example", "bob@corp.example", "Quarterly numbers")
        second = put(gateway, "eve@partner.example", "bob@corp.example", "Lunch")
        log = gateway.state / "log" / "mail.log"
        os.rename(log, log.with_name("mail.log.20101109T101502Z"))  # as a rotation leaves it
        gateway.stop()
        gateway.start()
        text = command(gateway, "log", "find", "--sender", "ANN@", "--recipient", "bob")
        assert "1 message" in text
        assert f"MID {first} Subject 'Quarterly numbers'" in text
        assert f"Message finished MID {first} done" in text
        assert "New SMTP ICID 1 " in text
        assert "ICID 1 close" in text
        assert f"MID {second} " not in text
        text = command(gateway, "log", "find", "--recipient", "bob@corp.example")
        assert "2 messages" in text
        text = command(gateway, "log", "find", "--recipient", "bob", "--limit", "1")
        assert f"Start MID {second} " in text
        assert f"Start MID {first} " not in text
        assert "Lunch" in command(gateway, "log", "find", "--mid", str(second))
        assert "no such message" in command(gateway, "log", "find", "--subject", "x y", code=1)
        assert "say which" in command(gateway, "log", "find", code=2)
        assert "Lunch" in command(gateway, "log", "grep", "-i", "subject 'lunch'")
        command(gateway, "log", "grep", "nothing of the kind", code=1)
        assert "regular expression" in command(gateway, "log", "grep", "(", code=2)


def test_the_log_is_followed_over_a_rotation(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        text = command(gateway, "log", "tail", "--no-follow", "--lines", "1")
        assert text.count("\n") == 1
        with until_interrupted(gateway, "log", "tail") as process:
            assert process.stdout is not None
            while "is up with" not in process.stdout.readline():
                pass
            put(gateway, "ann@partner.example", "bob@corp.example", "One")
            while "Subject 'One'" not in process.stdout.readline():
                pass
            log = gateway.state / "log" / "mail.log"
            os.rename(log, log.with_name("mail.log.20101109T101502Z"))
            gateway.stop()
            gateway.start()
            put(gateway, "ann@partner.example", "bob@corp.example", "Two")
            while "Subject 'Two'" not in process.stdout.readline():
                pass
