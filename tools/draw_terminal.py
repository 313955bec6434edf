#!/usr/bin/env python3
"""Draws what a command printed as a terminal in an SVG file, for the documentation.

mailwarden status | tools/draw_terminal.py 'mailwarden status' docs/images/status.svg
"""

import sys
from html import escape
from pathlib import Path

CELL = 7.8  # width of a character, in pixels
LINE = 18  # height of a line
MARGIN = 16
BAR = 26  # height of the window's title bar

PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
 height="{height}" role="img" aria-label="{name}">
<rect width="{width}" height="{height}" rx="8" fill="#1d2330"/>
<path d="M0 {bar}V8a8 8 0 0 1 8-8H{right}a8 8 0 0 1 8 8V{bar}z" fill="#2b3344"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" fill="#d8dee9"
 xml:space="preserve" style="white-space:pre">
{lines}
</g>
</svg>
"""
# With its length given, a line is as wide as it should be in any font.
TEXT = '<text x="{x}" y="{y}" textLength="{length:.1f}"{colour}>{text}</text>'
COMMAND_COLOUR = ' fill="#a3d27a"'


def draw(command: str, output: str) -> str:
    """Return the picture of a terminal in which `command` has printed `output`."""
    return draw_screen(command, output.rstrip("\n").split("\n"))


def draw_screen(command: str, shown: list[str]) -> str:
    """Return the picture of a terminal in which `command` has shown these lines."""
    lines = [f"$ {command}", *shown]
    width = round(max(map(len, lines)) * CELL + 2 * MARGIN)
    texts = [
        TEXT.format(
            x=MARGIN,
            y=BAR + MARGIN + 12 + number * LINE,
            length=len(line) * CELL,
            colour="" if number else COMMAND_COLOUR,
            text=escape(line),
        )
        for number, line in enumerate(lines)
        if line
    ]
    return PICTURE.format(
        width=width,
        height=BAR + len(lines) * LINE + 2 * MARGIN,
        right=width - 8,
        bar=BAR,
        name=escape(command),
        lines="\n".join(texts),
    )


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    Path(sys.argv[2]).write_text(draw(sys.argv[1], sys.stdin.read()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
