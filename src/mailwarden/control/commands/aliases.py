"""`aliasconfig`: recipients that stand for others (mailflow 5.3)."""

from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Option,
    Text,
    read_list,
    write_list,
)
from mailwarden.core.patterns import parse_domain
from mailwarden.core.policy.alias_edit import (
    NO_CONTEXT,
    add_context,
    add_entry,
    remove_entry,
    replace_entry,
)
from mailwarden.core.policy.aliases import AliasEntry, AliasTable
from mailwarden.core.policy.aliases_text import parse_alias_names, parse_alias_targets
from mailwarden.core.policy.rewrite_sides import build_side
from mailwarden.mailflow.listener.tables import ALIASES

NEW_CONTEXT: Final = -2


def _rows(table: AliasTable) -> list[dict[str, object]]:
    return [
        {"aliases": list(each.names), "addresses": list(each.targets), "domains": list(domains)}
        for each, domains in table.all_entries()
    ]


TABLE: Final = TablePlace(form=ALIASES, path=lambda _: ("inbound", "aliases"), row=_rows)


def _table(scope: Settings) -> AliasTable:
    table: AliasTable = TABLE.table(scope)
    return table


def _names(scope: Settings) -> list[str]:
    """Return what entries are called, in order: the first name, and the context where it has one.

    Of several that are called the same, only the first has an effect.
    """
    return [
        f"{entry.names[0]} [{domains[0]}]" if domains else entry.names[0]
        for entry, domains in _table(scope).all_entries()
    ]


def _place(scope: Settings) -> int:
    return _names(scope).index(scope[ENTRY])


def _held(scope: Settings) -> AliasEntry:
    return _table(scope).all_entries()[_place(scope)][0]


def _has_context(scope: Settings) -> bool:
    return scope[CONTEXT] == NEW_CONTEXT


def _contexts(scope: Settings) -> list[Option[int]]:
    known = [
        Option(context.domains[0], place, write_list(context.domains))
        for place, context in enumerate(_table(scope).contexts)
        if context.domains
    ]
    return [
        Option("global", NO_CONTEXT, "Globally"),
        Option("new", NEW_CONTEXT, "In a new domain context"),
        *known,
    ]


def _write_sides(sides: tuple[str, ...]) -> str:
    return write_list([build_side(side) for side in sides])


ALIAS: Final = Text(
    key="alias", of=parse_alias_names, as_text=_write_sides, place=Place.WORD,
    prompt="Enter the alias(es) to match on, with commas between them. Allowed are:\n"
    '    - "user@domain" - This email address.\n'
    '    - "user" - This user for any domain, or for those of a context.\n'
    '    - "@domain" - All users in this domain.\n'
    '    - "@.partialdomain" - All users in any of its sub-domains.',
    form="names with commas",
)  # fmt: skip
ENTRY: Final = EntryName(
    key="alias", prompt="Enter the alias.", names_from=_names, place=Place.WORD,
    form="the first name of an entry; where it is in a context, with its first domain in brackets",
)  # fmt: skip
ADDRESSES: Final = Text(
    key="addresses", of=parse_alias_targets, as_text=_write_sides, place=Place.WORD,
    prompt="Enter address(es), or other aliases, with commas between them; /dev/null is nobody.",
    form="addresses with commas",
)  # fmt: skip
OTHER_ADDRESSES: Final = Text(
    key="addresses", of=parse_alias_targets, as_text=_write_sides, place=Place.WORD,
    prompt=ADDRESSES.prompt, form=ADDRESSES.form,
    default_from=lambda scope: _held(scope).targets,
)  # fmt: skip
CONTEXT: Final = Choice[int](
    key="context", prompt="How do you want your aliases to apply?", default=NO_CONTEXT,
    options_from=_contexts, form="global, new, or the first domain of a context",
)  # fmt: skip
DOMAINS: Final = Text(
    key="domains", of=read_list(parse_domain), as_text=write_list, when=_has_context,
    prompt="Enter new domain context.\n"
    "Separate multiple domains with commas. Partial domains such as .example.com are allowed.",
    form="domains with commas",
)  # fmt: skip


def _add(scope: Settings) -> str:
    entry, text = AliasEntry(scope[ALIAS], scope[ADDRESSES]), TABLE.text(scope)
    if _has_context(scope):
        domains = scope[DOMAINS]
        text = add_context(text, domains, entry)
    else:
        text = add_entry(text, entry, scope[CONTEXT])
    return _changed(scope, text, f"Alias {write_list(entry.names)} is added.", ADDRESSES)


def _edit(scope: Settings) -> str:
    entry = _held(scope)._replace(targets=scope[OTHER_ADDRESSES])
    text = replace_entry(TABLE.text(scope), _place(scope), entry)
    return _changed(scope, text, f"Alias {write_list(entry.names)} is set.", OTHER_ADDRESSES)


def _delete(scope: Settings) -> str:
    names = write_list(_held(scope).names)
    text = remove_entry(TABLE.text(scope), _place(scope))
    return _changed(scope, text, f"Alias {names} is removed.")


def _changed(
    scope: Settings, text: str, done: str, question: Text[tuple[str, ...]] | None = None
) -> str:
    """Put the text in; what is wrong with it, such as a cycle, is wrong with an answer."""
    try:
        return "\n".join((done, *TABLE.change(scope, text)))
    except RefusedError as error:
        raise RefusedError(str(error), question) from error


def _has_entries(scope: Settings) -> bool:
    return bool(_table(scope).all_entries())


def _summary(scope: Settings) -> str:
    return f"Alias table: {count_of(len(_table(scope).all_entries()), 'entry')}."


ALIASCONFIG: Final[Command[SettingsDraft]] = Command(
    name="aliasconfig", purpose="Configure email aliases", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new entry.",
                  questions=(ALIAS, ADDRESSES, CONTEXT, DOMAINS), act=_add),
        Operation(name="EDIT", purpose="Modify an entry.", when=_has_entries,
                  questions=(ENTRY, OTHER_ADDRESSES), act=_edit),
        Operation(name="DELETE", purpose="Remove an entry.", when=_has_entries,
                  questions=(ENTRY,), act=_delete),
        TABLE.print_operation(_has_entries),
        TABLE.import_operation(),
        TABLE.export_operation(_has_entries),
        TABLE.clear_operation(when=_has_entries),
    )),
)  # fmt: skip

COMMANDS: Final = (ALIASCONFIG,)
