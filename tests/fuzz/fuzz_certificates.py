"""Fuzzes files of certificates, and lists of ciphers: `python -m tests.fuzz.fuzz_certificates`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.services.certificates", "mailwarden.system"]):
    from tests.fuzz.certificate_inputs import one_input


def test_one_input(data: bytes) -> None:
    """The input is whatever somebody pastes."""
    with contextlib.suppress(MemoryError):  # atheris limits it
        one_input(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
