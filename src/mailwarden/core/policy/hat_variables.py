"""Variables in the texts of a policy, and the lines of replies made of these (mailflow 3.9)."""

import re
from typing import Final, NamedTuple

from mailwarden.core.policy.hat_index import Match
from mailwarden.core.policy.hat_parameters import TEXT_LINES_MAX
from mailwarden.core.policy.hat_policy import EffectivePolicy, Rule
from mailwarden.core.policy.host_forms import HostFacts, NameStatus

VALUE_LENGTH_MAX: Final = 320  # an address has at most 64 + 1 + 255 (RFC 5321, 4.5.3.1)
LINE_LENGTH_MAX: Final = 506  # a reply's line has 512 with code, blank and CRLF (4.5.3.1.5)
NOBODY: Final = "None"
UNKNOWN: Final = "Unknown"  # looking it up failed

_VARIABLE: Final = re.compile(
    r"\$(group|hostname|orgid|remoteip|hatentry|envelopesender)(?![A-Za-z0-9_])", re.IGNORECASE
)


class HatVariables(NamedTuple):
    """What the variables stand for during a connection, as the texts show it."""

    group: str
    hostname: str
    organisation: str
    remote_ip: str
    entry: str


def variables_of(facts: HostFacts, match: Match) -> HatVariables:
    """Return the variables of a host that connected."""
    return HatVariables(
        match.group or NOBODY,
        _hostname(facts),
        facts.organisation or NOBODY,
        facts.address,
        match.entry,
    )


def _hostname(facts: HostFacts) -> str:
    match facts.name_status:
        case NameStatus.EXISTS:
            return facts.name or UNKNOWN  # without a name nothing was looked up
        case NameStatus.SERV_FAIL:
            return UNKNOWN
        case NameStatus.NX_DOMAIN | NameStatus.NOT_DOUBLE_VERIFIED:
            return NOBODY


def has_variables(text: str) -> bool:
    """Whether `text` has to be expanded anew for every host."""
    return "$" in text and _VARIABLE.search(text) is not None


def reply_lines(text: str, variables: HatVariables, sender: str = "") -> tuple[str, ...]:
    """Return the lines of a reply: `text` cut at its line ends, then its variables filled in.

    `sender` is what `$EnvelopeSender` stands for. The lines are those of `text`, whatever is in
    the variables: these come from the peer and from its DNS. What they hold is not looked
    through for variables again.
    """
    lines = text.split("\n")[:TEXT_LINES_MAX]
    if "$" in text:
        values = {
            "group": variables.group,
            "hostname": variables.hostname,
            "orgid": variables.organisation,
            "remoteip": variables.remote_ip,
            "hatentry": variables.entry,
            "envelopesender": sender,
        }
        lines = [
            _VARIABLE.sub(lambda found: _harmless(values[found[1].lower()]), line) for line in lines
        ]
    return tuple(line[:LINE_LENGTH_MAX] for line in lines)


def banner_lines(
    policy: EffectivePolicy, hostname: str, variables: HatVariables
) -> tuple[str, ...]:
    """Return the lines of a greeting or a refusing banner, without the policy's code.

    `hostname` is that of the interface; the policy may put another or none in its place. It
    stands in front of the text, or in a line of its own if the policy rejects (mailflow 3.3).
    """
    host = policy.override_hostname if policy.use_override_hostname else hostname
    lines = reply_lines(policy.smtp_banner_text, variables)
    if not host:
        return lines
    if policy.rule is Rule.REJECT:
        return (host, *lines)
    return (f"{host} {lines[0]}"[:LINE_LENGTH_MAX], *lines[1:])


def _harmless(value: str) -> str:
    """Return `value` as it may stand in a line: short, and without what could end the line."""
    value = value[:VALUE_LENGTH_MAX]
    if value.isprintable():
        return value
    return "".join(letter if letter.isprintable() else "?" for letter in value)
