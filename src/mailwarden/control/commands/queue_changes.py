"""`delivernow`, `deleterecipients`, `bouncerecipients` and the others that change the queue."""

from collections.abc import Awaitable, Callable
from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.queue_selection import MID, MailChoice, Way
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text
from mailwarden.control.operations import queue
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.queue import Handled, Selection
from mailwarden.core.patterns import parse_domain
from mailwarden.mailflow.delivery.redirects import parse_relay

CANCEL: Final = "cancel"
_WARNING: Final = (
    "WARNING: a host that is not prepared to accept this mail from this gateway lets it be "
    "returned\nto its senders. "
)

_DELETED: Final = MailChoice("delete")
_BOUNCED: Final = MailChoice("bounce")

RETRIED: Final = Choice[Way](
    key="by", prompt="Please choose an option for scheduling immediate delivery.",
    place=Place.WORD, default=Way.HOST,
    options=(
        Option(Way.HOST.value, Way.HOST, "By recipient domain."),
        Option(Way.ALL.value, Way.ALL, "All messages."),
    ),
)  # fmt: skip
DOMAIN: Final = Text(
    key="domain", prompt="Please enter the domain to schedule.", of=parse_domain,
    place=Place.WORD, form="a recipient domain", when=lambda scope: scope[RETRIED] is Way.HOST,
)  # fmt: skip


def _parse_relay(text: str) -> str | None:
    relay = text.strip().lower()
    parse_relay(relay)
    return relay


RELAY: Final = Text[str | None](
    key="relay",
    prompt="Please enter the hostname or IP address of the machine you want to send all mail to, "
    f'or "{CANCEL}"\nto send redirected mail where it belongs.',
    doc=f"where all mail goes that is queued now; {CANCEL} ends all redirects",
    of=_parse_relay, place=Place.WORD, form=f"a host, host:port, or {CANCEL}", none_word=CANCEL,
)  # fmt: skip


async def _deliver_now(scope: Settings) -> Shown:
    domain = scope.get(DOMAIN) or ""
    with refused_as_told():
        count = await queue.deliver_now(scope.draft.desk, domain)
    shown = count_of(count, "delivery").replace("deliverys", "deliveries")
    what = f'messages to "{domain}"' if domain else "messages"
    return Shown(f"Scheduling all {what} for delivery: {shown}.", {"deliveries": count})


async def _delete(scope: Settings) -> Shown:
    return await _change(scope, "Deleting", "deleted", queue.delete, _DELETED.selection(scope))


async def _bounce(scope: Settings) -> Shown:
    return await _change(scope, "Bouncing", "bounced", queue.bounce, _BOUNCED.selection(scope))


async def _change(
    scope: Settings,
    doing: str,
    done: str,
    operation: Callable[[Desk, Selection], Awaitable[Handled]],
    selection: Selection,
) -> Shown:
    scope.say(f"{doing} messages, please wait.")
    await scope.drain()
    with refused_as_told():
        handled = await operation(scope.draft.desk, selection)
    return _told(handled, done)


def _told(handled: Handled, done: str) -> Shown:
    lines = [f"{count_of(handled.messages, 'message')} {done}."]
    if handled.unreadable:
        unread = count_of(handled.unreadable, "message")
        lines.append(f"{unread} could not be read and were left alone; the mail log says why.")
    return Shown("\n".join(lines), handled._asdict())


async def _redirect(scope: Settings) -> Shown:
    desk, relay = scope.draft.desk, scope[RELAY]
    if relay is None:
        with refused_as_told():
            cancelled = await queue.cancel_redirects(desk)
        text = "Mail goes where it belongs again." if cancelled else "No mail is redirected."
        return Shown(text, {"cancelled": cancelled})
    scope.say("Redirecting messages, please wait.")
    await scope.drain()
    with refused_as_told():
        counted = await queue.count(desk, "redirectrecipients")
        number = await queue.redirect(desk, relay)
    text = f"{count_of(counted.recipients, 'recipient')} redirected."
    return Shown(text, {**counted._asdict(), "redirect": number, "to": relay})


async def _remove(scope: Settings) -> Shown:
    mid = scope[MID]
    with refused_as_told():
        handled = await queue.delete(scope.draft.desk, Selection(mids=(mid,)))
    if not handled.messages:
        raise RefusedError(f"MID {mid} is not in a queue that can be changed.")
    return Shown(f"MID {mid} removed.", handled._asdict())


async def _reset(scope: Settings) -> Shown | str:
    desk = scope.draft.desk
    with refused_as_told():
        counted = await queue.count(desk, "resetqueue", everything=True)
    if not counted.messages:
        return "The queue is empty."
    shown = count_of(counted.messages, "message")
    first = Confirm(key="sure", prompt=f"Are you sure you want to delete all {shown} in the queue?")
    if not (await scope.ask(first) and await scope.ask(REALLY)):
        return "Nothing was changed."
    with refused_as_told():
        handled = await queue.reset(desk)
    return _told(handled, "deleted")


REALLY: Final = Confirm(
    key="really", prompt="It is all the mail that this gateway holds. Are you really sure?"
)

DELIVERNOW: Final[Command[SettingsDraft]] = Command(
    name="delivernow", purpose="Try delivery at once, whatever the retry schedule says",
    where=Where.MACHINE, questions=(RETRIED, DOMAIN), act=_deliver_now,
)  # fmt: skip
DELETERECIPIENTS: Final[Command[SettingsDraft]] = Command(
    name="deleterecipients", purpose="Delete messages from the queue", where=Where.MACHINE,
    questions=_DELETED.questions, confirm=_DELETED.confirm(), act=_delete,
)  # fmt: skip
BOUNCERECIPIENTS: Final[Command[SettingsDraft]] = Command(
    name="bouncerecipients", purpose="Bounce messages from the queue", where=Where.MACHINE,
    questions=_BOUNCED.questions, confirm=_BOUNCED.confirm(), act=_bounce,
)  # fmt: skip
REDIRECTRECIPIENTS: Final[Command[SettingsDraft]] = Command(
    name="redirectrecipients", purpose="Redirect all queued messages to another host",
    where=Where.MACHINE, questions=(RELAY,), act=_redirect,
    confirm=Confirm(
        key="sure", when=lambda scope: scope[RELAY] is not None,
        prompt=lambda scope: f"{_WARNING}Are you sure you want to redirect all mail in the queue "
        f'to "{scope[RELAY]}"?',
    ),
)  # fmt: skip
REMOVEMESSAGE: Final[Command[SettingsDraft]] = Command(
    name="removemessage", purpose="Remove a message from the queue", where=Where.MACHINE,
    questions=(MID,), act=_remove,
    confirm=Confirm(
        key="sure", prompt=lambda scope: f"Are you sure you want to remove message {scope[MID]}?"
    ),
)  # fmt: skip
RESETQUEUE: Final[Command[SettingsDraft]] = Command(
    name="resetqueue", purpose="Delete every message in the queue, while offline",
    where=Where.MACHINE, has_batch=False, act=_reset,
)  # fmt: skip

COMMANDS: Final = (
    DELIVERNOW, DELETERECIPIENTS, BOUNCERECIPIENTS, REDIRECTRECIPIENTS, REMOVEMESSAGE, RESETQUEUE,
)  # fmt: skip
