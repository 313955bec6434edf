"""`destconfig`: destination controls, as a command of the prompt."""

from collections.abc import Mapping
from typing import Any

from mailwarden.control.config.dump import plain_settings
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text, YesNo, read_text
from mailwarden.control.dialogue.scope import Scope
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.core.patterns import DEFAULT, parse_destination
from mailwarden.core.policy.destinations import (
    DestinationRow,
    DestinationTls,
    LimitApply,
    LimitType,
    table_of,
)
from mailwarden.core.policy.destinations_text import build_destinations, parse_destinations
from tests.unit.control.dialogue.office import FILE, TreeDraft, accepted

ROWS = "destinations"
Desk = Scope[TreeDraft]
FIELDS = (
    "max_host_concurrency", "max_messages_per_connection", "recipient_limit", "recipient_minutes",
    "limit_type", "limit_apply", "tls", "bounce_validation", "bounce_profile",
)  # fmt: skip


def rows(desk: Desk) -> Mapping[str, Any]:
    return desk.draft.section(ROWS)


def is_new(desk: Desk, name: str) -> None:
    if name in rows(desk):
        raise ValueError(f"there is an entry for {name} already; EDIT changes it")


NEW_DOMAIN = Text(
    key="domain", prompt="Enter the domain you wish to configure.", of=parse_destination,
    check=is_new, place=Place.WORD, form="a domain, or .domain for all below it",
)  # fmt: skip
DOMAIN = Choice[str](
    key="domain", prompt="Choose the domain.", place=Place.WORD, form="a domain of the table",
    options_from=lambda desk: [Option(name, name) for name in rows(desk) if name != DEFAULT],
)  # fmt: skip
ROW = ask_settings(
    DestinationRow, FIELDS, none_word=DEFAULT,
    present=lambda desk: rows(desk).get(desk.get(DOMAIN) or ""),
)  # fmt: skip
DEFAULT_ROW = ask_settings(
    DestinationRow, FIELDS, none_word="unset", present=lambda desk: rows(desk).get(DEFAULT)
)
ALERT = YesNo(
    key="send_tls_alert", prompt="Do you wish to be alerted when required TLS fails?",
    default_from=lambda desk: desk.draft.section("delivery").get("send_tls_alert", False),
)  # fmt: skip
CERTIFICATE = Text(
    key="certificate", prompt="Enter the name of the certificate to show, or leave it empty.",
    of=read_text, default_from=lambda desk: desk.draft.section("delivery").get("certificate", ""),
)  # fmt: skip


def set_row(desk: Desk) -> None:
    answers = {each.key: desk[each] for each in ROW}
    row = {key: value for key, value in answers.items() if value is not None}
    desk.draft.put(ROWS, desk.get(DOMAIN) or DEFAULT, row)


def set_up(desk: Desk) -> None:
    delivery = {"send_tls_alert": desk[ALERT], "certificate": desk[CERTIFICATE]}
    desk.draft.replace("delivery", {**desk.draft.section("delivery"), **delivery})


def typed(row: Mapping[str, Any]) -> DestinationRow:
    kinds: dict[str, Any] = {
        "limit_type": LimitType, "limit_apply": LimitApply, "tls": DestinationTls,
    }  # fmt: skip
    return DestinationRow(
        **{key: kinds[key](held) if key in kinds else held for key, held in row.items()}
    )


def list_rows(desk: Desk) -> Shown:
    lines = [f"{name.ljust(30)}{row.get('tls', 'default')}" for name, row in rows(desk).items()]
    return Shown("\n".join(lines) or "There are no entries.", dict(rows(desk)))


def show_row(desk: Desk) -> Shown:
    row = rows(desk)[desk[DOMAIN]]
    return Shown("\n".join(f"{key}: {value}" for key, value in row.items()), row)


def import_rows(desk: Desk) -> str:
    read = accepted(parse_destinations(desk.draft.read_file(desk[FILE])))
    found = {name: plain_settings(row, with_defaults=False) for name, row in read.rows}
    default = plain_settings(read.default, with_defaults=False)
    desk.draft.replace(ROWS, {DEFAULT: default, **found})
    return f"{len(found) + 1} entries imported."


def export_rows(desk: Desk) -> str:
    table = table_of({name: typed(row) for name, row in rows(desk).items()})
    desk.draft.files[desk[FILE]] = build_destinations(table)
    return f"{len(table.rows) + 1} entries exported."


def has_rows(desk: Desk) -> bool:
    return any(name != DEFAULT for name in rows(desk))


DESTCONFIG: Command[TreeDraft] = Command(
    name="destconfig", purpose="Configure destination controls", permission="configure",
    commit=Commit.NEEDED,
    menu=Menu(
        summary=lambda desk: f"There are {len(rows(desk))} entries configured.",
        operations=(
            Operation(name="SETUP", purpose="Change global settings.",
                      questions=(CERTIFICATE, ALERT), act=set_up),
            Operation(name="NEW", purpose="Create a new entry.",
                      questions=(NEW_DOMAIN, *ROW), act=set_row),
            Operation(name="EDIT", purpose="Modify an entry.", when=has_rows,
                      questions=(DOMAIN, *ROW), act=set_row),
            Operation(name="DELETE", purpose="Remove an entry.", when=has_rows,
                      questions=(DOMAIN,), act=lambda desk: desk.draft.remove(ROWS, desk[DOMAIN])),
            Operation(name="DEFAULT", purpose="Change the default.",
                      questions=DEFAULT_ROW, act=set_row),
            Operation(name="LIST", purpose="Display a summary of all entries.", act=list_rows),
            Operation(name="DETAIL", purpose="Display one entry.", when=has_rows,
                      questions=(DOMAIN,), act=show_row),
            Operation(name="CLEAR", purpose="Remove all entries.", when=has_rows,
                      confirm=Confirm(key="sure", prompt="Are you sure you want to remove all?"),
                      act=lambda desk: desk.draft.replace(ROWS, {})),
            Operation(name="IMPORT", purpose="Replace all entries by those of a file.",
                      questions=(FILE,), act=import_rows),
            Operation(name="EXPORT", purpose="Write all entries to a file.", when=has_rows,
                      questions=(FILE,), act=export_rows),
        ),
    ),
)  # fmt: skip
