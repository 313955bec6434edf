"""Fuzzes files of destination controls and routes: `python -m tests.fuzz.fuzz_destinations`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.destinations import DestinationIndex, complete
    from mailwarden.core.policy.destinations_edit import DestinationText
    from mailwarden.core.policy.destinations_text import build_destinations, parse_destinations
    from mailwarden.core.policy.routes_text import build_routes, parse_routes


def test_one_input(data: bytes) -> None:
    """The input is a file, and a domain behind its last NUL."""
    file, _, name = data.rpartition(b"\0")
    routes = parse_routes(file.decode("utf-8", "replace")).table
    if parse_routes(build_routes(routes)) != (routes, (), ()):
        raise AssertionError(routes)
    imported = parse_destinations(file.decode("utf-8", "replace"))
    DestinationIndex(imported.table).find(name.decode("utf-8", "surrogateescape"))
    if not all(str(problem).isprintable() for problem in imported.problems):
        raise AssertionError(imported.problems)
    if imported.problems:
        return
    edited = DestinationText(file.decode("utf-8", "replace"), imported.table)
    for row, meaning in imported.table.rows[:3]:
        edited.set_row(row, meaning)
        edited.remove_row(row)
    edited.set_row("DEFAULT", imported.table.default)
    changed = parse_destinations(edited.text)
    if changed.problems or complete(changed.table) != complete(edited.table):
        raise AssertionError((edited.text, changed))
    text = build_destinations(imported.table)
    again = parse_destinations(text)
    if again.problems or again.table != complete(imported.table):
        raise AssertionError((text, again))
    if build_destinations(again.table) != text:
        raise AssertionError(text)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
