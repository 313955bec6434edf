"""The time zones of the world by region and country, as the machine's IANA data base lists them."""

import zoneinfo
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ZONES: Final = "zone.tab"
COUNTRIES: Final = "iso3166.tab"
FILE_BYTES_MAX: Final = 1024 * 1024
ROWS_MAX: Final = 10_000
WORD_LENGTH_MAX: Final = 100


class ZonePlace(NamedTuple):
    """A time zone, and where it holds."""

    region: str  # a continent or an ocean
    country: str
    name: str

    @property
    def place(self) -> str:
        """What is behind the region, as people read it."""
        return self.name.partition("/")[2].replace("_", " ")


def load_zone_places(folders: Sequence[str] = zoneinfo.TZPATH) -> tuple[ZonePlace, ...]:
    """Return all zones with a place, by region, country and name; none where there is no list."""
    for folder in folders:
        names = {row[0]: row[1] for row in _rows(Path(folder, COUNTRIES), 2)}
        places = {
            ZonePlace(name.partition("/")[0], names.get(code, code), name)
            for code, _, name in _rows(Path(folder, ZONES), 3)
            if "/" in name
        }
        if places:
            return tuple(sorted(places))
    return ()


def _rows(path: Path, columns: int) -> Iterator[tuple[str, ...]]:
    """Yield the first columns of each line that has them."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.split("\n")[:ROWS_MAX]:
        cells = tuple(cell.strip() for cell in line.split("\t")[:columns])
        is_row = len(cells) == columns and not line.startswith("#")
        if is_row and all(0 < len(cell) <= WORD_LENGTH_MAX for cell in cells):
            yield cells
