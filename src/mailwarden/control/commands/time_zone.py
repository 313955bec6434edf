"""`settz`: the time zone, by region, country and place, or by the offset from GMT (SYS-01)."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import Command, Commit
from mailwarden.control.dialogue.question import UNSET, Unset
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.system.clock.zone import parse_time_zone
from mailwarden.system.clock.zone_table import ZonePlace, load_zone_places

SETTING: Final = "time_zone"
OFFSET: Final = "GMT Offset"
MACHINE: Final = "Zone of the machine"
GMT: Final = "GMT"


def parse_offset(text: str) -> str:
    """Return an offset such as `GMT+05:30`; `GMT` in front may be missing. Raises ValueError."""
    given = text.strip().upper().removeprefix(GMT)
    return parse_time_zone(f"{GMT}{given or '+00'}")


def _present(scope: Settings) -> str:
    return str(scope.draft.get(SETTING) or "")


def _places(region: str = "", country: str = "") -> list[ZonePlace]:
    return [
        place
        for place in load_zone_places()
        if region in ("", place.region) and country in ("", place.country)
    ]


def _present_place(scope: Settings) -> ZonePlace | None:
    name = _present(scope)
    return next((place for place in load_zone_places() if place.name == name), None)


def _regions(_scope: Settings) -> list[Option[str]]:
    names = dict.fromkeys(place.region for place in _places())
    return [Option(name, name) for name in (*names, OFFSET, MACHINE)]


def _present_region(scope: Settings) -> str:
    place = _present_place(scope)
    if place is not None:
        return place.region
    return OFFSET if _present(scope) else MACHINE


def _countries(scope: Settings) -> list[Option[str]]:
    names = dict.fromkeys(place.country for place in _places(scope[REGION]))
    return [Option(name, name) for name in names]


def _present_country(scope: Settings) -> str | Unset:
    place = _present_place(scope)
    return UNSET if place is None else place.country


def _zones(scope: Settings) -> list[Option[str]]:
    places = _places(scope[REGION], scope[COUNTRY])
    return [Option(place.name, place.name, place.place) for place in places]


def _has_countries(scope: Settings) -> bool:
    return scope[REGION] not in (OFFSET, MACHINE)


def _has_zones(scope: Settings) -> bool:
    return _has_countries(scope) and len(_zones(scope)) > 1


def _present_offset(scope: Settings) -> str:
    try:
        return parse_offset(_present(scope))
    except ValueError:
        return f"{GMT}+00:00"


def _prompt(scope: Settings) -> str:
    present = _present(scope) or "that of the machine"
    return f"Current time zone: {present}\nPlease choose your continent:"


REGION: Final = Choice[str](
    key="region", prompt=_prompt, options_from=_regions, default_from=_present_region
)
COUNTRY: Final = Choice[str](
    key="country", prompt="Please choose your country:", options_from=_countries,
    default_from=_present_country, when=_has_countries,
)  # fmt: skip
ZONE: Final = Choice[str](
    key="zone", prompt="Please choose your timezone:", options_from=_zones, when=_has_zones,
    default_from=_present,
)  # fmt: skip
OFFSET_FROM_GMT: Final = Text(
    key="offset", prompt="Please enter the offset east of GMT (Ex: GMT+05:30):", of=parse_offset,
    default_from=_present_offset, when=lambda scope: scope[REGION] == OFFSET,
)  # fmt: skip


def _set_zone(scope: Settings) -> str:
    if scope[REGION] == MACHINE:
        zone = ""
    elif scope[REGION] == OFFSET:
        zone = scope[OFFSET_FROM_GMT]
    else:
        zone = scope[ZONE] if scope.has(ZONE) else _zones(scope)[0].value
    if zone:
        scope.draft.put(SETTING, value=zone)
    elif scope.draft.has(SETTING):
        scope.draft.remove(SETTING)
    return f"The time zone is set to {zone or 'that of the machine'}."


SETTZ: Final[Command[SettingsDraft]] = Command(
    name="settz", purpose="Set the local time zone", commit=Commit.NEEDED, has_batch=False,
    questions=(REGION, COUNTRY, ZONE, OFFSET_FROM_GMT), act=_set_zone,
)  # fmt: skip

COMMANDS: Final = (SETTZ,)
