"""Fuzzes the header split: `python -m tests.fuzz.fuzz_header -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.mail"]):
    from mailwarden.core.mail.content import InlineContent
    from mailwarden.core.mail.encoded_word import decode_unstructured
    from mailwarden.core.mail.header import header_end, scan_header
    from mailwarden.core.mail.message import Message


def test_one_input(data: bytes) -> None:
    """The whole input is a message; its first half is also an added header above the other."""
    end = header_end(data)
    scan = scan_header(data[:end])
    message = Message(b"", InlineContent(data))
    if message.body_offset != end or scan.received != len(message.get_all("received")):
        raise AssertionError("the two readings of the header differ")
    if b"".join(map(message.raw, message.fields)) not in data[:end]:
        raise AssertionError("the fields are not what the header is made of")
    for field in message.fields:
        decode_unstructured(field.value).encode("utf-8")
    half = len(data) // 2
    halves = Message(data[:half], InlineContent(data[half:]))
    if halves.header_block() + b"".join(halves.body_chunks()) != data[half:]:
        raise AssertionError("the content is not whole")
    halves.defects.isdisjoint(message.defects)


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
