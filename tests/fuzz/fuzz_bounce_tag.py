"""Fuzzes tags of bounce verification: `python -m tests.fuzz.fuzz_bounce_tag`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.mail.bounce_tag"]):
    from mailwarden.core.mail.bounce_tag import (
        Finding,
        TagKeys,
        check_recipient,
        tag_sender,
        verify_tag,
    )

NOW = 1_289_297_702.0
KEYS = TagKeys().rotate(b"one", NOW).rotate(b"two", NOW)


def test_one_input(data: bytes) -> None:
    """The input is an address."""
    address = data.decode("utf-8", "surrogateescape")
    checked = check_recipient("", address, KEYS, NOW)
    if checked.finding is not Finding.VALID and checked.address != address:
        raise AssertionError((address, checked))
    tagged = tag_sender(address, KEYS, NOW)
    if tagged != address:
        back = verify_tag(tagged, KEYS, NOW)
        if (back.finding, back.address) != (Finding.VALID, address):
            raise AssertionError((address, tagged, back))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
