"""Writes docs/reference anew from the declarations of settings and commands."""

import sys
from collections.abc import Mapping
from pathlib import Path

from mailwarden.control.cli.reference import reference_pages

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"


def pages() -> Mapping[str, str]:
    """Return what each file in the folder should hold."""
    return reference_pages()


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
