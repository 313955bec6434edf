"""Fuzzes the file of destination controls: `python -m tests.fuzz.fuzz_destinations`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.destinations import DestinationIndex, complete
    from mailwarden.core.policy.destinations_text import build_destinations, parse_destinations


def test_one_input(data: bytes) -> None:
    """The input is a file, and a domain behind its last NUL."""
    file, _, name = data.rpartition(b"\0")
    imported = parse_destinations(file.decode("utf-8", "replace"))
    DestinationIndex(imported.table).find(name.decode("utf-8", "surrogateescape"))
    if not all(str(problem).isprintable() for problem in imported.problems):
        raise AssertionError(imported.problems)
    if imported.problems:
        return
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
