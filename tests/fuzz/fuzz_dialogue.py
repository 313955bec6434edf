"""Fuzzes command lines and dialogues: `python -m tests.fuzz.fuzz_dialogue -max_total_time=60`."""

import asyncio
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.control.dialogue"]):
    from mailwarden.control.dialogue.session import Session
    from mailwarden.control.dialogue.stream_terminal import StreamTerminal
    from mailwarden.control.dialogue.text import LineError
    from mailwarden.control.dialogue.words import quote_word, read_words, scan_words

from tests.property.test_dialogue import office
from tests.unit.control.dialogue.samples import CATALOG
from tests.unit.control.dialogue.test_terminals import Paper

BYTES_MAX = 4096


def read_line(line: str) -> None:
    """A line is words that read back, or an error."""
    scan = scan_words(line)
    try:
        words = read_words(line)
    except LineError:
        return
    again = read_words(" ".join(quote_word(word.text) for word in words))
    if words != scan.words or [word.text for word in again] != [word.text for word in words]:
        raise AssertionError(f"{line!r} gives {words!r}, and that {again!r}")


async def run_script(data: bytes) -> bytes:
    """A script comes to its end, whatever it is."""
    reader = asyncio.StreamReader(limit=256)
    reader.feed_data(data)
    reader.feed_eof()
    output = Paper()
    await Session(CATALOG, office("admin"), StreamTerminal(reader, output, output)).run()
    return output.data


def test_one_input(data: bytes) -> None:
    """The first byte chooses between a line, its completion and a script."""
    kind, data = (data[0] if data else 0) % 3, data[1:BYTES_MAX]
    if kind == 0:
        read_line(data.decode("utf-8", "surrogateescape"))
    elif kind == 1:
        line = data.decode("utf-8", "surrogateescape")
        terminal = StreamTerminal(asyncio.StreamReader(loop=LOOP), Paper(), Paper())
        Session(CATALOG, office("admin"), terminal).complete(line, len(line))
    else:
        shown = LOOP.run_until_complete(run_script(data))
        if b"\x1b" in shown:
            raise AssertionError(f"{data!r} gets an escape sequence through")


LOOP = asyncio.new_event_loop()


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
