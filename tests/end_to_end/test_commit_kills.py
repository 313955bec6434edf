"""kill -9 while administrators commit: the old version or the new one, the same on all workers."""

import os
import random
import signal
import socket
import time
from pathlib import Path

import pytest

from mailwarden.control.operations.versions import Versions
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SystemClock
from tests.end_to_end.console_line import read_rest, type_lines
from tests.end_to_end.gateway import Gateway, running, wait_until

ROUNDS = 8
GREETINGS = 12  # connections that are looked at, over both workers
LATEST_SECONDS = 0.12  # after the first line is typed; a commit takes a third of it


def committed_name(gateway: Gateway) -> str:
    """Return the host name of the version in force, after a look at the whole store."""
    store = ConfigurationStore(gateway.state / "management", SystemClock())
    try:
        assert store.verify() is None
        last = Versions(store).last()
        assert last is not None
        return str(last.tree["hostname"])
    finally:
        store.close()


def greeted_names(gateway: Gateway) -> set[str]:
    """Return the names that the workers greet with."""
    names = set()
    for _ in range(GREETINGS):
        with socket.create_connection(("127.0.0.1", gateway.port()), 30.0) as connection:
            names.add(connection.recv(1000).split()[1].decode())
    return names


def commit_and_kill(gateway: Gateway, name: str, delay: float, doomed: int) -> str:
    """Commit `name` as host name, and kill a process after `delay` seconds; return what it said."""
    session = type_lines(gateway.state, f"sethostname {name}", "commit a try")
    time.sleep(delay)
    os.kill(doomed, signal.SIGKILL)
    return read_rest(session).decode(errors="replace")


def management_pid(gateway: Gateway, killed: int = 0) -> int:
    """Return the process that administrators can come to; not the one that was killed."""

    def ready() -> int:
        pid = int(gateway.status().get("management_pid", 0))
        return 0 if pid == killed else pid

    return int(wait_until(ready, "management is ready"))


def check(gateway: Gateway, before: str, name: str, said: str) -> None:
    """The gateway works by what the store has; what was said to be committed is."""
    committed = committed_name(gateway)
    assert committed in (before, name)
    if "Changes committed" in said:
        assert committed == name
    wait_until(lambda: greeted_names(gateway) == {committed}, f"all greet with {committed}")


@pytest.mark.parametrize("seed", range(1))
def test_a_management_process_that_is_killed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with running(tmp_path, workers=2) as gateway:
        pid = management_pid(gateway)
        for number in range(ROUNDS):
            before = committed_name(gateway)
            name = f"gw{number}.killed.example"
            said = commit_and_kill(gateway, name, chance.uniform(0, LATEST_SECONDS), pid)
            pid = management_pid(gateway, pid)
            check(gateway, before, name, said)
        assert read_rest(type_lines(gateway.state, "sethostname gw.end.example", "commit end"))
        assert greeted_names(gateway) == {"gw.end.example"}


@pytest.mark.parametrize("seed", range(1))
def test_a_supervisor_that_is_killed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with running(tmp_path, workers=2) as gateway:
        for number in range(ROUNDS):
            management_pid(gateway)
            before = committed_name(gateway)
            name = f"gw{number}.killed.example"
            pid = int(gateway.status()["pid"])
            said = commit_and_kill(gateway, name, chance.uniform(0, LATEST_SECONDS), pid)
            gateway.kill()
            gateway.start()
            check(gateway, before, name, said)
