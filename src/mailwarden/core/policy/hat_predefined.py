"""The tables that a new listener begins with (mailflow 3.4)."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from mailwarden.core.policy.hat import (
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
)
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.host_forms import NO_SCORE, build_score_form

WHITELIST: Final = "WHITELIST"
BLACKLIST: Final = "BLACKLIST"
SUSPECTLIST: Final = "SUSPECTLIST"
UNKNOWNLIST: Final = "UNKNOWNLIST"
RELAYLIST: Final = "RELAYLIST"


class Preset(Enum):
    """How much a host's reputation counts."""

    NONE = "none"  # not at all: the groups begin empty
    SETUP = "setup"  # what is set when filtering by reputation is turned on at setup
    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


# Scores in tenths, both ends included. Where two groups share a bound, the upper one has it.
SCORES: Final[Mapping[Preset, Mapping[str, tuple[int, int]]]] = {
    Preset.NONE: {},
    Preset.SETUP: {  # WHITELIST empty is (unconfirmed)
        BLACKLIST: (-100, -30),
        SUSPECTLIST: (-30, -10),
        UNKNOWNLIST: (-10, 100),
    },
    Preset.CONSERVATIVE: {
        WHITELIST: (60, 100),
        BLACKLIST: (-100, -70),
        SUSPECTLIST: (-70, -20),
        UNKNOWNLIST: (-20, 60),
    },
    Preset.MODERATE: {
        WHITELIST: (60, 100),
        BLACKLIST: (-100, -40),  # (unconfirmed)
        SUSPECTLIST: (-40, -10),  # (unconfirmed)
        UNKNOWNLIST: (-10, 60),
    },
    Preset.AGGRESSIVE: {
        WHITELIST: (40, 100),
        BLACKLIST: (-100, -30),  # (unconfirmed)
        SUSPECTLIST: (-30, -10),  # (unconfirmed)
        UNKNOWNLIST: (-10, 40),
    },
}

ACCEPTED: Final = HatPolicy(Rule.ACCEPT, name="ACCEPTED")
BLOCKED: Final = HatPolicy(Rule.REJECT, name="BLOCKED")
TRUSTED: Final = HatPolicy(
    Rule.ACCEPT,
    (
        ("spam_check", False),
        ("max_msgs_per_session", 5000),
        ("max_concurrency", 600),
        ("max_rcpts_per_msg", 5000),
        ("max_rcpts_per_hour", -1),
        ("dhap_limit", 0),
        ("virus_check", True),
        ("max_message_size", 104_857_600),
        ("use_sb", False),
        ("tls", Demand.OFF),
    ),
    name="TRUSTED",
)
# The sample file turns DHAP off here. It stays at its default: these are hosts under suspicion.
THROTTLED: Final = HatPolicy(
    Rule.ACCEPT,
    (
        ("spam_check", True),
        ("max_msgs_per_session", 10),
        ("max_concurrency", 10),
        ("max_rcpts_per_msg", 25),
        ("max_rcpts_per_hour", 20),
        ("virus_check", True),
        ("max_message_size", 1_048_576),
        ("use_sb", True),
        ("tls", Demand.OFF),
    ),
    name="THROTTLED",
)
RELAYED: Final = HatPolicy(
    Rule.RELAY,
    (
        ("spam_check", False),
        ("max_rcpts_per_hour", -1),
        ("dhap_limit", 0),
        ("virus_check", False),
    ),
    name="RELAYED",
)


def public_table(
    preset: Preset = Preset.SETUP, relay_hosts: Sequence[ListedHost] = ()
) -> HostAccessTable:
    """Return the table of a listener that faces the Internet.

    With `relay_hosts` it is one that also takes mail from inside: RELAYLIST comes first.
    """
    groups = [
        SenderGroup(WHITELIST, TRUSTED.name, _scores(preset, WHITELIST)),
        SenderGroup(BLACKLIST, BLOCKED.name, _scores(preset, BLACKLIST)),
        SenderGroup(SUSPECTLIST, THROTTLED.name, _scores(preset, SUSPECTLIST)),
        SenderGroup(UNKNOWNLIST, ACCEPTED.name, _scores(preset, UNKNOWNLIST)),
    ]
    policies = [ACCEPTED, THROTTLED, TRUSTED, BLOCKED]
    if relay_hosts:
        groups.insert(0, SenderGroup(RELAYLIST, RELAYED.name, tuple(relay_hosts)))
        policies.append(RELAYED)
    return HostAccessTable(tuple(policies), tuple(groups), LastEntry(ACCEPTED.name))


def private_table(relay_hosts: Sequence[ListedHost] = ()) -> HostAccessTable:
    """Return the table of a listener for mail from inside: all but `relay_hosts` are refused."""
    group = SenderGroup(RELAYLIST, RELAYED.name, tuple(relay_hosts))
    return HostAccessTable((RELAYED, BLOCKED), (group,), LastEntry(BLOCKED.name))


def _scores(preset: Preset, group: str) -> tuple[ListedHost, ...]:
    bounds = SCORES[preset].get(group)
    if bounds is None:
        return ()
    forms = [build_score_form(bounds[0], bounds[1])]
    if preset is Preset.SETUP and group == UNKNOWNLIST:
        forms.append(NO_SCORE)
    return tuple(map(ListedHost, forms))
