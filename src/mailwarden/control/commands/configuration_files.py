"""`showconfig`, `saveconfig` and `mailconfig`: the configuration as XML (admin 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Self

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import AnyScope, Place, Question
from mailwarden.control.dialogue.questions import (
    Choice,
    Number,
    Option,
    Secret,
    Text,
    read_list,
    write_list,
)
from mailwarden.control.operations import configuration_mail, saving
from mailwarden.control.operations.configuration_mail import parse_mail_address
from mailwarden.control.operations.exchange import SHOWN_AS, parse_file_name
from mailwarden.control.operations.saving import WITH_SECRETS, Form
from mailwarden.control.xml.protection import (
    PASSPHRASE_LENGTH_MAX,
    Protection,
    choices,
    parse_choice,
)
from mailwarden.system.log.escape import escape

_NAMES: Final = {Protection.MASK: "Mask", Protection.ENCRYPT: "Encrypt", Protection.PLAIN: "Plain"}
_ANSWERS: Final = {Protection.MASK: "Y", Protection.ENCRYPT: "2", Protection.PLAIN: "N"}
VERSION_MAX: Final = 999_999_999


@dataclass(frozen=True, kw_only=True, eq=False)
class Masking(Question[Protection]):
    """How secrets are written: `Y` is the first, `N` the third of the list (XML-20, XML-21)."""

    is_fips: bool = False

    def at(self, scope: AnyScope, /) -> Self:
        """Return the question as FIPS mode has it."""
        if scope is None:  # for the manual
            return self
        return replace(self, is_fips=scope.draft.desk.administration.facts.fips)

    def parse(self, text: str) -> Protection:
        word = text.strip().casefold()
        for each in choices(fips=self.is_fips):
            if word in (_NAMES[each].casefold(), each.value):
                return each
        return parse_choice(text, fips=self.is_fips)

    def write(self, value: Protection) -> str:
        return _ANSWERS[value]

    def describe(self) -> str:
        return "Mask, Encrypt or Plain"

    def lines(self) -> Sequence[str]:
        offered = choices(fips=self.is_fips)
        return [f"{place}. {_NAMES[each]}" for place, each in enumerate(offered, start=1)]

    def candidates(self) -> Sequence[str]:
        return [_NAMES[each].lower() for each in choices(fips=self.is_fips)]


class Key(Enum):
    """What secrets are encrypted with."""

    NODE = "node"
    PASSPHRASE = "passphrase"  # noqa: S105  the name of a way


def parse_passphrase(text: str) -> str:
    """Return a passphrase. Raises ValueError when it is too long."""
    if len(text) > PASSPHRASE_LENGTH_MAX:
        raise ValueError(f"has more than {PASSPHRASE_LENGTH_MAX} letters")
    return text


SECRETS: Final = Masking(
    key="secrets", default=Protection.MASK,
    prompt="Do you want to mask the password? Files with masked passwords cannot be loaded using "
    "loadconfig command.",
    doc="How passwords and other secrets are written.",
    when=lambda scope: scope.host.may(WITH_SECRETS),
)  # fmt: skip
KEY: Final = Choice[Key](
    key="key", prompt="What do you want to encrypt the secrets with?", default=Key.NODE,
    options=(
        Option("node", Key.NODE, "The key of this machine; the file loads here only."),
        Option("passphrase", Key.PASSPHRASE, "A passphrase, asked for again when it is loaded."),
    ),
    when=lambda scope: scope.get(SECRETS) is Protection.ENCRYPT,
)  # fmt: skip
PASSPHRASE: Final = Secret(
    key="passphrase", prompt="Enter the passphrase.", of=parse_passphrase, is_new=True,
    when=lambda scope: scope.get(KEY) is Key.PASSPHRASE,
)  # fmt: skip
VERSION: Final = Number(
    key="version", prompt="The version to show.", default=0, minimum=0, maximum=VERSION_MAX,
    doc="The version to show; 0 is the one in force. `rollbackconfig` lists them.",
    is_asked=False, place=Place.WORD,
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="The name of the file.", of=parse_file_name, default="",
    is_asked=False, place=Place.WORD, form="a name; else one of model, serial number and time",
)  # fmt: skip
ADDRESSES: Final = Text(
    key="addresses", of=read_list(parse_mail_address), as_text=write_list, place=Place.WORD,
    prompt="Please enter the email address to which you want to send the configuration file.\n"
    "Separate multiple addresses with commas.",
    form="addresses with commas",
)  # fmt: skip


def _form(scope: Settings) -> Form:
    return Form(scope.get(SECRETS) or Protection.MASK, scope.get(PASSPHRASE) or "")


async def _show(scope: Settings) -> Shown:
    with refused_as_told():
        text = await saving.show(scope.draft.desk, _form(scope), scope[VERSION])
    return Shown(text.removesuffix("\n"), {"configuration": text})


async def _save(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        path = await saving.save(desk, _form(scope), scope[NAME])
    where = f"{SHOWN_AS}/{path.name}"
    host = escape(desk.administration.config.hostname)
    text = f'File written on machine "{host}" to the location "{where}"'
    return Shown(text, {"machine": desk.administration.config.hostname, "file": where})


async def _mail(scope: Settings) -> Shown:
    addresses = scope[ADDRESSES]
    with refused_as_told():
        mid = await configuration_mail.mail_configuration(scope.draft.desk, addresses, _form(scope))
    text = f"The configuration file has been sent to {escape(write_list(addresses))}."
    return Shown(text, {"addresses": list(addresses), "mid": mid})


SHOWCONFIG: Final[Command[SettingsDraft]] = Command(
    name="showconfig", purpose="Show the configuration as XML", where=Where.MACHINE,
    questions=(VERSION, SECRETS, KEY, PASSPHRASE), act=_show,
)  # fmt: skip
SAVECONFIG: Final[Command[SettingsDraft]] = Command(
    name="saveconfig", purpose="Save the configuration to a file", where=Where.LOGIN_HOST,
    questions=(NAME, SECRETS, KEY, PASSPHRASE), act=_save,
)  # fmt: skip
MAILCONFIG: Final[Command[SettingsDraft]] = Command(
    name="mailconfig", purpose="Mail the configuration to an email address",
    where=Where.LOGIN_HOST, questions=(ADDRESSES, SECRETS, KEY, PASSPHRASE), act=_mail,
)  # fmt: skip

COMMANDS: Final = (SHOWCONFIG, SAVECONFIG, MAILCONFIG)
