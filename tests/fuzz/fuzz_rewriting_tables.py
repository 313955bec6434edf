"""Fuzzes rewriting tables: `python -m tests.fuzz.fuzz_rewriting_tables -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.alias_edit import remove_entry, replace_entry
    from mailwarden.core.policy.aliases import AliasIndex, AliasTable
    from mailwarden.core.policy.aliases_text import build_aliases, parse_aliases
    from mailwarden.core.policy.domain_map import (
        DomainMapIndex,
        build_domain_map,
        parse_domain_map,
    )
    from mailwarden.core.policy.masquerade import (
        MasqueradeIndex,
        build_masquerade,
        parse_masquerade,
    )

KINDS = (
    (parse_aliases, build_aliases, lambda table: AliasIndex(table).expand),
    (parse_domain_map, build_domain_map, lambda table: DomainMapIndex(table).rewrite),
    (parse_masquerade, build_masquerade, lambda table: MasqueradeIndex(table).rewrite),
)


def test_one_input(data: bytes) -> None:
    """The first byte chooses the table, the others are its text; its words are looked up."""
    parse, build, find = KINDS[(data[0] if data else 0) % len(KINDS)]
    text = data[1:].decode("utf-8", "surrogateescape")
    imported = parse(text)
    look_up = find(imported.table)
    for word in text.split()[:20]:
        look_up(word.strip(",:"))
    if imported.problems:
        return
    if parse is parse_aliases:
        _edit(text, imported.table)
    again = parse(build(imported.table))
    if again.table != imported.table or again.problems:
        raise AssertionError(f"{text!r} gives {imported!r}, and that {again!r}")


def _edit(text: str, table: AliasTable) -> None:
    """Replace the first entry by itself, and remove the last one."""
    entries = table.all_entries()
    if entries:
        if parse_aliases(replace_entry(text, 0, entries[0][0])).table != table:
            raise AssertionError(f"{text!r} is not what it was")
        left = parse_aliases(remove_entry(text, len(entries) - 1)).table
        if left.all_entries() != entries[:-1]:
            raise AssertionError(f"{text!r} has not lost its last entry")


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
