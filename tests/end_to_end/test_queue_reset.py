"""What an administrator does to everything at once: suspend in time, reset, and what is counted."""

import threading
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command
from tests.end_to_end.test_queue_operations import Refusing, listed, put, wait_pending


def test_reset_deletes_all_wherever_it_waits_and_can_be_undone(tmp_path: Path) -> None:
    answer = Refusing()
    with (
        Sink(answer) as sink,
        running(tmp_path, workers=2, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        queued = put(gateway, "bob@example.com", "eve@example.net")
        held = put(gateway, "bob@example.com")
        wait_pending(gateway, 3)
        command(gateway, "queue", "hold", str(held))
        command(gateway, "queue", "pause")
        received = put(gateway, "bob@example.com")
        text = command(gateway, "queue", "reset", "--yes", code=1)
        assert "only reset while nothing moves: delivery, listener In, listener Out" in text
        command(gateway, "queue", "suspend", "all")
        assert "3 messages would be deleted (4 recip" in command(
            gateway, "queue", "reset", "--dry-run"
        )
        assert "no terminal" in command(gateway, "queue", "reset", code=2)
        assert "3 messages deleted (4 recipients)" in command(gateway, "queue", "reset", "--yes")
        assert listed(gateway, "list") == []
        assert "the queue is empty" in command(gateway, "queue", "reset", "--yes")
        gateway.wait_log(f"Deleted: MID {received} to [0]")
        gateway.kill()
        gateway.start()
        assert {row["mid"] for row in listed(gateway, "deleted")} == {queued, held, received}
        assert "3 messages restored" in command(gateway, "queue", "restore", "--all")
        states = {row["mid"]: (row["state"], row["hold"]) for row in listed(gateway, "list")}
        assert states == {
            queued: ("queued", ""),
            held: ("held", "operator"),
            received: ("received", ""),
        }
        answer.is_open = True
        command(gateway, "queue", "resume", "all")
        command(gateway, "queue", "resume")
        command(gateway, "queue", "retry", "all")
        wait_until(lambda: sink.count >= 2, "what was brought back")
        command(gateway, "queue", "release", str(held))
        recipients = lambda: sorted(r for _, rcpt in sink.envelopes for r in rcpt)  # noqa: E731  twice
        wait_until(lambda: len(recipients()) == 4, "all recipients")
        assert recipients() == [b"bob@example.com"] * 3 + [b"eve@example.net"]


def test_what_is_deleted_is_counted_for_its_destination(tmp_path: Path) -> None:
    with Sink(Refusing()) as sink:
        routes = {"example.com": f"127.0.0.1:{sink.port}", "example.net": f"localhost:{sink.port}"}
        with running(tmp_path, smtp_routes=routes) as gateway:
            for _ in range(3):
                put(gateway, "bob@example.com")
            put(gateway, "bob@example.com", "eve@example.com", "eve@example.net")
            wait_pending(gateway, 4)
            command(gateway, "queue", "delete", "--recipient", "eve@example.com", "--yes")
            command(gateway, "queue", "delete", "--all", "--yes")
            text = command(gateway, "queue", "hosts", "example.com")
            assert "5 completed, 0 delivered, 0 dropped, 5 deleted" in text
            assert "Status as of: " in text
            assert "Preference" in text
            assert "1 deleted" in command(gateway, "queue", "hosts", "example.net")


def test_what_is_open_gets_its_time_to_finish_and_no_more(tmp_path: Path) -> None:
    gate = threading.Event()

    def slow(verb: str, _line: bytes) -> bytes | None:
        if verb == "RCPT":
            gate.wait(60)
        return None

    with Sink(slow) as sink:
        routes = {"ALL": f"127.0.0.1:{sink.port}"}
        with running(tmp_path, smtp_routes=routes) as gateway:
            idle = Client(gateway.port("In"))
            idle.command("EHLO x")
            put(gateway, "bob@example.com")
            gateway.wait_log("Delivery start")
            command(gateway, "queue", "suspend", "all", "--seconds", "0")
            assert idle.reply().startswith("421")
            idle.close()
            gateway.wait_log("Connection Error")
            gateway.wait_log("pending till")
            assert sink.count == 0
            command(gateway, "queue", "resume", "all")
            put(gateway, "bob@example.com")
            gateway.wait_log("Delivery start DCID 2")
            other = Client(gateway.port("In"))
            command(gateway, "queue", "suspend", "all")
            gate.set()
            gateway.wait_log("Message finished MID 2 done")
            assert other.command("EHLO x").startswith("250")
            other.close()


def test_a_message_is_written_as_a_mailbox(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        command(gateway, "queue", "pause")
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            client.message(["bob@corp.example"], message(body="From here\r\n>From there\r\nx\r\n"))
        (row,) = listed(gateway, "list")
        path = tmp_path / "one.mbox"
        command(gateway, "queue", "archive", str(row["mid"]), str(path), "--mbox")
        lines = path.read_bytes().split(b"\n")
        assert lines[0].startswith(b"From ann@partner.example ")
        assert b">From here" in lines
        assert b">>From there" in lines
        assert lines[-3:] == [b"x", b"", b""]
        assert not any(line.endswith(b"\r") for line in lines)


def test_rids_are_told_to_programs(tmp_path: Path) -> None:
    gateway: Gateway
    with running(tmp_path) as gateway:
        command(gateway, "queue", "pause")
        put(gateway, "bob@example.com", "eve@example.net")
        (row,) = listed(gateway, "list")
        assert row["rids"] == [0, 1]
