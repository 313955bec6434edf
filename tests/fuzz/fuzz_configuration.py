"""Fuzzes paths and what the store reads: `python -m tests.fuzz.fuzz_configuration`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden"]):
    from mailwarden.control.candidate.candidate import Candidate
    from mailwarden.control.candidate.paths import PathError, format_path, parse_path
    from mailwarden.control.candidate.sections import parse_section
    from mailwarden.core.policy.alt_sources import alt_source_names
    from mailwarden.core.policy.destinations_text import destination_names
    from mailwarden.stores.configuration.codec import DamagedError, decode_tree, encode_tree


def test_one_input(data: bytes) -> None:
    """The input is a path, a table with names in it, a tree and a candidate."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(PathError):  # the named error
        path = parse_path(text)
        if parse_path(format_path(path)) != path:
            raise AssertionError(path)
    parse_section(text)
    for found in (*alt_source_names(text), *destination_names(text)):
        if text[found.start : found.end].lower() != found.name.lower():
            raise AssertionError(found)
    with contextlib.suppress(DamagedError):
        tree = decode_tree(data, lambda _: data)
        encode_tree(tree)
    with contextlib.suppress(DamagedError):
        Candidate.unpack(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
