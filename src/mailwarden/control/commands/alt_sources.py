"""`altsrchost`: which virtual gateway some mail leaves from (mailflow 7.4)."""

from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.naming import known_names
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.core.policy.address_forms import build_form, parse_form_or_ip
from mailwarden.core.policy.alt_sources import GATEWAYS, AltSource, AltSources
from mailwarden.mailflow.delivery.tables import ALT_SOURCES


def _rows(table: AltSources) -> list[dict[str, object]]:
    return [{"key": entry.key, "interface": entry.gateway} for entry in table.entries]


TABLE: Final = TablePlace(
    form=ALT_SOURCES, path=lambda _: ("delivery", "alt_sources"), row=_rows
)  # fmt: skip


def _entries(scope: Settings) -> tuple[AltSource, ...]:
    entries: tuple[AltSource, ...] = TABLE.table(scope).entries
    return entries


def _keys(scope: Settings) -> list[str]:
    return [entry.key for entry in _entries(scope)]


def _is_new(scope: Settings, key: str) -> None:
    if key in _keys(scope):
        raise ValueError(f"There is a mapping for {key} already; EDIT changes it.")


def _read_key(text: str) -> str:
    return parse_form_or_ip(text.strip())


NEW_KEY: Final = Text(
    key="address", of=_read_key, check=_is_new, place=Place.WORD,
    prompt="Enter the Envelope From address or client IP address for which you want to set up a "
    "mapping.\n"
    'Partial addresses such as "@example.com", "@.example.com" or "user@" are allowed.',
    form="an address, a part of one, or an IP address",
)  # fmt: skip
KEY: Final = EntryName(
    key="address", prompt="Enter the mapping.", names_from=_keys, of=_read_key,
    place=Place.WORD, form="an address of the table",
)  # fmt: skip
INTERFACE: Final = Choice[str](
    key="interface", place=Place.WORD, form="an interface, or a group of them",
    prompt=lambda scope: f"Which interface do you want to send messages for {scope[KEY]} from?",
    options_from=lambda scope: [Option(name, name) for name in known_names(scope, *GATEWAYS)],
    default_from=lambda scope: dict(reversed(_entries(scope))).get(scope[KEY], NO_INTERFACE),
)  # fmt: skip
NO_INTERFACE: Final = ""  # is none of them, and so no default


def _line(scope: Settings) -> str:
    return f"{build_form(scope[KEY])} {scope[INTERFACE]}"


def _add(scope: Settings) -> str:
    news = TABLE.add_lines(scope, [(_line(scope), None)])
    return _told(f"Mapping for {scope[KEY]} on interface {scope[INTERFACE]} created.", news)


def _edit(scope: Settings) -> str:
    news = TABLE.put_line(scope, _keys(scope).index(scope[KEY]), _line(scope))
    return _told(f"Mapping for {scope[KEY]} on interface {scope[INTERFACE]} set.", news)


def _delete(scope: Settings) -> str:
    key = scope[KEY]
    while key in (keys := _keys(scope)):  # it may stand there twice
        TABLE.drop_line(scope, keys.index(key))
    return f"Mapping for {key} removed."


def _told(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _has_entries(scope: Settings) -> bool:
    return bool(_entries(scope))


def _summary(scope: Settings) -> str:
    return f"Virtual gateways: {count_of(len(_entries(scope)), 'mapping')}."


ALTSRCHOST: Final[Command[SettingsDraft]] = Command(
    name="altsrchost", purpose="Configure Virtual Gateway mappings", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new mapping.",
                  questions=(NEW_KEY, INTERFACE), act=_add),
        Operation(name="EDIT", purpose="Modify a mapping.", when=_has_entries,
                  questions=(KEY, INTERFACE), act=_edit),
        Operation(name="DELETE", purpose="Remove a mapping.", when=_has_entries,
                  questions=(KEY,), act=_delete),
        TABLE.print_operation(_has_entries),
        TABLE.import_operation(),
        TABLE.export_operation(_has_entries),
        TABLE.clear_operation(when=_has_entries),
    )),
)  # fmt: skip

COMMANDS: Final = (ALTSRCHOST,)
