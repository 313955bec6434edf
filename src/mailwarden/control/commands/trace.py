"""`trace`: what would become of a message, in a dialogue (admin 1.6.5)."""

from enum import Enum
from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.queue_selection import MID_MAX
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import UNSET, Unset
from mailwarden.control.dialogue.questions import (
    Choice,
    Lines,
    Number,
    Option,
    Text,
    YesNo,
    read_list,
    write_list,
)
from mailwarden.control.operations import tracing
from mailwarden.control.operations.exchange import parse_file_name, read_import
from mailwarden.control.operations.tracer import TracedMail
from mailwarden.control.operations.tracing import CONTENT_BYTES_MAX, StoredMail
from mailwarden.core.hostport import parse_hostname
from mailwarden.core.patterns import parse_ip_address

WORD_LENGTH_MAX: Final = 1000
SCORE_MAX: Final = 10.0
UNKNOWN: Final = "find out"
SAMPLE: Final = "Subject: Trace\n\nTrace.\n"


class Origin(Enum):
    """Where the message comes from."""

    PASTE = "paste"
    FILE = "file"
    QUEUE = "queue"


def parse_envelope_address(text: str) -> str:
    """Return an address without angle brackets; `<>` is the sender of bounces.

    Raises:
        ValueError: it has what no address has.
    """
    address = text.strip()
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1].strip()
    if len(address) > WORD_LENGTH_MAX or not address.isprintable() or " " in address:
        raise ValueError(f"{text[:60]!r} is not an address")
    return address


def _recipient(text: str) -> str:
    address = parse_envelope_address(text)
    if not address:
        raise ValueError("an address is needed")
    return address


def _score(text: str) -> float | None:
    word = text.strip().casefold()
    if word in (UNKNOWN, "n/a", ""):
        return None
    score = float(word)
    if not -SCORE_MAX <= score <= SCORE_MAX:  # no number is within nothing
        raise ValueError(f"a score is from -{SCORE_MAX:g} to {SCORE_MAX:g}")
    return score


def _client_name(text: str) -> str | None:
    word = text.strip()
    return None if word.casefold() in (UNKNOWN, "") else parse_hostname(word)


def _helo(text: str) -> str:
    word = text.strip()
    if len(word) > WORD_LENGTH_MAX or not word.isprintable():
        raise ValueError("that is no name for HELO")
    return word


def _stored(scope: Settings) -> StoredMail | None:
    return scope.get(STORED)


def _client(scope: Settings) -> str | Unset:
    stored = _stored(scope)
    return UNSET if stored is None or not stored.client_address else stored.client_address


def _listener(scope: Settings) -> str:
    stored = _stored(scope)
    names = [listener.name for listener in scope.draft.desk.administration.config.listeners]
    return stored.listener if stored is not None and stored.listener in names else names[0]


def _recipients(scope: Settings) -> tuple[str, ...] | Unset:
    stored = _stored(scope)
    return UNSET if stored is None or not stored.recipients else stored.recipients


def _sender(scope: Settings) -> str | Unset:
    stored = _stored(scope)
    return UNSET if stored is None else stored.sender


ORIGIN: Final = Choice[Origin](
    key="origin", prompt="Where is the message to come from?", default=Origin.PASTE,
    options=(
        Option(Origin.PASTE.value, Origin.PASTE, "Enter or paste it."),
        Option(Origin.FILE.value, Origin.FILE, "Load it from a file of /configuration."),
        Option(Origin.QUEUE.value, Origin.QUEUE, "Take a message of the queue."),
    ),
)  # fmt: skip
MID: Final = Number(
    key="mid", prompt="Enter the Message ID.", minimum=1, maximum=MID_MAX,
)  # fmt: skip
FILE: Final = Text(
    key="file", prompt="Enter the name of the file.", of=parse_file_name, form="name of a file"
)  # fmt: skip
CONTENT: Final = Lines[str](
    key="content", prompt="Enter or paste the message here.", of=str, default=SAMPLE,
    form="the lines of a message",
)  # fmt: skip
CLIENT: Final = Text(
    key="client", prompt="Enter the source IP:", of=parse_ip_address, default_from=_client,
    form="an IP address",
)  # fmt: skip
CLIENT_NAME: Final = Text[str | None](
    key="client_name", prompt="Enter the fully qualified domain name of the source IP:",
    of=_client_name, default=None, none_word=UNKNOWN, form="a host name",
)  # fmt: skip
HELO: Final = Text(
    key="helo", prompt="Enter what it says in HELO:", of=_helo, form="a name",
    default_from=lambda scope: stored.helo if (stored := _stored(scope)) else "",
)  # fmt: skip
LISTENER: Final = Choice[str](
    key="listener", prompt="Select the listener to trace behavior on:", default_from=_listener,
    options_from=lambda scope: [
        Option(listener.name, listener.name)
        for listener in scope.draft.desk.administration.config.listeners
    ],
)  # fmt: skip
SCORE: Final = Text[float | None](
    key="score", prompt="Enter the reputation score of the source IP:", of=_score, default=None,
    none_word=UNKNOWN, form="a number from -10 to 10",
)  # fmt: skip
SENDER: Final = Text(
    key="sender", prompt="Enter the Envelope Sender address (<> for a bounce):",
    of=parse_envelope_address, as_text=lambda sender: sender or "<>", default_from=_sender,
)  # fmt: skip
RECIPIENTS: Final = Text[tuple[str, ...]](
    key="recipients", of=read_list(_recipient), as_text=write_list, default_from=_recipients,
    prompt="Enter the Envelope Recipient addresses. Separate multiple addresses by commas.",
)  # fmt: skip
WITH_PENDING: Final = YesNo(
    key="with_pending", prompt="Do you want to trace with your pending changes?", default=True
)  # fmt: skip
STORED: Final = Text[StoredMail | None](  # never asked: where the message of the queue is kept
    key="stored", prompt="", of=lambda _text: None, is_asked=False, default=None,
)  # fmt: skip


async def _trace(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        desk.require("trace")
        content = await _content(scope)
        mail = TracedMail(
            client_address=await scope.ask(CLIENT),
            client_name=await scope.ask(CLIENT_NAME),
            helo=await scope.ask(HELO),
            listener=await scope.ask(LISTENER),
            score=await scope.ask(SCORE),
            sender=await scope.ask(SENDER),
            recipients=await scope.ask(RECIPIENTS),
            content=content,
        )
        with_pending = bool(desk.pending_changes()) and await scope.ask(WITH_PENDING)
        traced = await tracing.trace(desk, mail, with_pending=with_pending)
    return Shown(traced.text, traced.data)


async def _content(scope: Settings) -> bytes:
    """Return the message; the envelope of one of the queue is where defaults come from."""
    desk = scope.draft.desk
    match await scope.ask(ORIGIN):
        case Origin.QUEUE:
            stored = await tracing.stored_mail(desk, await scope.ask(MID))
            scope.put(STORED, stored)
            return stored.content
        case Origin.FILE:
            return read_import(desk, await scope.ask(FILE), bytes_max=CONTENT_BYTES_MAX)
        case _:
            text = await scope.ask(CONTENT)
            return text.encode("utf-8", "surrogateescape")


TRACE: Final[Command[SettingsDraft]] = Command(
    name="trace", purpose="Trace the flow of a message through the system", where=Where.MACHINE,
    has_batch=False, act=_trace,
)  # fmt: skip

COMMANDS: Final = (TRACE,)
