"""Fuzzes the frames of the console's socket: `python -m tests.fuzz.fuzz_console`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.control.remote.console_frames"]):
    from mailwarden.control.remote.console_frames import FrameError, Kind, encode_frame

from tests.property.test_console_frames import read_all, understand


def test_one_input(data: bytes) -> None:
    """As it comes, in pieces, and as the first frame."""
    try:
        whole = read_all(data, [])
    except FrameError:
        whole = None
    if whole is not None and read_all(data, [1] * len(data)) != whole:
        raise AssertionError(f"{data!r} depends on where it is split")
    if whole is not None:
        understand(data)
    understand(encode_frame(Kind.HELLO, data))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
