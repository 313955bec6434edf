"""`unsubscribe`: recipients that get no mail from here at all (mailflow 7.7)."""

from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.answered import defaults_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.policy.address_forms import build_form, parse_form_or_ip
from mailwarden.core.policy.unsubscribe import UnsubscribeAction, UnsubscribeList
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.mailflow.delivery.tables import UNSUBSCRIBE as FORM

DELIVERY: Final = "delivery"


def _rows(table: UnsubscribeList) -> list[dict[str, object]]:
    return [{"entry": entry} for entry in table.entries]


LIST: Final = TablePlace(form=FORM, path=lambda _: (DELIVERY, "unsubscribe"), row=_rows)


def _entries(scope: Settings) -> tuple[str, ...]:
    entries: tuple[str, ...] = LIST.table(scope).entries
    return entries


def _is_new(scope: Settings, form: str) -> None:
    if form in _entries(scope):
        raise ValueError(f"There is an entry {form} already.")


def _read_form(text: str) -> str:
    return parse_form_or_ip(text.strip())


FORMS: Final = (
    'Partial addresses such as "@example.com" or "user@" are allowed, and "@.example.com" for all\n'
    "below a domain, as are the IP addresses of mail servers."
)
NEW_ENTRY: Final = Text(
    key="address", prompt=f"Enter the unsubscribe key to add.\n{FORMS}", of=_read_form,
    check=_is_new, place=Place.WORD, form="an address, a part of one, or an IP address",
)  # fmt: skip
ENTRY: Final = EntryName(
    key="address", prompt="Enter the entry.", names_from=_entries, of=_read_form,
    place=Place.WORD, form="an entry of the list",
)  # fmt: skip
OTHER: Final = Text(
    key="new_address", prompt=f"Enter what it is to be.\n{FORMS}", of=_read_form, check=_is_new,
    place=Place.WORD, form=NEW_ENTRY.form,
)  # fmt: skip
ACTION: Final = ask_setting(
    DeliverySettings, "unsubscribe_action", key="action",
    prompt="What should become of mail to them?",
    present=lambda scope: scope.draft.section(DELIVERY),
)  # fmt: skip


def _add(scope: Settings) -> str:
    form = scope[NEW_ENTRY]
    return _told(f"{form} is added.", LIST.add_lines(scope, [(build_form(form), None)]))


def _edit(scope: Settings) -> str:
    place = _entries(scope).index(scope[ENTRY])
    news = LIST.put_line(scope, place, build_form(scope[OTHER]))
    return _told(f"{scope[ENTRY]} has become {scope[OTHER]}.", news)


def _delete(scope: Settings) -> str:
    form = scope[ENTRY]
    while form in (entries := _entries(scope)):  # it may stand there twice
        LIST.drop_line(scope, entries.index(form))
    return f"{form} is removed."


def _set_up(scope: Settings) -> str:
    answer = scope[ACTION]
    if answer != {**defaults_of(DeliverySettings), **scope.draft.section(DELIVERY)}[SETTING]:
        scope.draft.put(DELIVERY, SETTING, value=answer)
    return f"Mail to them {_becomes(scope)}."


def _becomes(scope: Settings) -> str:
    held = {**defaults_of(DeliverySettings), **scope.draft.section(DELIVERY)}[SETTING]
    return "is dropped" if held == UnsubscribeAction.DROP.value else "is returned to its sender"


def _told(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _has_entries(scope: Settings) -> bool:
    return bool(_entries(scope))


def _summary(scope: Settings) -> str:
    count = count_of(len(_entries(scope)), "entry")
    return f"Global unsubscribe: {count}. Mail to them {_becomes(scope)}."


SETTING: Final = "unsubscribe_action"
UNSUBSCRIBE: Final[Command[SettingsDraft]] = Command(
    name="unsubscribe", purpose="Update the global unsubscribe list", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new entry.", questions=(NEW_ENTRY,), act=_add),
        Operation(name="EDIT", purpose="Modify an entry.", when=_has_entries,
                  questions=(ENTRY, OTHER), act=_edit),
        Operation(name="DELETE", purpose="Remove an entry.", when=_has_entries,
                  questions=(ENTRY,), act=_delete),
        LIST.print_operation(_has_entries),
        LIST.import_operation(),
        LIST.export_operation(_has_entries),
        Operation(name="SETUP", purpose="Configure general settings.",
                  questions=(ACTION,), act=_set_up),
        LIST.clear_operation(when=_has_entries),
    )),
)  # fmt: skip

COMMANDS: Final = (UNSUBSCRIBE,)
