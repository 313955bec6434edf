"""Fuzzes the reading of the spool's files: `python -m tests.fuzz.fuzz_spool -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.stores.spool"]):
    from mailwarden.stores.spool.codec import decode_envelope, decode_meta
    from mailwarden.stores.spool.journal import build_frames
    from mailwarden.stores.spool.record import Draft
    from mailwarden.stores.spool.spool import DamagedError

from tests.property.spool_files import NONCE, disk_with, journal_of, segment_of, use


def test_one_input(data: bytes) -> None:
    """The first byte says what the others are."""
    kind, rest = (data[0] % 4, data[1:]) if data else (0, b"")
    half = len(rest) // 2
    if kind == 0:
        try:
            decode_envelope(decode_meta(rest).envelope)
        except DamagedError:
            return
    elif kind == 1:
        use(disk_with(rest[:half], rest[half:]))
    elif kind == 2:  # right checksums around any meta
        draft = Draft(1, 1, 0.0, 2, rest[0] if rest else 0, rest[1:], b"", b"x", 1)
        use(disk_with(segment_of([draft], sealed=len(rest) % 2 == 0), journal_of([])))
    else:  # any bytes behind a frame that is right
        journal = journal_of([(1, 1, 1, (0,))])
        journal += build_frames([(5, rest, 1)], NONCE, len(journal)) + rest
        use(disk_with(segment_of([], sealed=False), journal))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
