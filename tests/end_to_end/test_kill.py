"""Row 85 and the promise behind it: what was answered with 250 arrives, whatever is killed when."""

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.end_to_end.gateway import Client, Gateway, base_config, running, wait_until
from tests.end_to_end.sink import Sink, numbered

SENDERS = 4


class Load:
    """Several clients that send without pause and remember what was accepted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.accepted: list[bytes] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            with (
                contextlib.suppress(OSError, AssertionError, ValueError),
                Client(self.port) as client,
            ):
                client.command("EHLO load.test")
                for _ in range(20):
                    count += 1
                    name = f"{number}-{count}".encode()
                    reply = client.message(["bob@corp.example"], numbered(name))
                    if reply.startswith("250 ok:  Message"):
                        self.accepted.append(name)
                    if self._stop.wait(0.005):
                        return
            time.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def config(directory: Path, sink: Sink, workers: int) -> dict:
    made = base_config(
        directory,
        workers=workers,
        smtp_routes={"corp.example": f"127.0.0.1:{sink.port}"},
        delivery={"possible_delivery": False, "host_down_seconds": 0},
        bounce_profiles={"Default": {"initial_retry_seconds": 0.2, "max_retry_seconds": 0.5}},
        spool={"segment_size_bytes": 65536},
    )
    made["listeners"][0]["policy"] = {"max_concurrency": 100, "max_msgs_per_session": 1000}
    return made


def check(load: Load, sink: Sink, kills: int) -> None:
    """Wait until all that was accepted has arrived; report duplicates, allow no loss."""
    accepted = set(load.accepted)
    assert len(accepted) > kills, "the load came to nothing"
    wait_until(
        lambda: accepted <= set(sink.ids),
        f"arrival of {len(accepted)} messages; missing {len(accepted - set(sink.ids))}",
        120,
    )
    arrived = sink.ids
    twice = sum(1 for name in accepted if arrived[name] > 1)
    print(f"{kills} kills, {len(accepted)} accepted, 0 missing, {twice} delivered twice")
    assert sink.damaged == 0


@pytest.mark.timeout(900)
def test_row_85_kill_any_process_at_200_random_instants(tmp_path: Path) -> None:
    dice = random.Random(85)
    with Sink(keeps=False) as sink:
        gateway = Gateway(tmp_path, config(tmp_path, sink, workers=2)).start()
        load = Load(gateway.port())
        kills = 0
        try:
            while kills < 200:
                time.sleep(dice.uniform(0.0, 0.1))
                if kills % 10 == 9:  # everything at once, supervisor first
                    gateway.kill()
                    gateway.start()
                else:
                    pids = []
                    with contextlib.suppress(Exception):
                        pids = gateway.worker_pids()
                    if not pids:
                        continue
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(dice.choice(pids), signal.SIGKILL)
                kills += 1
        finally:
            load.stop()
        gateway.kill()
        gateway.start()
        check(load, sink, kills)
        gateway.stop()
    assert "Traceback" not in gateway.output()


def test_a_dead_worker_is_restarted_and_goes_on_with_its_own_messages(tmp_path: Path) -> None:
    refusing = [True]

    def answer(verb: str, _line: bytes) -> bytes | None:
        return b"451 later\r\n" if refusing[0] and verb == "MAIL" else None

    with Sink(answer) as sink, running(tmp_path, **config(tmp_path, sink, 1)) as gateway:
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            assert client.message(["bob@corp.example"], b"X-Test-Id: 1\r\n\r\nx\r\n").startswith(
                "250"
            )
        (old,) = gateway.worker_pids()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: gateway.is_up() and gateway.worker_pids() != [old], "a new worker")
        refusing[0] = False
        wait_until(lambda: sink.ids[b"1"] == 1, "the message")
        gateway.wait_log("ended with signal SIGKILL; it is restarted")


def test_clients_that_connect_while_a_worker_is_dead_wait_instead_of_failing(
    tmp_path: Path,
) -> None:
    with Sink() as sink, running(tmp_path, **config(tmp_path, sink, 1)) as gateway:
        (old,) = gateway.worker_pids()
        os.kill(old, signal.SIGKILL)
        with Client(gateway.port()) as client:  # in the backlog that the supervisor keeps
            assert client.banner.startswith("220")


def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with Sink() as sink:
        gateway = Gateway(tmp_path, config(tmp_path, sink, workers=2)).start()
        pids = gateway.worker_pids()
        assert gateway.process is not None
        gateway.process.kill()
        gateway.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "their end", 20)
        gateway.start()
        with Client(gateway.port()) as client:
            assert client.banner.startswith("220")
        gateway.stop()


def test_fewer_workers_adopt_the_mail_of_those_that_are_gone(tmp_path: Path) -> None:
    refusing = [True]

    def answer(verb: str, _line: bytes) -> bytes | None:
        return b"451 later\r\n" if refusing[0] and verb == "MAIL" else None

    with Sink(answer) as sink:
        gateway = Gateway(tmp_path, config(tmp_path, sink, workers=3)).start()
        for number in range(30):
            with Client(gateway.port()) as client:
                client.command("EHLO x")
                content = b"X-Test-Id: %d\r\n\r\nx\r\n" % number
                assert client.message(["bob@corp.example"], content).startswith("250")
        gateway.stop()
        gateway.config["workers"] = 1
        refusing[0] = False
        gateway.start()
        wait_until(lambda: len(sink.ids) == 30, "all 30 messages")
        assert max(sink.ids.values()) == 1
        wait_until(lambda: gateway.status()["spool"]["queued"] == 0, "an empty queue")
        gateway.stop()
