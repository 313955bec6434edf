"""`sethostname` and `version`."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import Command, Commit, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text
from mailwarden.core.hostport import parse_hostname

PRODUCT: Final = "Mailwarden"

HOSTNAME: Final = Text(
    key="hostname", prompt="What is the hostname for this machine?", of=parse_hostname,
    place=Place.WORD, default_from=lambda scope: scope.draft.get("hostname"),
    form="a fully qualified host name",
)  # fmt: skip


def _set_hostname(scope: Settings) -> None:
    scope.draft.put("hostname", value=scope[HOSTNAME])


def _version(scope: Settings) -> Shown:
    facts = scope.draft.desk.administration.facts
    lines = [
        "Current Version",
        "===============",
        f"Product: {PRODUCT}",
        f"Model: {facts.model}",
        f"Version: {facts.version}",
        f"Serial #: {facts.serial}",
        f"FIPS mode: {'on' if facts.fips else 'off'}",
    ]
    data = {
        "product": PRODUCT,
        "model": facts.model,
        "version": facts.version,
        "serial": facts.serial,
        "fips": facts.fips,
    }
    return Shown("\n".join(lines), data)


SETHOSTNAME: Final[Command[SettingsDraft]] = Command(
    name="sethostname", purpose="Set the name of the machine", commit=Commit.NEEDED,
    where=Where.MACHINE, questions=(HOSTNAME,), act=_set_hostname,
)  # fmt: skip
VERSION: Final[Command[SettingsDraft]] = Command(
    name="version", purpose="Show product, version, serial number and model", act=_version,
)  # fmt: skip

COMMANDS: Final = (SETHOSTNAME, VERSION)
