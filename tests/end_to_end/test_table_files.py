"""Tables in files of their own: what was accepted holds, whatever becomes of the file."""

import os
import signal
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, base_config, running, wait_until

TABLE = "bob@corp.example ACCEPT\nALL REJECT\n"


def with_file(tmp_path: Path) -> Gateway:
    """Return a gateway whose recipient access table stands in `rat.txt`."""
    gateway = Gateway(tmp_path, base_config(tmp_path))
    listener = gateway.listener()
    del listener["accepted_domains"]
    listener["recipient_access"] = {"file": "rat.txt"}
    return gateway


def answers(gateway: Gateway, *recipients: str) -> list[str]:
    """Return the codes that recipients get."""
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        return [client.command(f"RCPT TO:<{name}@corp.example>")[:3] for name in recipients]


def test_a_restarted_worker_reads_what_was_accepted(tmp_path: Path) -> None:
    (tmp_path / "rat.txt").write_text(TABLE)
    gateway = with_file(tmp_path).start()
    try:
        assert answers(gateway, "bob", "carl") == ["250", "550"]
        (tmp_path / "rat.txt").write_text("nonsense\n")
        reload = gateway.ask("reload")
        assert [problem.partition(":")[0] for problem in reload["problems"]] == [
            str(tmp_path / "rat.txt")
        ]
        (tmp_path / "rat.txt").unlink()
        assert "cannot be read" in gateway.ask("reload")["problems"][0]

        (worker,) = gateway.worker_pids()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: gateway.is_up() and gateway.worker_pids() != [worker], "a new worker")
        assert answers(gateway, "bob", "carl") == ["250", "550"]

        (tmp_path / "rat.txt").write_text("carl@corp.example ACCEPT\ncarl@corp.example ACCEPT\n")
        assert gateway.ask("reload")["problems"] == []
        assert answers(gateway, "bob", "carl") == ["550", "250"]
        gateway.wait_log("Configuration reloaded: listeners changed")
        assert "rat.txt:2: carl@corp.example has no effect" in gateway.wait_log("no effect")
    finally:
        gateway.stop()


def test_a_missing_file_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    gateway = with_file(tmp_path)
    gateway.start(wait=False)
    assert gateway.process is not None
    assert gateway.process.wait(30) == 1
    assert "rat.txt cannot be read: No such file or directory" in gateway.output()


def test_a_table_in_the_configuration_file_works_as_before(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        listener = gateway.listener()
        del listener["accepted_domains"]
        listener["recipient_access"] = TABLE.splitlines()
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert answers(gateway, "bob", "carl") == ["250", "550"]
