"""`dnslistconfig`, `dnslistflush` and `dnslisttest`: DNS lists of hosts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.table import render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.config.scalars import read_number
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_setting, ask_settings
from mailwarden.control.operations import host_checks
from mailwarden.core.features import Feature
from mailwarden.core.patterns import parse_ip_address
from mailwarden.core.setting import Setting
from mailwarden.services.engines.reputation.score import SCORE_MAX, SCORE_MIN
from mailwarden.services.engines.reputation.settings import (
    DnsListSettings,
    ReputationSettings,
    parse_code,
    parse_zone,
)
from mailwarden.system.log.escape import escape

REPUTATION: Final = "reputation"
LISTS: Final = "dns_lists"
_SCORES: Final = Setting(doc="", minimum=SCORE_MIN, maximum=SCORE_MAX)


def _members(scope: Settings) -> Sequence[Mapping[str, Any]]:
    return scope.draft.members(REPUTATION, LISTS)


def _has_lists(scope: Settings) -> bool:
    return bool(_members(scope))


def _zones(scope: Settings) -> list[str]:
    return [str(each.get("zone")) for each in _members(scope)]


def _position(scope: Settings) -> int:
    return _zones(scope).index(scope[ZONE])


def _held(scope: Settings) -> Mapping[str, Any]:
    zone = scope.get(ZONE)
    return next((each for each in _members(scope) if each.get("zone") == zone), {})


def _check_new(scope: Settings, zone: str) -> None:
    if zone in _zones(scope):
        raise ValueError(f"{zone} is there already; EDIT changes it")


def read_scores(text: str) -> dict[str, float]:
    """Return scores by code, `127.0.0.2=-6, 127.0.0.3=-2`; raises ValueError."""
    scores: dict[str, float] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        code, equals, score = item.partition("=")
        if not equals:
            raise ValueError(f"{item[:40]!r} is no score; write 127.0.0.2=-6")
        if scores.setdefault(parse_code(code), value := read_number(score, _SCORES)) != value:
            raise ValueError(f"{code.strip()[:40]} is there twice")
    return scores


def write_scores(scores: Mapping[str, object]) -> str:
    """Return what `read_scores` reads."""
    return ", ".join(f"{code}={score}" for code, score in scores.items())


ZONE: Final = Choice[str](
    key="zone", prompt="Enter the name or number of the list.", place=Place.WORD,
    options_from=lambda scope: [Option(zone, zone) for zone in _zones(scope)], form="a list",
)  # fmt: skip
NEW_ZONE: Final = Text(
    key="zone", prompt="Enter the domain of the list.", of=parse_zone, check=_check_new,
    place=Place.WORD, form="the domain of a list",
)  # fmt: skip
SCORES: Final = Text[Mapping[str, Any]](
    key="scores", of=read_scores, as_text=write_scores, form="127.0.0.2=-6 and others, with commas",
    prompt="Enter the scores of its codes, with commas: 127.0.0.2=-6, 127.0.0.3=-2.",
    default_from=lambda scope: _held(scope).get("scores") or {},
)  # fmt: skip
OTHER: Final = ask_setting(DnsListSettings, "other_score", present=_held)
TIMES: Final = ask_settings(
    ReputationSettings, ("dns_timeout_seconds", "dns_cache_seconds"),
    present=lambda scope: scope.draft.section(REPUTATION),
)  # fmt: skip
TESTED: Final = Text(
    key="zone", prompt="Enter the domain of the DNS list to ask.", of=parse_zone,
    place=Place.WORD, form="the domain of a list",
)  # fmt: skip
ADDRESS: Final = Text(
    key="address", prompt="Enter the IP address to look up.", of=parse_ip_address,
    place=Place.WORD, form="an IP address",
)  # fmt: skip


def _add(scope: Settings) -> str:
    scope.draft.insert(REPUTATION, LISTS, value={"zone": scope[NEW_ZONE]})
    _store(scope, len(_members(scope)) - 1)
    return f"{scope[NEW_ZONE]} is added."


def _edit(scope: Settings) -> None:
    _store(scope, _position(scope))


def _store(scope: Settings, position: int) -> None:
    store_answers(scope, DnsListSettings, (SCORES, OTHER), REPUTATION, LISTS, str(position))


def _remove(scope: Settings) -> str:
    scope.draft.remove(REPUTATION, LISTS, str(_position(scope)))
    return f"{scope[ZONE]} is removed."


def _print(scope: Settings) -> Shown:
    other = OTHER.default_in(scope)
    rows = [
        [each.get("zone"), write_scores(each.get("scores") or {}), each.get("other_score", other)]
        for each in _members(scope)
    ]
    return Shown(
        "\n".join(render_table(["List", "Scores", "Other codes"], rows)),
        [dict(each) for each in _members(scope)],
    )


def _set_up(scope: Settings) -> None:
    store_answers(scope, ReputationSettings, TIMES, REPUTATION)


async def _flush(scope: Settings) -> Shown:
    with refused_as_told():
        count = await host_checks.flush_dns_lists(scope.draft.desk)
    return Shown("The answers of DNS lists are forgotten.", {"flushed": count})


async def _test(scope: Settings) -> Shown:
    zone, address = scope[TESTED], scope[ADDRESS]
    with refused_as_told():
        answer = await host_checks.try_dns_list(scope.draft.desk, zone, address)
    lines = [f"Querying: {escape(str(answer.get('question')))}"]
    codes = [escape(str(code)) for code in answer.get("codes") or ()]
    if answer.get("fault"):
        lines.append(f"No answer: {escape(str(answer['fault']))}")
    elif codes:
        lines.append(f"{address} is listed by {zone}: {', '.join(codes)}")
    else:
        lines.append(f"{address} is not listed by {zone}.")
    return Shown("\n".join(lines), answer)


DNSLISTCONFIG: Final[Command[SettingsDraft]] = Command(
    name="dnslistconfig", purpose="Configure DNS lists", commit=Commit.NEEDED,
    menu=Menu(
        summary=lambda scope: off_note(scope, Feature.REPUTATION)
        + f"Lists that give scores: {', '.join(_zones(scope)) or 'none'}",
        operations=(
            Operation(name="NEW", purpose="Add a list.", act=_add,
                      questions=(NEW_ZONE, SCORES, OTHER)),
            Operation(name="EDIT", purpose="Modify a list.", act=_edit, when=_has_lists,
                      questions=(ZONE, SCORES, OTHER)),
            Operation(name="DELETE", purpose="Remove a list.", act=_remove, when=_has_lists,
                      questions=(ZONE,)),
            Operation(name="PRINT", purpose="Display all lists.", act=_print, when=_has_lists),
            Operation(name="SETUP", purpose="Change timeouts and caching.", questions=TIMES,
                      act=_set_up),
        ),
    ),
)  # fmt: skip
DNSLISTFLUSH: Final[Command[SettingsDraft]] = Command(
    name="dnslistflush", purpose="Forget the answers of DNS lists", where=Where.MACHINE,
    act=_flush,
)  # fmt: skip
DNSLISTTEST: Final[Command[SettingsDraft]] = Command(
    name="dnslisttest", purpose="Ask a DNS list about an address", where=Where.MACHINE,
    questions=(TESTED, ADDRESS), act=_test,
)  # fmt: skip

COMMANDS: Final = (DNSLISTCONFIG, DNSLISTFLUSH, DNSLISTTEST)
