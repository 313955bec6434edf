"""Fuzzes the reader of the configuration: `python -m tests.fuzz.fuzz_config docs/examples`."""

import contextlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mailwarden"]):
    from mailwarden.control.config.dump import dump_config
    from mailwarden.control.config.reader import ConfigError, parse_config
    from mailwarden.services.directory.local import parse_credentials

BASE = Path("/nonexistent")


def test_one_input(data: bytes) -> None:
    """The input is a configuration file, and a file of users."""
    text = data.decode("utf-8", "replace")
    try:
        config = parse_config(text, "fuzz.yaml", BASE, look_at_files=False)
    except ConfigError as error:
        if not error.problems or not all(str(p).isprintable() for p in error.problems):
            raise AssertionError(error.problems) from error
    else:
        again = parse_config(dump_config(config), "again.yaml", BASE, look_at_files=False)
        if again != config:
            raise AssertionError((config, again))
    with contextlib.suppress(ValueError):  # the named error
        parse_credentials(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
