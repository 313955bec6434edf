"""`supportrequest`: a bundle for somebody who is to help (SYS-44)."""

from enum import Enum
from typing import Final

from mailwarden.control.commands.configuration_files import ADDRESSES
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.questions import Choice, Lines, Option, Text
from mailwarden.control.operations import support
from mailwarden.control.operations.exchange import SHOWN_AS, parse_file_name

TEXT_LENGTH_MAX: Final = 10_000


class Way(Enum):
    """What becomes of the bundle."""

    FILE = "file"
    MAIL = "mail"


def _lines(text: str) -> str:
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"has more than {TEXT_LENGTH_MAX} letters")
    if not text.isascii() or not all(c.isprintable() or c in "\n\t" for c in text):
        raise ValueError("may hold nothing but letters and signs of ASCII")
    return text


WAY: Final = Choice[Way](
    key="way", prompt="What do you want to do with the support bundle?", default=Way.FILE,
    options=(
        Option(Way.FILE.value, Way.FILE, f"Write it to {SHOWN_AS}."),
        Option(Way.MAIL.value, Way.MAIL, "Mail it."),
    ),
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="Enter the name of the file.", of=parse_file_name,
    default_from=lambda scope: support.suggested_bundle(scope.draft.desk), form="name of a file",
    when=lambda scope: scope[WAY] is Way.FILE,
)  # fmt: skip
TO: Final = Text(
    key="addresses", of=ADDRESSES.of, as_text=ADDRESSES.as_text, form=ADDRESSES.form,
    prompt="Enter the addresses that it goes to, with commas between them.",
    when=lambda scope: scope[WAY] is Way.MAIL,
)  # fmt: skip
DESCRIPTION: Final = Lines[str](
    key="description", prompt="Please describe the problem.", of=_lines, default="",
    form="lines in ASCII", when=lambda scope: scope[WAY] is Way.MAIL,
)  # fmt: skip


async def _request(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        if scope[WAY] is Way.FILE:
            name = await support.write_bundle(desk, scope[NAME])
            return Shown(f"The support bundle is {SHOWN_AS}/{name}.", {"file": name})
        addresses = scope[TO]
        mid = await support.mail_bundle(desk, addresses, scope[DESCRIPTION])
    return Shown("The support bundle is on its way.", {"addresses": [*addresses], "mid": mid})


SUPPORTREQUEST: Final[Command[SettingsDraft]] = Command(
    name="supportrequest", purpose="Make a bundle for support, without secrets",
    where=Where.LOGIN_HOST, has_batch=False, questions=(WAY, NAME, TO, DESCRIPTION), act=_request,
)  # fmt: skip

COMMANDS: Final = (SUPPORTREQUEST,)
