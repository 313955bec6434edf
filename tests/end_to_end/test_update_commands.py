"""Updates at a whole gateway: rules that workers use, servers that hang, force, and back."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.gateway import Gateway, running, wait_until
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command
from tests.end_to_end.update_source import UpdateServer, UpdateSource

ADDRESS = "192.0.2.9"
FEED = "192.0.2.0/24 {} rules of {}\n"
HASH = "has another hash than the list of updates says"


@pytest.fixture
def source(tmp_path: Path) -> UpdateSource:
    made = UpdateSource(tmp_path / "source")
    made.offer("1.0", FEED.format(-5.0, "1.0"))
    return made


@contextmanager
def updating(directory: Path, source: UpdateSource, url: str, **more: Any) -> Iterator[Gateway]:
    """Run a gateway that takes its rules from `url`, and looks for them at its start."""
    rules = directory / "state" / "updates" / "reputation" / "current" / "scores.txt"
    feed = {"name": "rules", "path": str(rules), "key_file": str(source.public), "check_seconds": 1}
    updates = {
        "manifest_server": {"url": url},
        "key_file": str(source.public),
        "interval_seconds": 60,
        **more,
    }
    reputation = {"feeds": [feed], "cache_seconds": 1}
    with running(directory, updates=updates, reputation=reputation, workers=2) as gateway:
        wait_administration(gateway)
        yield gateway


@contextmanager
def silent_server() -> Iterator[socket.socket]:
    """Take connections, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


def status(gateway: Gateway) -> dict[str, Any]:
    shown = json.loads(cli(gateway, "--json", "updatenow", "status", "reputation"))
    row: dict[str, Any] = shown["data"][0]
    return row


def attempted(gateway: Gateway, *words: str) -> dict[str, Any]:
    """Let an update be made now; return what is known at its end."""
    before = status(gateway)
    cli(gateway, "updatenow", *words)

    def ended() -> dict[str, Any] | None:
        row = status(gateway)
        news = any(row[each] > before[each] for each in ("last_success", "failures"))
        return row if news and not row["step"] else None

    found: dict[str, Any] = wait_until(ended, "the end of an attempt")
    return found


def wait_score(gateway: Gateway, value: float) -> None:
    """Wait until all that workers say of the address is by rules with that value."""

    def has_come() -> bool:
        return f"{value:.1f}" in command(gateway, "reputation", ADDRESS)

    wait_until(has_come, f"the score {value}")


def test_upd_02_rules_come_and_go_with_their_versions(tmp_path: Path, source: UpdateSource) -> None:
    with (
        UpdateServer(source.folder) as server,
        updating(tmp_path, source, url_of(server.port), automatic=False) as gateway,
    ):
        assert attempted(gateway)["version"] == "1.0"
        wait_score(gateway, -5.0)
        source.offer("1.1", FEED.format(-7.0, "1.1"))
        assert attempted(gateway)["version"] == "1.1"
        wait_score(gateway, -7.0)
        assert "reputation is version 1.0 again." in cli(
            gateway, "updatenow", "rollback", "reputation"
        )
        wait_score(gateway, -5.0)
        assert attempted(gateway)["version"] == "1.0"  # what was left is not taken again
        assert attempted(gateway, "force", "reputation")["version"] == "1.1"
        wait_score(gateway, -7.0)
        assert "went back from version 1.1 to 1.0, by admin" in gateway.log()

        # Of no use: refused, the old version stays, and people are told after the third.
        source.offer("1.2", FEED.format(-9.0, "1.2")).write_text(FEED.format(-9.9, "1.2"))
        for failures in (1, 2, 3):
            row = attempted(gateway)
            assert HASH in row["last_error"]
            assert (row["version"], row["failures"]) == ("1.1", failures)
            told = cli(gateway, "displayalerts").count(
                "updates of Reputation rules in a row failed"
            )
            assert told == (1 if failures == 3 else 0)
        wait_score(gateway, -7.0)
        source.offer("1.3", FEED.format(-2.0, "1.3"))
        assert attempted(gateway)["failures"] == 0
        wait_score(gateway, -2.0)
        assert "updates of Reputation rules work again" in cli(gateway, "displayalerts")


def test_s_02_def_09_a_server_that_hung_is_asked_again(
    tmp_path: Path, source: UpdateSource
) -> None:
    with ExitStack() as hanging:
        listener = hanging.enter_context(silent_server())
        port = listener.getsockname()[1]
        with updating(tmp_path, source, url_of(port), silence_timeout_seconds=1) as gateway:
            failed = wait_until(lambda: status(gateway)["failures"], "the end of its patience")
            assert failed == 1
            assert "no answer for 1 seconds" in status(gateway)["last_error"]
            hanging.close()
            with UpdateServer(source.folder, port=port):
                # Nobody starts it: the one that is planned comes after a minute.
                wait_until(lambda: status(gateway)["version"] == "1.0", "the next attempt", 180)
            wait_score(gateway, -5.0)


def test_s_03_def_09_force_does_not_wait_for_one_that_hangs(
    tmp_path: Path, source: UpdateSource
) -> None:
    with silent_server() as listener, ExitStack() as held:
        patient = {"silence_timeout_seconds": 600, "file_timeout_seconds": 600}
        url = url_of(listener.getsockname()[1])
        with updating(tmp_path, source, url, **patient) as gateway:
            held.enter_context(listener.accept()[0])
            wait_until(lambda: status(gateway)["step"], "an attempt that hangs")
            first = status(gateway)["last_attempt"]
            cli(gateway, "updatenow")  # the one under way counts
            assert status(gateway)["last_attempt"] == first
            cli(gateway, "updatenow", "force")
            held.enter_context(listener.accept()[0])  # there is another one now
            wait_until(lambda: status(gateway)["last_attempt"] > first, "what is known of it")
            assert status(gateway)["failures"] == 0
            assert "attempt killed, as another one was forced" in gateway.log()


def test_upd_03_where_from_is_set_in_a_dialogue(tmp_path: Path, source: UpdateSource) -> None:
    with updating(tmp_path, source, "") as gateway:
        refused = command(gateway, "cli", "updatenow", code=1)
        assert "no server of updates is set" in refused
        lines = (
            f"updateconfig setup list_url file://{source.folder}", "commit from a folder",
        )  # fmt: skip
        command(gateway, "cli", given="".join(f"{line}\n" for line in lines))
        wait_until(lambda: status(gateway)["version"] == "1.0", "a version from the folder")
        wait_score(gateway, -5.0)
        cli(gateway, "featurekey", "activate", "updates", "state", "dormant", "force")
        wait_until(
            lambda: "switched off" in command(gateway, "cli", "updatenow", code=1), "the switch"
        )
        assert status(gateway)["next_attempt"] == 0
        cli(gateway, "featurekey", "activate", "updates", "state", "default")
        assert attempted(gateway)["version"] == "1.0"
