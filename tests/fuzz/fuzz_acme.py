"""Fuzzes what ACME servers send, and ask: `python -m tests.fuzz.fuzz_acme`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.services.certificates", "http", "json"]):
    from tests.fuzz.acme_inputs import one_input


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
