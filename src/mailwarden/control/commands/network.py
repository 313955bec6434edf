"""`netstat`, `ping`, `traceroute` and `diagnostic`: the machine and its network (admin 1.6.3)."""

from enum import Enum
from typing import Any, Final

from mailwarden.control.answers.table import human_size, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import (
    Command,
    Menu,
    Operation,
    RefusedError,
    Shown,
    Where,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Number, Option, Text
from mailwarden.control.operations import diagnostics, network_state
from mailwarden.control.operations import ping as pinging
from mailwarden.control.operations.smtp_ping import SmtpStep, smtp_ping
from mailwarden.control.operations.traceroute import HOPS_MAX, trace_route
from mailwarden.core.hostport import parse_hostport

SMTP_PORT: Final = 25


class Information(Enum):
    """What `netstat` shows."""

    SOCKETS = "sockets"
    INTERFACES = "interfaces"
    ROUTES = "routes"


def parse_host(text: str) -> str:
    """Return a host name or IP address; raises ValueError."""
    host = text.strip()
    return parse_hostport(f"[{host}]" if ":" in host else host, default_port=1).host


INFORMATION: Final = Choice[Information](
    key="information", prompt="Choose the information you want to display:", place=Place.WORD,
    default=Information.SOCKETS,
    options=(
        Option("sockets", Information.SOCKETS, "List of active sockets."),
        Option("interfaces", Information.INTERFACES, "State of network interfaces."),
        Option("routes", Information.ROUTES, "Contents of routing tables."),
    ),
)  # fmt: skip
HOST: Final = Text(
    key="host", prompt="Please enter the host you wish to ping.", of=parse_host, place=Place.WORD,
    form="a host name or an IP address",
)  # fmt: skip
TARGET: Final = Text(
    key="host", prompt="Please enter the host to which you want to trace the route.",
    of=parse_host, place=Place.WORD, form="a host name or an IP address",
)  # fmt: skip
COUNT: Final = Number(
    key="count", prompt="How many times?", doc="how many times; 0 is until Ctrl-C", default=0,
    minimum=0, maximum=10_000, is_asked=False,
)  # fmt: skip
SERVER: Final = Text(
    key="server", prompt="Enter the hostname or IP address of the machine you want to SMTP ping.",
    of=parse_host, place=Place.WORD, form="a host name or an IP address",
)  # fmt: skip
PORT: Final = Number(
    key="port", prompt="Enter the port.", default=SMTP_PORT, minimum=1, maximum=65_535,
    place=Place.WORD,
)  # fmt: skip


def _netstat(scope: Settings) -> Shown:
    desk = scope.draft.desk
    rows: list[Any]
    with refused_as_told():
        match scope[INFORMATION]:
            case Information.SOCKETS:
                rows = network_state.connections(desk)
                heads = ["Local Address", "Foreign Address", "State", "Recv-Q", "Send-Q"]
            case Information.INTERFACES:
                rows = network_state.interfaces(desk)
                heads = ["Interface", "Bytes In", "Packets In", "Errors In", "Bytes Out",
                         "Packets Out", "Errors Out"]  # fmt: skip
            case Information.ROUTES:
                rows = network_state.routes(desk)
                heads = ["Destination", "Gateway", "Interface"]
    lines = render_table(heads, rows) if rows else ["There is nothing to show."]
    return Shown("\n".join(lines), [row._asdict() for row in rows])


async def _ping(scope: Settings) -> Shown:
    if not scope[COUNT]:
        scope.say("Press Ctrl-C to stop.")
    data: list[dict[str, Any]] = []
    with refused_as_told():
        async for echo in pinging.ping(scope.draft.desk, scope[HOST], scope[COUNT]):
            if echo.seconds is None:
                scope.say(f"{echo.address}: icmp_seq={echo.sequence} {echo.error}")
            else:
                milliseconds = echo.seconds * 1000
                scope.say(
                    f"{echo.size} bytes from {echo.address}: icmp_seq={echo.sequence} "
                    f"time={milliseconds:.3f} ms"
                )
            await scope.drain()
            if scope[COUNT]:
                data.append(echo._asdict())
    answered = sum(row["seconds"] is not None for row in data)
    return Shown(f"{len(data)} packets transmitted, {answered} packets received", data)


async def _trace_route(scope: Settings) -> Shown:
    scope.say(f"At most {HOPS_MAX} hops. Press Ctrl-C to stop.")
    data: list[dict[str, Any]] = []
    with refused_as_told():
        async for hop in trace_route(scope.draft.desk, scope[TARGET]):
            times = "  ".join("*" if s is None else f"{s * 1000:.3f} ms" for s in hop.seconds)
            scope.say(f"{hop.number:2}  {' '.join(hop.addresses) or '*'}  {times}")
            await scope.drain()
            data.append(hop._asdict())
    reached = bool(data) and data[-1]["is_end"]
    return Shown("" if reached else "The host was not reached.", data)


async def _disks(scope: Settings) -> Shown:
    with refused_as_told():
        disks, spool = await diagnostics.disks(scope.draft.desk)
    heads = ["File system of", "Size", "Free", "Used"]
    rows = [
        [disk.what, human_size(disk.size), human_size(disk.free), f"{disk.used_percent}%"]
        for disk in disks
    ]
    lines = render_table(heads, rows) if rows else []
    if spool:
        used, free = (human_size(spool.get(name, 0)) for name in ("bytes_on_disk", "bytes_free"))
        lines += ["", f"Queue: {used} on disk, {free} may still be used"]
    return Shown("\n".join(lines), {"disks": [disk._asdict() for disk in disks], "spool": spool})


async def _flush(scope: Settings) -> Shown:
    with refused_as_told():
        count = await diagnostics.flush_caches(scope.draft.desk)
    return Shown("All network caches are flushed.", {"flushed": count})


def _neighbours(scope: Settings) -> Shown:
    with refused_as_told():
        rows = diagnostics.neighbours(scope.draft.desk)
    lines = ["The ARP table is empty."]
    if rows:
        lines = render_table(["Address", "Hardware", "Interface"], rows)
    return Shown("\n".join(lines), [row._asdict() for row in rows])


async def _smtp_ping(scope: Settings) -> Shown:
    steps: list[SmtpStep] = []
    with refused_as_told():
        async for step in smtp_ping(scope.draft.desk, scope[SERVER], scope[PORT]):
            steps.append(step)
            if not step.is_last:
                scope.say(step.text)
                await scope.drain()
    if not steps or not steps[-1].is_good:
        raise RefusedError(steps[-1].text if steps else "Nothing came of it.")
    data = {"steps": [step.text for step in steps[:-1]]}
    return Shown(steps[-1].text, data)


NETSTAT: Final[Command[SettingsDraft]] = Command(
    name="netstat", purpose="Show sockets, interfaces and routes", where=Where.MACHINE,
    questions=(INFORMATION,), act=_netstat,
)  # fmt: skip
PING: Final[Command[SettingsDraft]] = Command(
    name="ping", purpose="Ask a host for an echo", where=Where.LOGIN_HOST,
    questions=(HOST, COUNT), act=_ping, ends_by_interrupt=True,
)  # fmt: skip
TRACEROUTE: Final[Command[SettingsDraft]] = Command(
    name="traceroute", purpose="Show the way of packets to a host", where=Where.MACHINE,
    questions=(TARGET,), act=_trace_route, ends_by_interrupt=True,
)  # fmt: skip
DIAGNOSTIC: Final[Command[SettingsDraft]] = Command(
    name="diagnostic", purpose="Check the disks and the network", where=Where.MACHINE,
    menu=Menu(
        operations=(
            Operation(name="DISK", purpose="Show how full the disks are.", act=_disks),
            Operation(
                name="NETWORK", purpose="Network utilities.",
                menu=Menu(
                    operations=(
                        Operation(
                            name="FLUSH", purpose="Flush all network related caches.", act=_flush
                        ),
                        Operation(
                            name="ARPSHOW", purpose="Show the ARP table.", act=_neighbours
                        ),
                        Operation(
                            name="SMTPPING", purpose="Test a remote SMTP server.",
                            questions=(SERVER, PORT), act=_smtp_ping,
                        ),
                    ),
                ),
            ),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (NETSTAT, PING, TRACEROUTE, DIAGNOSTIC)
