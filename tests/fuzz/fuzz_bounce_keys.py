"""Fuzzes the file of bounce verification's keys: `python -m tests.fuzz.fuzz_bounce_keys`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy.bounce_keys"]):
    from mailwarden.core.policy.bounce_keys import build_keys, parse_keys


def test_one_input(data: bytes) -> None:
    """The input is the text of a file."""
    with contextlib.suppress(ValueError):
        keys = parse_keys(data.decode("utf-8", "replace"))
        if parse_keys(build_keys(keys)) != keys:
            raise AssertionError(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
