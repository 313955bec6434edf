"""Feature switches at a whole gateway: dropped as files, entered, and over (admin 7)."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailwarden.services.engines.reputation.signature import HmacVerifier
from mailwarden.services.features.features import POLL_SECONDS
from tests.end_to_end.gateway import Client, Gateway, base_config, message, running, wait_until
from tests.end_to_end.test_cli_commands import cli, living_pids, wait_administration
from tests.end_to_end.test_operations import command

SECRET = b"k" * 32
BAD = "127.0.0.0/8 -9.0 all that tests come from\n"
TABLE = "BAD:\n    SBRS[-10.0:-3.0]\n    REJECT\nALL\n    ACCEPT\n"
YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
EXPIRED = {"feature": "reputation", "state": "active", "expires": YESTERDAY.isoformat()}


@contextmanager
def scoring(directory: Path, **changes: Any) -> Iterator[Gateway]:
    """Run a gateway that refuses everybody on this machine by their score."""
    feed, key = directory / "scores.txt", directory / "key"
    key.write_bytes(SECRET)
    feed.write_text(BAD)
    Path(f"{feed}.sig").write_text(HmacVerifier(SECRET).sign(BAD.encode()))
    listeners = base_config(directory)["listeners"]
    listeners[0]["host_access"] = TABLE
    reputation = {"feeds": [{"name": "own", "path": str(feed), "key_file": str(key)}]}
    with running(directory, listeners=listeners, reputation=reputation, **changes) as gateway:
        wait_administration(gateway)
        yield gateway


def drop(gateway: Gateway, name: str, **parts: object) -> None:
    """Put a key file where administrators put it."""
    folder = gateway.state / "management" / "configuration" / "features.d"
    draft = folder / f"{name}.tmp"
    draft.write_text(json.dumps(parts))
    draft.rename(folder / name)


def switches(gateway: Gateway) -> dict[str, Any]:
    """Return the rows of `featurekey`, by feature; it looks at key files first."""
    shown = json.loads(cli(gateway, "--json", "featurekey", "checknow"))
    return {row["name"]: row for row in shown["data"]["features"]}


def banner(gateway: Gateway) -> str:
    with Client(gateway.port()) as client:
        return client.banner


def is_let_in(gateway: Gateway) -> bool:
    return banner(gateway).startswith("220")


def test_s_01_def_17_a_key_file_is_found_by_itself(tmp_path: Path) -> None:
    with scoring(tmp_path, workers=2) as gateway:
        assert banner(gateway).startswith("554")
        drop(gateway, "off.key", feature="reputation", state="dormant", note="for tests")
        # Nobody asks for it: it is found within the minute, and both workers follow.
        wait_until(
            lambda: gateway.status()["features_dormant"] == ["reputation"], "a look at key files",
            seconds=POLL_SECONDS + 60,
        )  # fmt: skip
        wait_until(lambda: all(is_let_in(gateway) for _ in range(20)), "both workers follow")
        row = switches(gateway)["reputation"]
        assert (row["status"], row["by"], row["note"]) == ("Dormant", "file off.key", "for tests")
        gateway.wait_log("Features: Reputation is dormant, by file off.key")
        gateway.wait_log("Features that are switched off: Reputation")


def test_s_13_key_05_mail_passes_without_what_has_expired(tmp_path: Path) -> None:
    with scoring(tmp_path) as gateway:
        assert banner(gateway).startswith("554")
        traced = ("trace", "--listener", "In", "--client", "127.0.0.1", "--from", "<>", "--to",
                  "bob@corp.example")  # fmt: skip
        assert "Result: the message is refused" in command(gateway, *traced, code=1)
        drop(gateway, "trial.key", **EXPIRED)
        assert switches(gateway)["reputation"]["status"] == "Dormant"
        wait_until(lambda: is_let_in(gateway), "mail is taken without scores")
        for number in range(5):
            with Client(gateway.port()) as client:
                client.command("EHLO mx.partner.example")
                assert client.message(["bob@corp.example"], message(str(number))).startswith("250")
        folder = tmp_path / "maildir" / "new"
        wait_until(lambda: folder.is_dir() and len(list(folder.iterdir())) == 5, "all mail")
        assert "Features that are switched off: Reputation." in command(gateway, *traced)
        expired = f"Reputation has expired on {YESTERDAY}: it is switched off"
        cli(gateway, "featurekey", "checknow")
        shown = cli(gateway, "displayalerts")
        assert shown.count(expired) == 1
        assert gateway.log().count(f"Features: {expired}") == 1
        # All is as before once it is active again: the configuration was not touched.
        drop(gateway, "trial.key", feature="reputation", state="active")
        switches(gateway)
        wait_until(lambda: banner(gateway).startswith("554"), "scores count again")


def test_key_02_a_switch_outlasts_all_processes(tmp_path: Path) -> None:
    with scoring(tmp_path) as gateway:
        line = ("featurekey", "activate", "reputation", "state", "dormant", "force")
        assert "Reputation is dormant" in cli(gateway, *line)
        wait_until(lambda: is_let_in(gateway), "mail is taken without scores")
        before = set(gateway.worker_pids())
        cli(gateway, "reboot", "0", "force")
        wait_until(lambda: living_pids(gateway) - before, "other workers")
        wait_until(gateway.is_up, "the gateway is there again")
        assert is_let_in(gateway)  # from its first moment on, also while nobody administers
        wait_administration(gateway)
        row = switches(gateway)["reputation"]
        assert (row["status"], row["by"]) == ("Dormant", "admin")
        assert "features_dormant" not in command(gateway, "config", "export")
        assert "1 feature switched off" in command(gateway, "status")
        cli(gateway, "featurekey", "activate", "reputation", "state", "default")
        wait_until(lambda: banner(gateway).startswith("554"), "scores count again")
