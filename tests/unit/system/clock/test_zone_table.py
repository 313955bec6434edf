"""The list of time zones: what a data base has, and files of any other kind."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.system.clock.zone import parse_time_zone
from mailwarden.system.clock.zone_table import (
    COUNTRIES,
    WORD_LENGTH_MAX,
    ZONES,
    ZonePlace,
    load_zone_places,
)

TABLE = """\
# comment
DE	+5230+01322	Europe/Berlin	most of Germany
DE	+4742+00841	Europe/Busingen	Busingen
XX	+0000+00000	Atlantic/No_Where
AR	-3436-05827	America/Argentina/Buenos_Aires	a city
AR	-3436-05827	Nowhere
AR	America/Short
"""


def test_zones_by_place(tmp_path: Path) -> None:
    (tmp_path / ZONES).write_text(TABLE)
    (tmp_path / COUNTRIES).write_text("#\nDE\tGermany\nAR\tArgentina\n")
    places = load_zone_places((str(tmp_path / "none"), str(tmp_path)))
    assert places == (
        ("America", "Argentina", "America/Argentina/Buenos_Aires"),
        ("Atlantic", "XX", "Atlantic/No_Where"),
        ("Europe", "Germany", "Europe/Berlin"),
        ("Europe", "Germany", "Europe/Busingen"),
    )
    assert places[0].place == "Argentina/Buenos Aires"


def test_a_machine_without_a_list(tmp_path: Path) -> None:
    assert load_zone_places((str(tmp_path),)) == ()


def test_every_zone_of_this_machine_may_be_set() -> None:
    for place in load_zone_places():
        assert parse_time_zone(place.name) == place.name


@given(st.binary(max_size=500))
def test_any_bytes_give_zones_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("zones")
    (folder / ZONES).write_bytes(data)
    for place in load_zone_places((str(folder),)):
        assert isinstance(place, ZonePlace)
        assert 0 < len(place.name) <= WORD_LENGTH_MAX
