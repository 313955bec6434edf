"""Fuzzes the search of logs: `python -m tests.fuzz.fuzz_log_search`."""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailwarden.control.operations.log_search"]):
    from mailwarden.control.operations.linear_pattern import compile_pattern
    from mailwarden.control.operations.log_search import (
        MessageLines,
        Wanted,
        find_messages,
        matching,
    )

FOLDER = tempfile.TemporaryDirectory()
LOG = Path(FOLDER.name, "mail.log")


def test_one_input(data: bytes) -> None:
    """The pattern is in front of the first zero byte, the log behind it."""
    pattern, _, content = data.partition(b"\0")
    LOG.write_bytes(content)
    with suppress(ValueError):
        search = compile_pattern(pattern.decode("utf-8", "surrogateescape"))
        for block in matching([LOG], search, invert=False):
            assert all(search(line) for line in block)
    found = MessageLines()
    for _ in find_messages([LOG], Wanted(sender=pattern.decode("utf-8", "replace")), 3, found):
        pass
    assert len(found.lines) <= 3


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
