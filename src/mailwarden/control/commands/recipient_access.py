"""`listenerconfig edit ... rcptaccess`: the recipient access table of a listener (mailflow 4)."""

from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.entry_reply import ReplyQuestions, reply_row
from mailwarden.control.commands.listener_words import listener_of, path_of
from mailwarden.control.commands.table_place import TablePlace, place_among
from mailwarden.control.dialogue.declaration import Menu, Operation, RefusedError
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text, YesNo, read_list, write_list
from mailwarden.core.policy.address_forms import ALL, parse_bare_form
from mailwarden.core.policy.entry_line import check_reply
from mailwarden.core.policy.rat import DEFAULT_ENTRY, Rat, RatAction, RatEntry
from mailwarden.core.policy.rat_text import build_rat, build_rat_entry, wider_forms
from mailwarden.core.policy.table_lines import LineNotes, numbered_lines
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.tables import RECIPIENT_ACCESS

_CODES: Final = {RatAction.ACCEPT: 250, RatAction.REJECT: 550}


def _short_form(scope: Settings) -> str:
    """Return what the accepted domains come to."""
    domains = listener_of(scope).accepted_domains
    forms = [parse_bare_form(domain) for domain in domains if domain != ALL]
    default = RatEntry(ALL, RatAction.ACCEPT) if ALL in domains else DEFAULT_ENTRY
    return build_rat(Rat(tuple(RatEntry(form, RatAction.ACCEPT) for form in forms), default))


def _rows(table: Rat) -> list[dict[str, object]]:
    return [
        {
            "address": each.form,
            "action": each.action.value,
            "reply": reply_row(each.reply),
            "bypass_rc": each.bypass_throttle,
            "bypass_la": each.bypass_ldap,
            "bypass_callahead": each.bypass_callahead,
        }
        for each in (*table.entries, table.default)
    ]


RAT: Final = TablePlace(
    form=RECIPIENT_ACCESS,
    path=lambda scope: path_of(scope, "recipient_access"),
    row=_rows,
    short_form=_short_form,
    replaced=("accepted_domains",),
)


def _table(scope: Settings) -> Rat:
    table: Rat = RAT.table(scope)
    return table


def _has_entries(scope: Settings) -> bool:
    return bool(_table(scope).entries)


def _names(scope: Settings) -> list[str]:
    return [each.form for each in _table(scope).entries]


def _fold(text: str) -> str:
    return ALL if text.upper() == ALL else parse_bare_form(text)


def _position(scope: Settings) -> int:
    """Return where the entry that was chosen stands; ALL is behind all others."""
    form, entries = scope[ADDRESS], _table(scope).entries
    return next((at for at, each in enumerate(entries) if each.form == form), len(entries))


def _held(scope: Settings) -> RatEntry | None:
    if not scope.has(ADDRESS):
        return None
    table, at = _table(scope), _position(scope)
    return table.entries[at] if at < len(table.entries) else table.default


def _held_reply(scope: Settings) -> Reply | None:
    held = _held(scope)
    if held is None or held.action is not scope.get(ACTION):
        return None
    return held.reply


def _bypass(key: str, what: str, name: str) -> YesNo:
    return YesNo(
        key=key, prompt=f"Would you like to bypass {what} for this entry?",
        default_from=lambda scope: bool(getattr(_held(scope), name, False)),
        when=lambda scope: scope.get(ACTION) is RatAction.ACCEPT,
    )  # fmt: skip


