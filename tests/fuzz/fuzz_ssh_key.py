"""Fuzzes public keys for SSH: `python -m tests.fuzz.fuzz_ssh_key`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.access.ssh_key"]):
    from mailwarden.core.access.ssh_key import encode_rfc4716, parse_public_key


def test_one_input(data: bytes) -> None:
    """The input is what somebody pastes."""
    with contextlib.suppress(ValueError):
        key = parse_public_key(data.decode("utf-8", "replace"))
        if parse_public_key(str(key)) != key or parse_public_key(encode_rfc4716(key)) != key:
            raise AssertionError(data)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
