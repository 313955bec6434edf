"""Hosts as the Host Access Table names them, and what is known of a host (mailflow 3.2)."""

import ipaddress
import re
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.hostport import HOSTNAME_LENGTH_MAX, SHOWN_LENGTH_MAX, parse_hostname

FORM_LENGTH_MAX: Final = 300  # the longest name, and what stands around it
OWNER_LENGTH_MAX: Final = 64
TENTHS_MIN: Final = -100  # scores are compared as tenths: with one decimal, exactly
TENTHS_MAX: Final = 100
# Words that stand where a host could; a host of that name could not be told from them.
RESERVED_WORDS: Final = frozenset({"accept", "relay", "reject", "tcprefuse", "continue", "all"})

_IPV4_LIKE: Final = re.compile(r"[0-9.][0-9./-]*\Z")
_SCORE: Final = re.compile(r"[+-]?[0-9]{1,2}(?:\.[0-9])?\Z")
_OWNER: Final = re.compile(r"[A-Za-z0-9._-]+\Z")


class NameStatus(Enum):
    """What looking up a host's name came to; the value is what the log says as match."""

    EXISTS = "exists"  # it leads back to the address; or nothing was looked up
    NX_DOMAIN = "nx.domain"  # there is no PTR record
    SERV_FAIL = "serv.fail"  # the DNS gave no answer
    NOT_DOUBLE_VERIFIED = "not.double.verified"  # the name does not lead back to the address


class HostFacts(NamedTuple):
    """What is known of a host that connects.

    `address` is an IP address as text. `name` is the verified name, `""` if there is none.
    `score` is from -10.0 to 10.0, None if there is none or it could not be had. `organisation`
    is the network owner's id. `dnslists` are the zones that list the host, in lower case.
    """

    address: str
    name: str = ""
    name_status: NameStatus = NameStatus.EXISTS
    score: float | None = None
    organisation: str = ""
    dnslists: tuple[str, ...] = ()


class HostKind(Enum):
    """What of a host is compared."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"
    NAME = "name"  # the verified name
    BELOW = "below"  # a verified name below a domain
    SCORE = "score"
    NO_SCORE = "no score"
    OWNER = "owner"
    DNSLIST = "DNS list"
    ALL = "all"


class HostForm(NamedTuple):
    """A host or hosts, as the table names them; made by `parse_host_form`.

    `text` is the form as logs show it and exports write it. `low` and `high` are the first and
    last address as numbers, or the bounds of the score in tenths. `value` is the name, zone or
    owner that must be equal, in lower case.
    """

    kind: HostKind
    text: str
    value: str = ""
    low: int = 0
    high: int = 0

    def same(self) -> tuple[HostKind, str, int, int]:
        """Return what is equal for two forms that match the same hosts (`10.2` and `10.2.`)."""
        return self.kind, self.value, self.low, self.high

    def matches(self, facts: HostFacts) -> bool:
        """Whether a host of which `facts` are known is meant."""
        match self.kind:
            case HostKind.IPV4 | HostKind.IPV6:
                found = address_number(facts.address)
                return found is not None and found[0] is self.kind and self._has(found[1])
            case HostKind.NAME:
                return verified_name(facts) == self.value
            case HostKind.BELOW:
                name = verified_name(facts)
                return name.endswith(self.value) and len(name) > len(self.value)
            case HostKind.SCORE:
                tenths = score_tenths(facts.score)
                return tenths is not None and self._has(tenths)
            case HostKind.NO_SCORE:
                return score_tenths(facts.score) is None
            case HostKind.OWNER:
                return facts.organisation.lower() == self.value
            case HostKind.DNSLIST:
                return self.value in facts.dnslists
            case HostKind.ALL:
                return True

    def _has(self, number: int) -> bool:
        return self.low <= number <= self.high


ALL_HOSTS: Final = HostForm(HostKind.ALL, "ALL")
NO_SCORE: Final = HostForm(HostKind.NO_SCORE, "sbrs[none]")


def verified_name(facts: HostFacts) -> str:
    """Return the name that may match, in lower case; an unverified one may not (mailflow 3.1)."""
    if not facts.name or facts.name_status is not NameStatus.EXISTS:
        return ""
    if len(facts.name) > HOSTNAME_LENGTH_MAX + 1:
        return ""
    return facts.name.lower().removesuffix(".")


def score_tenths(score: float | None) -> int | None:
    """Return `score` in tenths, rounded as the log shows it; None if there is none."""
    if score is None or score != score:  # NaN is no score
        return None
    return round(round(min(max(score, -10.0), 10.0), 1) * 10)


def address_number(address: str) -> tuple[HostKind, int] | None:
    """Return the family and number of an IP address; None if `address` is none.

    IPv4 within IPv6 (RFC 4291, 2.5.5.2) counts as IPv4: so it comes from a dual-stack socket.
    """
    try:
        if ":" not in address:
            return HostKind.IPV4, int(ipaddress.IPv4Address(address))
        number = int(ipaddress.IPv6Address(address.partition("%")[0]))
    except ValueError:
        return None
    if number >> 32 == 0xFFFF:
        return HostKind.IPV4, number & 0xFFFFFFFF
    return HostKind.IPV6, number


def parse_host_form(text: str) -> HostForm:
    """Return the form that an administrator wrote, of any kind in the table of mailflow 3.2.

    Names and keywords are kept in lower case (but `SBO` and `ALL`), scores with one decimal, IPv6
    in its shortest form; IPv4 stays as written, so that logs show what stands in the file.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    form = text.strip()
    if len(form) > FORM_LENGTH_MAX:
        raise ValueError(f"{_shown(form)} is longer than {FORM_LENGTH_MAX} letters")
    if _IPV4_LIKE.match(form):
        return _parse_ipv4(form)
    lowered = form.lower()
    if lowered == "all":
        return ALL_HOSTS
    if lowered.startswith("sbrs["):
        return _parse_score(form)
    if lowered.startswith("sbo:"):
        return _parse_owner(form)
    if lowered.startswith("dnslist["):
        return _parse_dnslist(form)
    if ":" in form:
        return _parse_ipv6(form)
    return _parse_name(form)


