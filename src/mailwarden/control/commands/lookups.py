"""`nslookup` and `dig`: what name servers say (admin 1.6.3)."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text, read_name
from mailwarden.control.operations import lookups
from mailwarden.control.operations.lookups import KINDS, LookedUp
from mailwarden.system.dns.servers import parse_server
from mailwarden.system.log.escape import escape

_WORDS: Final = {
    "empty": "It has no such record.",
    "missing": "There is no such name.",
    "failed": "Nobody could say:",
}


def _parse_server(text: str) -> str:
    server = text.strip().removeprefix("@")
    if server:
        parse_server(server)
    return server


NAME: Final = Text(
    key="name", prompt="Please enter the host or IP address to resolve.", of=read_name,
    place=Place.WORD, form="a name or an IP address",
)  # fmt: skip
KIND: Final = Choice[str](
    key="type", prompt="Choose the query type:", place=Place.WORD, default="A",
    options=tuple(Option(name, name) for name in KINDS),
)  # fmt: skip
SERVER: Final = Text(
    key="server", prompt="Please enter the name server to ask, or nothing for those of the "
    "configuration.", of=_parse_server, default="", place=Place.WORD,
    form="the address of a name server, with an @ in front or without",
)  # fmt: skip


async def _nslookup(scope: Settings) -> Shown:
    with refused_as_told():
        found = await lookups.look_up(scope.draft.desk, "nslookup", scope[NAME], scope[KIND])
    return _shown(found)


async def _dig(scope: Settings) -> Shown:
    with refused_as_told():
        found = await lookups.look_up(
            scope.draft.desk, "dig", scope[NAME], scope[KIND], scope[SERVER]
        )
    return _shown(found)


def _shown(found: LookedUp) -> Shown:
    lines = []
    if found.canonical:
        lines.append(f"{escape(found.name)} is an alias of {escape(found.canonical)}")
    lines += [f"{found.kind}={escape(value)}" for value in found.values]
    if not found.values:
        reason = f" {escape(found.detail)}" if found.state == "failed" else ""
        lines.append(f"{escape(found.name)} {found.kind}: {_WORDS[found.state]}{reason}")
    if found.is_secure:
        lines.append("DNSSEC proves it.")
    lines.append(f"Query time: {found.seconds * 1000:.0f} ms")
    return Shown("\n".join(lines), found._asdict())


NSLOOKUP: Final[Command[SettingsDraft]] = Command(
    name="nslookup", purpose="Ask the name servers of the gateway", where=Where.MACHINE,
    questions=(NAME, KIND), act=_nslookup,
)  # fmt: skip
DIG: Final[Command[SettingsDraft]] = Command(
    name="dig", purpose="Ask the name servers of the gateway, or another one",
    where=Where.MACHINE, questions=(NAME, KIND, SERVER), act=_dig,
)  # fmt: skip

COMMANDS: Final = (NSLOOKUP, DIG)
