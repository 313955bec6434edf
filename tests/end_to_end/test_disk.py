"""Disks that fill up, are read-only or lose a byte: mail waits with the client, nothing is lost."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, base_config, message, running, wait_until
from tests.end_to_end.sink import Sink, numbered


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own; needs root."""
    assert os.geteuid() == 0, "mounting needs root: run this test as root"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def refusing_config(directory: Path, disk: Path, sink: Sink) -> dict:
    config = base_config(
        directory,
        state_directory=str(disk / "state"),
        smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"},
        spool={"free_size_min_bytes": "2M", "segment_size_bytes": "1M"},
        bounce_profiles={"Default": {"initial_retry_seconds": 1, "max_retry_seconds": 1}},
        delivery={"host_down_seconds": 0},
    )
    config["listeners"][0]["policy"] = {"max_msgs_per_session": 10_000}
    return config


def test_a_full_disk_gives_452_and_an_alert_and_loses_nothing(tmp_path: Path) -> None:
    refusing = [True]

    def answer(verb: str, _line: bytes) -> bytes | None:
        return b"451 later\r\n" if refusing[0] and verb == "MAIL" else None

    with (
        small_disk(tmp_path / "disk", 12) as disk,
        Sink(answer, keeps=False) as sink,
        running(tmp_path, **refusing_config(tmp_path, disk, sink)) as gateway,
    ):
        accepted, reply = [], ""
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            for number in range(2000):
                name = b"%d" % number + b"-" * 200
                client.command("MAIL FROM:<ann@partner.example>")
                client.command("RCPT TO:<bob@corp.example>")
                if not client.command("DATA").startswith("354"):
                    break
                client.send(numbered(name) + b".\r\n")
                reply = client.reply()
                if not reply.startswith("250"):
                    break
                accepted.append(name)
            assert reply == "452 #4.3.1 queue full"
            wait_until(
                lambda: (
                    client.command("MAIL FROM:<ann@partner.example>").startswith("452")
                    or client.command("RSET") == "x"
                ),
                "refusal at MAIL already",
            )
        assert len(accepted) > 20
        assert "Mail is refused" in gateway.output()
        refusing[0] = False
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted")
        assert sink.damaged == 0
        wait_until(lambda: _takes_mail(gateway), "mail being taken again")


def _takes_mail(gateway: Gateway) -> bool:
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        if not client.command("MAIL FROM:<ann@partner.example>").startswith("250"):
            return False
        client.command("RSET")
        return client.message(["bob@corp.example"], message()).startswith("250")


def test_a_read_only_disk_is_said_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        config = base_config(tmp_path, state_directory=str(disk / "state"))
        gateway = Gateway(tmp_path, config)
        gateway.start()
        gateway.stop()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        gateway.start(wait=False)
        assert gateway.process is not None
        assert gateway.process.wait(30) == 1
        assert "read-only" in gateway.output().lower()


def test_a_flipped_byte_is_found_and_the_message_held(tmp_path: Path) -> None:
    with Sink() as sink:
        config = refusing_config(tmp_path, tmp_path, sink)
        gateway = Gateway(tmp_path, config).start()
        subprocess.run(
            [
                gateway.python,
                "-m",
                "mailwarden.app",
                "--config",
                str(gateway.path),
                "queue",
                "pause",
            ],
            check=True,
        )
        mids = []
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            for number in range(3):
                content = message(subject=f"number {number}", body=f"body of {number}\r\n" * 50)
                mids.append(client.message(["bob@corp.example"], content).split()[3])
        gateway.stop()
        (segment,) = (tmp_path / "state" / "spool" / "0").glob("*.seg")
        data = bytearray(segment.read_bytes())
        data[data.index(b"body of 1") + 5] ^= 1
        segment.write_bytes(data)
        verify = subprocess.run(
            [
                gateway.python,
                "-m",
                "mailwarden.app",
                "--config",
                str(gateway.path),
                "spool",
                "verify",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert verify.returncode == 1
        assert mids[1] in verify.stdout
        gateway.start()
        subprocess.run(
            [
                gateway.python,
                "-m",
                "mailwarden.app",
                "--config",
                str(gateway.path),
                "queue",
                "resume",
            ],
            check=True,
        )
        wait_until(lambda: sink.count == 2, "the two sound messages")
        held = next(
            row
            for row in gateway.ask("queue_list", limit=0)["messages"]
            if str(row["mid"]) == mids[1]
        )
        assert held["state"] == "held"
        assert held["hold"] == "damaged"
        gateway.stop()
