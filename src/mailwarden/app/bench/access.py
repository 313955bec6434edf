"""What large access tables cost: the same gateway with and without them, from many addresses."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.measure import Run, run_once
from mailwarden.app.bench.profile import PROFILES, Profile
from mailwarden.app.bench.results import AccessResult
from mailwarden.app.bench.statistics import (
    Round,
    median_of_target,
    median_ratio,
    order_of_round,
    spread,
)
from mailwarden.app.bench.target import Launch, Running
from mailwarden.app.bench.tools import FIRST_SOURCE
from mailwarden.app.bench.workplace import BenchError, Workplace
from mailwarden.services.throttling.rate_keys import host_key
from mailwarden.services.throttling.rate_table import RateTable


class Size(NamedTuple):
    """How large the tables are."""

    hat_lines: int
    rat_entries: int
    tracked: int  # client addresses, and so the addresses that the load comes from


FULL_SIZE: Final = Size(10_000, 100_000, 1_000_000)
QUICK_SIZE: Final = Size(300, 1_000, 1_000)
_HOURLY: Final = 1_000_000  # recipients of an address: a limit that is counted, never met
_GROUP_HOSTS: Final = 100
_SHARED_MEMORY: Final = "/memfd:mailwarden-rates"
_PROFILES: Final = ("4k-20", "4k-100")


class LargeTables(Gateway):
    """The gateway with a long HAT, a long RAT and a limit by the hour."""

    def __init__(self, workplace: Workplace, workers: int, size: Size) -> None:
        super().__init__(workplace, workers)
        self.name = f"{self.name}-tables"
        self.label = f"{self.label}, large tables"
        self.state = workplace.state / self.name
        self._size = size

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Write the tables beside the configuration."""
        launch = super().prepare(port, sink_port)
        (self.state / "hat.txt").write_text(build_hat(self._size.hat_lines), encoding="ascii")
        (self.state / "rat.txt").write_text(build_rat(self._size.rat_entries), encoding="ascii")
        return launch

    def settings(self, public_port: int, private_port: int, sink_port: int) -> dict[str, Any]:
        """Return the configuration, with tables for the public listener."""
        settings = super().settings(public_port, private_port, sink_port)
        public = settings["listeners"][0]
        del public["accepted_domains"]
        public["host_access"] = {"file": "hat.txt"}
        public["recipient_access"] = {"file": "rat.txt"}
        return settings


def build_hat(lines: int) -> str:
    """Return a host access table of about so many lines; clients of the load reach ALL.

    All kinds of hosts are in it that need no look-up: addresses, networks, ranges.
    """
    rows = ["$LIMITED", "    ACCEPT {", f"        max_rcpts_per_hour = {_HOURLY}", "    }"]
    rows += ["$KNOWN", "    ACCEPT", "$REFUSED", "    REJECT"]
    for number in range(max(1, (lines - len(rows) - 2) // (_GROUP_HOSTS + 2))):
        rows.append(f"GROUP{number}:")
        rows += [f"        {_host(number, at)}" for at in range(_GROUP_HOSTS)]
        rows.append("        $REFUSED" if number % 2 else "        $KNOWN")
    rows += ["ALL", "    $LIMITED"]
    return "".join(f"{row}\n" for row in rows)


def _host(number: int, at: int) -> str:
    """Return a host of a group: each fourth a network, each fourth a range."""
    front = f"10.{number % 256}.{at}"
    return (f"{front}.7", f"{front}.0/25", f"{front}.130-140", f"{front}.200")[at % 4]


def build_rat(entries: int) -> str:
    """Return a recipient access table of so many entries, the domain of the sink behind most."""
    kinds = ("d{0}.example", ".d{0}.example", "user{0}@d{0}.example", "user{0}@")
    rows = [f"{kinds[at % 4].format(at)} ACCEPT" for at in range(max(0, entries - 1))]
    rows.append("sink.test ACCEPT")
    return "".join(f"{row}\n" for row in rows)


def measure_access(
    workplace: Workplace,
    *,
    rounds: int,
    messages: int,
    size: Size,
    show: Callable[[Run], None],
) -> Iterator[AccessResult]:
    """Yield a result for each profile: rounds of both gateways in turn under the same load."""
    without = Gateway(workplace, workers=2)
    with_tables = LargeTables(workplace, 2, size)
    targets: dict[str, Gateway] = {target.name: target for target in (without, with_tables)}
    filling = partial(track, addresses=size.tracked)
    for profile in (p for p in PROFILES if p.name in _PROFILES):
        from_many = replace(profile, sources=size.tracked)
        runs: list[Run] = []
        for number in range(rounds):
            for name in order_of_round(list(targets), number):
                is_large = name == with_tables.name
                runs.append(
                    run_once(
                        workplace,
                        targets[name],
                        from_many,
                        messages=messages,
                        number=number,
                        samples_memory=False,
                        on_start=filling if is_large else None,
                    )
                )
                show(runs[-1])
        yield _result(from_many, runs, (without.name, with_tables.name), size)


def _result(profile: Profile, runs: list[Run], names: tuple[str, str], size: Size) -> AccessResult:
    without, with_tables = names
    rates, cpu = _rounds(runs, "accept_rate"), _rounds(runs, "cpu_per_1000")
    least, most = spread(rates, with_tables, without) or (0.0, 0.0)
    return AccessResult(
        profile=profile.name,
        hat_lines=size.hat_lines,
        rat_entries=size.rat_entries,
        tracked=size.tracked,
        rate_without=median_of_target(rates, without) or 0.0,
        rate_with=median_of_target(rates, with_tables) or 0.0,
        ratio=median_ratio(rates, with_tables, without) or 0.0,
        ratio_least=least,
        ratio_most=most,
        cpu_without=median_of_target(cpu, without) or 0.0,
        cpu_with=median_of_target(cpu, with_tables) or 0.0,
        problems=tuple(f"{run.target}: {p}" for run in runs for p in run.problems),
    )


def _rounds(runs: list[Run], figure: str) -> list[Round]:
    rounds: dict[int, dict[str, float]] = {}
    for run in runs:
        if not run.problems:
            rounds.setdefault(run.round, {})[run.target] = getattr(run, figure)
    return list(rounds.values())


def track(running: Running, addresses: int) -> None:
    """Count a recipient for so many addresses in the gateway's own table of rates.

    Raises:
        BenchError: the gateway has none.
    """
    table = RateTable(_open_rates(running))
    now = time.time()
    for number in range(addresses):
        table.take(host_key(source(number)), 1, _HOURLY, now)
    table.close()


def source(number: int) -> str:
    """Return the client address `number` of a load with many."""
    packed = (FIRST_SOURCE + number).to_bytes(4, "big")
    return ".".join(map(str, packed))


def _open_rates(running: Running) -> int:
    for pid in running.pids():
        with suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if str(link.readlink()).startswith(_SHARED_MEMORY):
                    return os.open(link, os.O_RDWR | os.O_CLOEXEC)
    raise BenchError("the gateway has no table of rates in memory that could be filled")
