"""`exceptionconfig`: senders that are let in unverified, or never (mailflow 3.8)."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.entry_reply import ReplyQuestions, reply_row
from mailwarden.control.commands.table_place import TablePlace, place_among
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text, read_list, write_list
from mailwarden.core.patterns import parse_mailbox
from mailwarden.core.policy.address_forms import parse_form
from mailwarden.core.policy.entry_line import check_reply
from mailwarden.core.policy.exceptions import (
    DEFAULT_REPLY,
    ExceptionAction,
    ExceptionIndex,
    ExceptionTable,
    SenderException,
    build_exception,
)
from mailwarden.core.policy.rat_text import wider_forms
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.tables import SENDER_EXCEPTIONS


def _row(entry: SenderException) -> dict[str, object]:
    return {
        "sender": entry.form,
        "action": entry.action.value,
        "reply": reply_row(entry.reply),
    }


TABLE: Final = TablePlace(
    form=SENDER_EXCEPTIONS,
    path=lambda _: ("inbound", "sender_exceptions"),
    row=lambda table: [_row(each) for each in table.entries],
)


def _table(scope: Settings) -> ExceptionTable:
    table: ExceptionTable = TABLE.table(scope)
    return table


def _has_entries(scope: Settings) -> bool:
    return bool(_table(scope).entries)


def _names(scope: Settings) -> list[str]:
    return [each.form for each in _table(scope).entries]


def _held(scope: Settings) -> SenderException | None:
    if not scope.has(SENDER):
        return None
    return _table(scope).entries[_position(scope)]


def _position(scope: Settings) -> int:
    return _names(scope).index(scope[SENDER])


def _held_reply(scope: Settings) -> Reply | None:
    held = _held(scope)
    return None if held is None else held.reply


SENDERS: Final = Text(
    key="senders", of=read_list(parse_form), as_text=write_list, place=Place.WORD,
    prompt="Enter the sender addresses, with commas: user@domain, user@, @domain, @.domain,\n"
    "user@[address].",
    form="sender addresses with commas",
)  # fmt: skip
SENDER: Final = EntryName(
    key="sender", prompt="Enter the sender address of the entry.", names_from=_names,
    of=parse_form, place=Place.WORD, form="a sender address of the table",
)  # fmt: skip
ACTION: Final = Choice[ExceptionAction](
    key="action", prompt="Choose what is done with these senders.", place=Place.WORD,
    options=(Option("Allow", ExceptionAction.ALLOW), Option("Reject", ExceptionAction.REJECT)),
    default_from=lambda scope: held.action if (held := _held(scope)) else ExceptionAction.ALLOW,
)  # fmt: skip
REPLY: Final = ReplyQuestions(
    _held_reply, lambda _: DEFAULT_REPLY.code,
    when=lambda scope: scope.get(ACTION) is ExceptionAction.REJECT,
)  # fmt: skip
SEARCHED: Final = Text(
    key="address", prompt="Enter a sender address to look for.", of=parse_mailbox,
    place=Place.WORD, form="an address",
)  # fmt: skip


def _entry(scope: Settings, form: str) -> SenderException:
    reply = REPLY.reply(scope)
    if reply is not None:
        try:
            check_reply(reply, is_acceptance=False)
        except ValueError as error:
            raise RefusedError(str(error), REPLY.code) from error
    return SenderException(form, scope[ACTION], reply)


def _add(scope: Settings) -> str:
    places = {form: at for at, form in reversed([*enumerate(_names(scope))])}
    senders: tuple[str, ...] = scope[SENDERS]
    for form in senders:
        if form in places:
            raise RefusedError(f"There is an entry for {form} already; EDIT changes it.", SENDERS)
    lines = [
        (build_exception(_entry(scope, form)), place_among(places, _wider(form), None))
        for form in dict.fromkeys(senders)
    ]
    return TABLE.add_lines(scope, lines)


def _wider(form: str) -> list[str]:
    """Return all forms that match whatever `form` matches; a domain has an @ in front here."""
    return [each if "@" in each else f"@{each}" for each in wider_forms(form.removeprefix("@"))]


def _edit(scope: Settings) -> str:
    entry = _entry(scope, scope[SENDER])
    if entry == _held(scope):
        return ""
    return TABLE.put_line(scope, _position(scope), build_exception(entry))


def _remove(scope: Settings) -> str:
    return TABLE.drop_line(scope, _position(scope))


def _search(scope: Settings) -> Shown:
    found = TABLE.read(scope).indexed(ExceptionIndex).find(scope[SEARCHED])
    if found is None:
        return Shown("No entry matches this sender.", None)
    return Shown(build_exception(found), _row(found))


EXCEPTIONCONFIG: Final[Command[SettingsDraft]] = Command(
    name="exceptionconfig", purpose="Configure the sender verification exception table",
    commit=Commit.NEEDED,
    menu=Menu(
        summary=lambda scope: f"Entries: {len(_table(scope).entries)}",
        operations=(
            Operation(name="NEW", purpose="Create a new entry.", act=_add,
                      questions=(SENDERS, ACTION, *REPLY.questions)),
            Operation(name="EDIT", purpose="Modify an entry.", act=_edit, when=_has_entries,
                      questions=(SENDER, ACTION, *REPLY.questions)),
            Operation(name="DELETE", purpose="Remove an entry.", act=_remove, when=_has_entries,
                      questions=(SENDER,)),
            TABLE.print_operation(_has_entries),
            Operation(name="SEARCH", purpose="Find the entry for a sender.", act=_search,
                      questions=(SEARCHED,), when=_has_entries),
            TABLE.clear_operation(when=_has_entries),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (EXCEPTIONCONFIG,)
