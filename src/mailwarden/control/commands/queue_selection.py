"""Which mail is meant: the dialogue that queue commands share (admin 1.7)."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    read_list,
)
from mailwarden.control.operations.queue import Selection
from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.patterns import parse_domain

NULL_SENDER: Final = "<>"
MID_MAX: Final = 10**18


class Way(Enum):
    """By what mail is selected; the value is the word of a batch line."""

    HOST = "host"
    SENDER = "sender"
    ALL = "all"


def parse_sender(text: str) -> str:
    """Return an envelope sender in lower case, `@dom.example` for a whole domain, or `<>`.

    Raises:
        ValueError: it is none of them.
    """
    sender = text.strip().lower()
    if sender == NULL_SENDER:
        return sender
    sender = sender.removeprefix("<").removesuffix(">")
    _, at, domain = sender.rpartition("@")
    if not at or not domain or any(character.isspace() for character in sender):
        raise ValueError(
            f"{text[:SHOWN_LENGTH_MAX]!r} is not an address; write ann@dom.example, @dom.example "
            "for all of a domain, or <> for bounces"
        )
    return sender


MID: Final = Number(
    key="mid", prompt="Enter the MID of the message.", doc="message ID, as in the mail log",
    minimum=1, maximum=MID_MAX, place=Place.WORD,
)  # fmt: skip


class MailChoice:
    """The questions of one command; `verb` is what it does: `delete`, `bounce`, `show`."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self.way: Final = Choice[Way](
            key="by", prompt=f"Please select how you would like to {verb} messages:",
            place=Place.WORD, default=Way.HOST,
            options=(
                Option(Way.HOST.value, Way.HOST, "By recipient domain."),
                Option(Way.SENDER.value, Way.SENDER, "By Envelope From address."),
                Option(Way.ALL.value, Way.ALL, "All."),
            ),
        )  # fmt: skip
        self.hosts: Final = Text[tuple[str, ...]](
            key="hosts", prompt=f"Please enter the hostnames for the messages you wish to {verb}.",
            of=read_list(parse_domain), as_text=", ".join, place=Place.WORD,
            form="recipient domains, with commas", when=self._is(Way.HOST),
        )  # fmt: skip
        self.sender: Final = Text(
            key="sender",
            prompt=f"Please enter the Envelope From address for the messages you wish to {verb}.",
            of=parse_sender, place=Place.WORD, form="an address, @domain or <>",
            when=self._is(Way.SENDER),
        )  # fmt: skip
        self.questions: Final[tuple[Question[Any], ...]] = (self.way, self.hosts, self.sender)

    def confirm(self) -> Confirm:
        """Return the question before something that cannot be undone."""
        return Confirm(key="sure", prompt=self._confirmation)

    def selection(self, scope: Settings) -> Selection:
        """Return what was answered."""
        return Selection(
            hosts=scope.get(self.hosts) or (),
            senders=(scope[self.sender],) if scope.has(self.sender) else (),
        )

    def _is(self, way: Way) -> Callable[[Any], bool]:
        return lambda scope: scope[self.way] is way

    def _confirmation(self, scope: Settings) -> str:
        if scope.has(self.hosts):
            hosts: tuple[str, ...] = scope[self.hosts]
            whose = f'messages being delivered to "{", ".join(hosts)}"'
        elif scope.has(self.sender):
            whose = f'messages with the Envelope From address of "{scope[self.sender]}"'
        else:
            whose = "messages in the delivery queue"
        return f"Are you sure you want to {self._verb} all {whose}?"
