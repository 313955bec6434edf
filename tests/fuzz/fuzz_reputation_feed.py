"""Any bytes give a feed or problems with lines. Run: `fuzz_reputation_feed.py [corpus]`."""

import contextlib
import sys

from mailwarden.services.engines.reputation.feed import Feed, parse_feed
from mailwarden.services.engines.reputation.networks import pack_address
from mailwarden.services.engines.reputation.signature import HmacVerifier, SignatureError
from mailwarden.system.log.escape import escape

VERIFIER = HmacVerifier(b"k" * 32)


def check_feed(content: bytes) -> Feed:
    """Read `content` as a feed; check that what comes out is within its limits."""
    imported = parse_feed(content)
    lines = content.count(b"\n") + 1
    assert len(imported.table) <= lines
    for told in (*imported.problems, *imported.warnings):
        assert told.message.isprintable()
        if told.path:
            assert 1 <= int(told.path.removeprefix("line ")) <= lines
    for line in content.split(b"\n"):
        words = line.split()
        packed = pack_address(words[0].partition(b"/")[0].decode("latin-1")) if words else b""
        found = imported.table.find(packed) if packed else None
        if found is not None:
            assert -100 <= found.tenths <= 100
            assert len(found.note) <= 80
            assert escape(found.note) == found.note or not found.note.isascii()
    return imported.table


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    check_feed(data)
    pack_address(data.decode("utf-8", "surrogateescape"))
    with contextlib.suppress(SignatureError):
        VERIFIER.verify(b"content", data)
    with contextlib.suppress(SignatureError):
        HmacVerifier(data)


def main() -> None:
    """Fuzz until stopped."""
    import atheris  # noqa: PLC0415  it patches the interpreter when imported

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