def build_score_form(low: int, high: int) -> HostForm:
    """Return the form for scores from `low` to `high`, both included, in tenths."""
    text = f"sbrs[{low / 10:.1f}:{high / 10:.1f}]"
    return HostForm(HostKind.SCORE, text, low=low, high=high)


def _parse_ipv4(form: str) -> HostForm:
    head, slash, prefix = form.partition("/")
    if slash:
        return _parse_ipv4_network(form, head, prefix)
    first, dash, last = head.partition("-")
    # A dot at the end says that octets are missing; behind a range it may stand there, too.
    octets = _octets(first if dash else first.removesuffix("."), form)
    has_dot = (last if dash else first).endswith(".")
    if has_dot and len(octets) == 4:
        raise ValueError(f"{_shown(form)} has a dot too many at its end")
    highest = octets
    if dash:
        upper = _octets(last.removesuffix("."), form)
        if len(upper) != 1 or upper[0] < octets[-1]:
            raise ValueError(
                f"{_shown(form)} is not a range; write 10.2.3.5-20: the range is in the last "
                "number, the lower one first"
            )
        highest = [*octets[:-1], upper[0]]
    missing = 8 * (4 - len(octets))
    low = _number(octets) << missing
    high = ((_number(highest) + 1) << missing) - 1
    return HostForm(HostKind.IPV4, form, low=low, high=high)


def _parse_ipv4_network(form: str, head: str, prefix: str) -> HostForm:
    octets = _octets(head.removesuffix("."), form)
    bits = _prefix(prefix, 32, form)
    low = _number(octets) << 8 * (4 - len(octets))
    size = 1 << (32 - bits)
    if low % size:
        right = ipaddress.IPv4Address(low - low % size)
        raise ValueError(f"{_shown(form)} has bits set behind its prefix; write {right}/{bits}")
    return HostForm(HostKind.IPV4, form, low=low, high=low + size - 1)


