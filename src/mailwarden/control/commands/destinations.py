"""`destconfig`: destination controls (mailflow 7.2)."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.answered import merged
from mailwarden.control.commands.destination_rows import DELIVERED, DestinationRows
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.exchanged_text import (
    EXPORTED,
    FILES,
    IMPORTED,
    check_import,
    export_text,
    imported_text,
    told,
)
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Confirm, Text
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.features import Feature
from mailwarden.core.patterns import DEFAULT, parse_domain
from mailwarden.core.policy.destinations import NO_LIMIT, DestinationRow
from mailwarden.core.policy.destinations_text import build_destinations, parse_destinations
from mailwarden.mailflow.delivery.settings import DeliverySettings

ALL: Final = "ALL"
AS_DEFAULT: Final = "default"  # the answer that leaves a field to the row DEFAULT
NO_PROFILE: Final = "none"  # the listener's holds; "default" would look like the profile Default
COLUMNS: Final = {
    "max_host_concurrency": "Connections",
    "max_messages_per_connection": "Messages",
    "recipient_limit": "Recipients",
    "tls": "TLS",
    "bounce_validation": "Tagging",
    "bounce_profile": "Bounce profile",
}


def _rows(scope: Settings) -> DestinationRows:
    return DestinationRows(scope.draft)


def _is_new(scope: Settings, name: str) -> None:
    if name in _rows(scope).names:
        raise ValueError(f"There is an entry for {name} already; EDIT changes it.")


def _own(scope: Settings) -> Mapping[str, Any]:
    """Return what the row says that is being edited; nothing of a new one."""
    name = scope.get(DOMAIN)
    rows = _rows(scope)
    return rows.row(name) if name in rows.names else {}


NEW_DOMAIN: Final = Text(
    key="domain", of=parse_domain, check=_is_new, place=Place.WORD,
    prompt="Enter the domain you wish to configure.\n"
    f'Answer "{AS_DEFAULT}" to what follows where it is to be as for all other destinations.',
    form="a domain, or `.domain` for all below it",
)  # fmt: skip
DOMAIN: Final = EntryName(
    key="domain", prompt="Enter the domain.\n"
    f'Answer "{AS_DEFAULT}" to what follows where it is to be as for all other destinations.',
    place=Place.WORD, form="a domain of the table", of=parse_domain,
    names_from=lambda scope: _rows(scope).names,
)  # fmt: skip
REMOVED: Final = EntryName(
    key="domain", prompt="Enter the domain.", place=Place.WORD, form=DOMAIN.form,
    of=parse_domain, names_from=DOMAIN.names_from,
)  # fmt: skip
SHOWN: Final = EntryName(
    key="domain", prompt="Enter the domain to show.", place=Place.WORD, default=ALL,
    form=f"a domain of the table, {DEFAULT} or {ALL}",
    names_from=lambda scope: (ALL, DEFAULT, *_rows(scope).names),
)  # fmt: skip


def _ask_row(*, is_default: bool) -> tuple[Question[Any], ...]:
    """Return the questions for a row, each as its setting says; DEFAULT leaves nothing open."""

    def present(scope: Settings) -> Mapping[str, Any]:
        return _rows(scope).default() if is_default else _own(scope)

    word = "" if is_default else AS_DEFAULT

    def ask(name: str, **more: Any) -> Question[Any]:  # noqa: ANN401  as `ask_setting`
        return ask_setting(DestinationRow, name, present=present, none_word=word, **more)

    limit = ask("recipient_limit")
    questions = [
        ask("max_host_concurrency"),
        ask("max_messages_per_connection"),
        limit,
        ask("recipient_minutes", when=lambda scope: scope[limit] not in (None, NO_LIMIT)),
        ask("limit_type"),
        ask("limit_apply"),
        ask("tls"),
        ask("bounce_validation"),
    ]
    if not is_default:
        profile = ask_name(
            DestinationRow, "bounce_profile", present=present, none_word=NO_PROFILE, empty_word="",
            prompt="Bounce profile that overrides the listener's.",
        )  # fmt: skip
        questions.append(profile)
    return tuple(questions)


ROW: Final = _ask_row(is_default=False)
DEFAULT_ROW: Final = _ask_row(is_default=True)
GLOBALS: Final[tuple[Question[Any], ...]] = (
    ask_name(DeliverySettings, "certificate", present=lambda scope: _rows(scope).globals()),
    ask_setting(
        DeliverySettings, "send_tls_alert", present=lambda scope: _rows(scope).globals(),
        prompt="Do you want an alert when TLS is required for a destination and fails?",
    ),
)  # fmt: skip


def _put(scope: Settings) -> str:
    name = scope[DOMAIN]
    _rows(scope).put(name, merged(scope, ROW, _own(scope), {}))
    return f"The entry for {name} is set."


def _put_default(scope: Settings) -> str:
    rows = _rows(scope)
    rows.put(DEFAULT, merged(scope, DEFAULT_ROW, rows.row(DEFAULT), DELIVERED))
    return "The default is set."


def _set_up(scope: Settings) -> str:
    _rows(scope).put_globals({question.key: scope[question] for question in GLOBALS})
    return "The global settings are set."


def _delete(scope: Settings) -> str:
    _rows(scope).remove(scope[REMOVED])
    return f"The entry for {scope[REMOVED]} is removed."


def _list(scope: Settings) -> Shown:
    rows = list(_rows(scope).rows())
    lines = render_table(
        ("Domain", *COLUMNS.values()),
        [[name, *(_cell(row, key) for key in COLUMNS)] for name, row in rows],
    )
    return Shown("\n".join(lines), {"entries": [{"domain": name, **row} for name, row in rows]})


def _cell(row: Mapping[str, Any], key: str) -> object:
    value = row.get(key)
    if value is None:
        return "(Default)" if key != "bounce_profile" else None
    if key == "recipient_limit":
        minutes = row.get("recipient_minutes")
        behind = f" in {count_of(minutes, 'minute')}" if minutes else ""
        return "no limit" if value == NO_LIMIT else f"{value}{behind}"
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _detail(scope: Settings) -> Shown:
    rows = dict(_rows(scope).rows())
    shown = rows if scope[SHOWN] == ALL else {scope[SHOWN]: rows[scope[SHOWN]]}
    blocks = ["\n".join((name, *_lines(row))) for name, row in shown.items()]
    held = _rows(scope).globals()
    if scope[SHOWN] == ALL:
        blocks.append("\n".join(("All destinations", *_lines(held))))
    data = {"entries": [{"domain": name, **row} for name, row in shown.items()], **held}
    return Shown("\n\n".join(blocks), data)


def _lines(row: Mapping[str, Any]) -> list[str]:
    return [f"  {key}: {_written(value)}" for key, value in row.items()]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value == "" else str(value)


def _import(scope: Settings) -> str:
    text = imported_text(scope)
    read = parse_destinations(text)
    check_import(read.problems)
    rows = _rows(scope)
    rows.take(text, read.table)
    count = count_of(len(read.table.rows), "entry")
    where = DestinationRows(scope.draft).where
    done = f"{count} imported into `{where}`; those that the file does not name are kept."
    return "\n".join((done, *told(read.warnings)))


def _export(scope: Settings) -> Shown:
    return export_text(
        scope, "table of destination controls", build_destinations(_rows(scope).table())
    )


def _clear(scope: Settings) -> str:
    _rows(scope).clear()
    return "All entries but the default are removed."


def _has_rows(scope: Settings) -> bool:
    return bool(_rows(scope).names)


def _summary(scope: Settings) -> str:
    rows = _rows(scope)
    count = count_of(len(rows.names), "entry")
    off = off_note(scope, Feature.DANE, Feature.MTA_STS, Feature.TLS_REPORTS)
    return f"{off}Destination controls: {count} besides {DEFAULT}, in `{rows.where}`."


DESTCONFIG: Final[Command[SettingsDraft]] = Command(
    name="destconfig", purpose="Configure destination controls", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="SETUP", purpose="Change global settings.",
                  questions=GLOBALS, act=_set_up),
        Operation(name="NEW", purpose="Create a new entry.",
                  questions=(NEW_DOMAIN, *ROW), act=_put),
        Operation(name="EDIT", purpose="Modify an entry.", when=_has_rows,
                  questions=(DOMAIN, *ROW), act=_put),
        Operation(name="DELETE", purpose="Remove an entry.", when=_has_rows,
                  questions=(REMOVED,), act=_delete),
        Operation(name="DEFAULT", purpose="Change the default.",
                  questions=DEFAULT_ROW, act=_put_default),
        Operation(name="LIST", purpose="Display a summary of all entries.", act=_list),
        Operation(name="DETAIL", purpose="Display details of one destination or of all.",
                  questions=(SHOWN,), act=_detail),
        Operation(name="CLEAR", purpose="Remove all entries.", when=_has_rows, act=_clear,
                  confirm=Confirm(key="sure",
                                  prompt="Are you sure you want to remove all entries?")),
        Operation(name="IMPORT", purpose="Import entries from a file.", permission=FILES,
                  questions=(IMPORTED,), act=_import),
        Operation(name="EXPORT", purpose="Export all entries to a file.", permission=FILES,
                  questions=(EXPORTED,), act=_export),
    )),
)  # fmt: skip

COMMANDS: Final = (DESTCONFIG,)
