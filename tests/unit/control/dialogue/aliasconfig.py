"""`aliasconfig`: the alias table, as a command of the prompt."""

from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Option,
    Text,
    read_list,
    read_name,
    write_list,
)
from mailwarden.control.dialogue.scope import Scope
from mailwarden.core.hostport import parse_hostname
from mailwarden.core.policy.aliases import AliasContext, AliasEntry, AliasTable
from mailwarden.core.policy.aliases_text import build_aliases, parse_aliases
from tests.unit.control.dialogue.office import FILE, TreeDraft, accepted

Desk = Scope[TreeDraft]


def table(desk: Desk) -> AliasTable:
    read: AliasTable = accepted(parse_aliases("\n".join(desk.draft.lines("inbound", "aliases"))))
    return read


def put(desk: Desk, new: AliasTable) -> None:
    """Put a table in the place of the present one; it has to read back without problems."""
    text = build_aliases(new)
    accepted(parse_aliases(text))
    desk.draft.put("inbound", "aliases", text.splitlines())


def label(entry: AliasEntry, domains: tuple[str, ...]) -> str:
    return f"{write_list(entry.names)}{' in ' + write_list(domains) if domains else ''}"


def entries(desk: Desk) -> list[Option[int]]:
    """Return the entries in order; an alias is called by its first name, if no other is."""
    found = table(desk).all_entries()
    first = [entry.names[0] for entry, _ in found]
    return [
        Option(name if first.count(name) == 1 else str(place + 1), place, label(*found[place]))
        for place, name in enumerate(first)
    ]


def has_entries(desk: Desk) -> bool:
    return bool(table(desk).all_entries())


ALIAS = Text(
    key="alias", prompt="Enter the alias(es) to match on, with commas.", of=read_list(read_name),
    as_text=write_list, place=Place.WORD, form="names with commas",
)  # fmt: skip
ENTRY = Choice[int](
    key="entry", prompt="Choose the alias.", options_from=entries, place=Place.WORD,
    form="the first name of an entry, or its number",
)  # fmt: skip
CONTEXT = Choice[bool](
    key="context", prompt="How do you want your aliases to apply?", default=False,
    options=(Option("global", False, "Globally"), Option("domain", True, "In a domain context")),
)  # fmt: skip
DOMAINS = Text(
    key="domains", prompt="Enter the domain(s) of the context, with commas.",
    of=read_list(parse_hostname), as_text=write_list, form="domains with commas",
    when=lambda desk: desk[CONTEXT],
)  # fmt: skip


def held(desk: Desk) -> tuple[str, ...]:
    return table(desk).all_entries()[desk[ENTRY]][0].targets


TARGETS = Text(
    key="addresses", prompt="Enter the address(es), with commas, or /dev/null.",
    of=read_list(read_name), as_text=write_list, place=Place.WORD, form="addresses with commas",
)  # fmt: skip
OTHER_TARGETS = Text(
    key="addresses", prompt="Enter the address(es), with commas, or /dev/null.",
    of=read_list(read_name), as_text=write_list, place=Place.WORD, form="addresses with commas",
    default_from=held,
)  # fmt: skip


def add(desk: Desk) -> None:
    old, entry = table(desk), AliasEntry(desk[ALIAS], desk[TARGETS])
    if not desk[CONTEXT]:
        put(desk, AliasTable((*old.entries, entry), old.contexts))
        return
    domains = desk[DOMAINS]
    contexts = {each.domains: each.entries for each in old.contexts}
    contexts[domains] = (*contexts.get(domains, ()), entry)
    put(desk, AliasTable(old.entries, tuple(AliasContext(*each) for each in contexts.items())))


def change(desk: Desk, targets: tuple[str, ...]) -> None:
    """Give the chosen entry other targets; without any it goes."""
    place = iter(range(10_000))

    def changed(found: tuple[AliasEntry, ...]) -> tuple[AliasEntry, ...]:
        new = (
            entry._replace(targets=targets) if next(place) == desk[ENTRY] else entry
            for entry in found
        )
        return tuple(entry for entry in new if entry.targets)

    old = table(desk)
    first = changed(old.entries)
    rest = [AliasContext(each.domains, changed(each.entries)) for each in old.contexts]
    put(desk, AliasTable(first, tuple(each for each in rest if each.entries)))


def show(desk: Desk) -> Shown:
    found = table(desk).all_entries()
    lines = [f"{label(entry, domains)}: {write_list(entry.targets)}" for entry, domains in found]
    return Shown("\n".join(lines), list(desk.draft.lines("inbound", "aliases")))


def import_aliases(desk: Desk) -> str:
    new = accepted(parse_aliases(desk.draft.read_file(desk[FILE])))
    put(desk, new)
    return f"{len(new.all_entries())} aliases imported."


def export_aliases(desk: Desk) -> str:
    desk.draft.files[desk[FILE]] = build_aliases(table(desk))
    return "The aliases are exported."


ALIASCONFIG: Command[TreeDraft] = Command(
    name="aliasconfig", purpose="Configure email aliases", permission="configure",
    commit=Commit.NEEDED,
    menu=Menu(operations=(
        Operation(name="NEW", purpose="Create a new entry.",
                  questions=(ALIAS, TARGETS, CONTEXT, DOMAINS), act=add),
        Operation(name="EDIT", purpose="Modify an entry.", when=has_entries,
                  questions=(ENTRY, OTHER_TARGETS), act=lambda desk: change(desk, desk[TARGETS])),
        Operation(name="DELETE", purpose="Remove an entry.", when=has_entries,
                  questions=(ENTRY,), act=lambda desk: change(desk, ())),
        Operation(name="PRINT", purpose="Display the table.", when=has_entries, act=show),
        Operation(name="IMPORT", purpose="Import aliases from a file.",
                  questions=(FILE,), act=import_aliases),
        Operation(name="EXPORT", purpose="Export table to a file.", when=has_entries,
                  questions=(FILE,), act=export_aliases),
        Operation(name="CLEAR", purpose="Clear the table.", when=has_entries,
                  confirm=Confirm(key="sure", prompt="Are you sure you want to clear the table?"),
                  act=lambda desk: put(desk, AliasTable())),
    )),
)  # fmt: skip