def _octets(text: str, form: str) -> list[int]:
    parts = text.split(".")
    numbers = []
    for part in parts:
        # A number that begins with 0 is octal to some and decimal to others: nobody's guess.
        is_number = part.isdigit() and len(part) <= 3 and (part[0] != "0" or part == "0")
        if not is_number or int(part) > 255:
            raise ValueError(
                f"{_shown(form)} is not an IPv4 address or part of one; write 10.2.3.4, 10.2.3., "
                "10.2.3.5-20 or 10.2.0.0/16"
            )
        numbers.append(int(part))
    if len(numbers) > 4:
        raise ValueError(f"{_shown(form)} has more than four numbers")
    return numbers


def _number(octets: list[int]) -> int:
    number = 0
    for octet in octets:
        number = number << 8 | octet
    return number


def _prefix(text: str, bits: int, form: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= bits):
        raise ValueError(f"{_shown(form)} needs a number from 0 to {bits} behind the slash")
    return int(text)


def _parse_ipv6(form: str) -> HostForm:
    head, slash, prefix = form.partition("/")
    bits = _prefix(prefix, 128, form) if slash else 128
    try:
        address = ipaddress.IPv6Address(head)
    except ValueError:
        address = None
    if address is None or "%" in head:
        raise ValueError(
            f"{_shown(form)} is none of the forms of a host; with a colon there are 2001:db8::1, "
            "2001:db8::/32, sbrs[-3.0:-1.0] and SBO:1234"
        )
    low = int(address)
    if low >> 32 == 0xFFFF:
        raise ValueError(
            f"{_shown(form)} is an IPv4 address within IPv6; write {address.ipv4_mapped}"
        )
    size = 1 << (128 - bits)
    if low % size:
        right = ipaddress.IPv6Address(low - low % size)
        raise ValueError(f"{_shown(form)} has bits set behind its prefix; write {right}/{bits}")
    text = f"{address}/{bits}" if slash else str(address)
    return HostForm(HostKind.IPV6, text, low=low, high=low + size - 1)


def _parse_score(form: str) -> HostForm:
    inside = _between_brackets(form)
    if inside.lower() == "none":
        return NO_SCORE
    low, colon, high = inside.partition(":")
    bounds = []
    for bound in (low.strip(), high.strip()):
        tenths = round(float(bound) * 10) if _SCORE.match(bound) else TENTHS_MAX + 1
        if not colon or not TENTHS_MIN <= tenths <= TENTHS_MAX:
            raise ValueError(
                f"{_shown(form)} is not a range of scores; write sbrs[-10.0:-3.0], from -10.0 to "
                "10.0 with one decimal, or sbrs[none]"
            )
        bounds.append(tenths)
    if bounds[0] > bounds[1]:
        raise ValueError(f"{_shown(form)} matches nothing: the lower score stands first")
    return build_score_form(bounds[0], bounds[1])


def _parse_owner(form: str) -> HostForm:
    owner = form[4:].strip()
    if len(owner) > OWNER_LENGTH_MAX or not _OWNER.match(owner):
        raise ValueError(f"{_shown(form)} does not name a network owner; write SBO:1234")
    return HostForm(HostKind.OWNER, f"SBO:{owner}", value=owner.lower())


def _parse_dnslist(form: str) -> HostForm:
    zone = parse_hostname(_between_brackets(form))
    return HostForm(HostKind.DNSLIST, f"dnslist[{zone}]", value=zone)


def _between_brackets(form: str) -> str:
    inside = form.partition("[")[2]
    if not inside.endswith("]"):
        raise ValueError(f"{_shown(form)} needs a ] at its end")
    return inside[:-1].strip()


def _parse_name(form: str) -> HostForm:
    below = form.startswith(".")
    name = parse_hostname(form[1:] if below else form)
    if _IPV4_LIKE.match(name):  # out of digits that are not ASCII
        raise ValueError(f"{_shown(form)} is neither an IP address nor a host name")
    if below:
        return HostForm(HostKind.BELOW, f".{name}", value=f".{name}")
    if name in RESERVED_WORDS:
        raise ValueError(f"{_shown(form)} is a word of the table and cannot name a host")
    return HostForm(HostKind.NAME, name, value=name)


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])
