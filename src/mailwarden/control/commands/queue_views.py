"""`showrecipients`, `showmessage`, `oldmessage`, `archivemessage`: looking at queued mail."""

from collections.abc import Iterator
from typing import Final

from mailwarden.control.answers.messages import Message, render_whole
from mailwarden.control.answers.table import count_of, human_size
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.queue_selection import MID, MailChoice
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.operations import queue
from mailwarden.system.log.escape import escape

LISTED_MAX: Final = 5000  # messages of each worker

_SHOWN: Final = MailChoice("show")
_HEADS: Final = (
    f"{'MID/':<12}{'Bytes/':<10}{'Sender/':<40}Subject",
    f"{'[RID]':<12}{'[Atmps]':<10}Recipient",
)


async def _recipients(scope: Settings) -> Shown:
    scope.say("Showing messages, please wait.")
    await scope.drain()
    with refused_as_told():
        listed = await queue.messages(scope.draft.desk, _SHOWN.selection(scope), LISTED_MAX)
    lines = ["", *_HEADS] if listed.messages else []
    for message in listed.messages:
        lines += ["", *_listed(message)]
    told = count_of(len(listed.messages), "message")
    lines += ["", f"{told} and more." if listed.is_more else f"{told} listed."]
    data = {"messages": list(listed.messages), "is_more": listed.is_more}
    return Shown("\n".join(lines), data)


def _listed(message: Message) -> Iterator[str]:
    sender = escape(str(message.get("sender") or "")) or "<>"
    subject = escape(str(message.get("subject") or ""))
    yield (
        f"{message.get('mid', ''):<12}{message.get('size', ''):<10}{sender:<39} {subject}".rstrip()
    )
    rids, names = message.get("rids") or (), message.get("recipients") or ()
    for rid, name in zip(rids, names, strict=False):
        number, attempts = f"[{rid}]", f"[{message.get('attempts', 0)}]"
        yield f"{number:<12}{attempts:<10}{escape(str(name))}"
    more = int(message.get("recipients_open") or 0) - len(rids)
    if more > 0:
        yield f"{'':<22}and {more} more"
    if message.get("hold"):
        yield f"{'':<22}held: {escape(str(message['hold']))}"


async def _message(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        message = await queue.show(desk, scope[MID])
    return Shown("\n".join(render_whole(message, desk.administration.clock.time())), dict(message))


async def _oldest(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        message = await queue.oldest(desk)
    if message is None:
        return Shown("No message is waiting for delivery.", None)
    return Shown("\n".join(render_whole(message, desk.administration.clock.time())), dict(message))


async def _archive(scope: Settings) -> Shown:
    mid = scope[MID]
    with refused_as_told():
        archived = await queue.archive(scope.draft.desk, mid)
    name, size = archived.path.name, human_size(archived.size)
    text = f"MID {mid} has been saved in file {name} in the configuration directory, {size} bytes."
    return Shown(text, {"mid": mid, "file": name, "bytes": archived.size})


SHOWRECIPIENTS: Final[Command[SettingsDraft]] = Command(
    name="showrecipients", purpose="Show messages from the queue", where=Where.MACHINE,
    questions=_SHOWN.questions, act=_recipients,
)  # fmt: skip
SHOWMESSAGE: Final[Command[SettingsDraft]] = Command(
    name="showmessage", purpose="Show a message: envelope, recipients, header",
    where=Where.MACHINE, questions=(MID,), act=_message,
)  # fmt: skip
OLDMESSAGE: Final[Command[SettingsDraft]] = Command(
    name="oldmessage", purpose="Show the message that has waited for the longest time",
    where=Where.MACHINE, act=_oldest,
)  # fmt: skip
ARCHIVEMESSAGE: Final[Command[SettingsDraft]] = Command(
    name="archivemessage", purpose="Save a message as a mailbox file; it stays in the queue",
    where=Where.MACHINE, questions=(MID,), act=_archive,
)  # fmt: skip

COMMANDS: Final = (SHOWRECIPIENTS, SHOWMESSAGE, OLDMESSAGE, ARCHIVEMESSAGE)