ADDRESSES: Final = Text(
    key="addresses", of=read_list(parse_bare_form), as_text=write_list, place=Place.WORD,
    prompt="Enter the recipient address for this entry. Domains, .domains for all below them,\n"
    "user@domain, user@ and [address] are allowed. Separate multiple entries with commas.",
    form="addresses and domains with commas",
)  # fmt: skip
ADDRESS: Final = EntryName(
    key="address", prompt="Enter the recipient address of the entry.", of=_fold, place=Place.WORD,
    names_from=lambda scope: [*_names(scope), ALL], form="an address of the table, or ALL",
)  # fmt: skip
REMOVED: Final = EntryName(
    key="address", prompt="Enter the recipient address of the entry.", of=_fold, place=Place.WORD,
    names_from=_names, form="an address of the table",
)  # fmt: skip
ACTION: Final = Choice[RatAction](
    key="action", prompt="Select the action to apply to this address.", place=Place.WORD,
    options=(Option("Accept", RatAction.ACCEPT), Option("Reject", RatAction.REJECT)),
    default_from=lambda scope: held.action if (held := _held(scope)) else RatAction.ACCEPT,
)  # fmt: skip
REPLY: Final = ReplyQuestions(_held_reply, lambda scope: _CODES[scope[ACTION]])
BYPASSES: Final = (
    _bypass("bypass_rc", "receiving control", "bypass_throttle"),
    _bypass("bypass_callahead", "SMTP call-ahead", "bypass_callahead"),
)
DETAILS: Final = (ACTION, *REPLY.questions, *BYPASSES)


def _entry(scope: Settings, form: str) -> RatEntry:
    held, reply = _held(scope), REPLY.reply(scope)
    action = scope[ACTION]
    if reply is not None:
        try:
            check_reply(reply, is_acceptance=action is RatAction.ACCEPT)
        except ValueError as error:
            raise RefusedError(str(error), REPLY.code) from error
    throttle, call_ahead = (scope.get(each) is True for each in BYPASSES)
    keeps_ldap = held is not None and held.bypass_ldap
    return RatEntry(form, action, reply, throttle, keeps_ldap, call_ahead)


def _add(scope: Settings) -> str:
    known = set(_names(scope))
    for form in scope[ADDRESSES]:
        if form in known:
            raise RefusedError(f"There is an entry for {form} already; EDIT changes it.", ADDRESSES)
        known.add(form)
    places, end = {form: at for at, form in reversed([*enumerate(_names(scope))])}, _end(scope)
    lines = [
        (build_rat_entry(_entry(scope, form)), place_among(places, wider_forms(form), end))
        for form in scope[ADDRESSES]
    ]
    return RAT.add_lines(scope, lines)


def _end(scope: Settings) -> int | None:
    """Return the position of ALL where the text has it; None is the end of the text."""
    table = _table(scope)
    return None if table.default is DEFAULT_ENTRY else len(table.entries)


def _edit(scope: Settings) -> str:
    held, at = _held(scope), _position(scope)
    assert held is not None
    entry = _entry(scope, held.form)
    if entry == held:
        return ""
    if held.form == ALL and _end(scope) is None:
        return RAT.add_lines(scope, [(build_rat_entry(entry), None)])
    return RAT.put_line(scope, at, build_rat_entry(entry))


def _remove(scope: Settings) -> str:
    return RAT.drop_line(scope, _position(scope))


def _cleared(text: str) -> str:
    """Return a text with nothing but its comments and ALL."""
    entries = list(numbered_lines(text, LineNotes()))
    gone = {number for number, line in entries if line.partition(" ")[0].upper() != ALL}
    lines = text.split("\n")
    kept = "\n".join(line for number, line in enumerate(lines, start=1) if number not in gone)
    return kept if len(gone) < len(entries) else f"{kept}{build_rat_entry(DEFAULT_ENTRY)}\n"


def _summary(scope: Settings) -> str:
    table = _table(scope)
    return (
        f"Recipient Access Table\nThere are currently {len(table.entries) + 1} entries.\n"
        f"Default Access: {table.default.action.value}"
    )


MENU: Final[Menu[Any]] = Menu(
    summary=_summary,
    operations=(
        Operation(name="NEW", purpose="Create a new entry.", questions=(ADDRESSES, *DETAILS),
                  act=_add),
        Operation(name="EDIT", purpose="Modify an entry.", questions=(ADDRESS, *DETAILS),
                  act=_edit),
        Operation(name="DELETE", purpose="Remove an entry.", questions=(REMOVED,),
                  when=_has_entries, act=_remove),
        RAT.print_operation(),
        RAT.import_operation(),
        RAT.export_operation(),
        RAT.clear_operation(_cleared, when=_has_entries),
    ),
)  # fmt: skip
