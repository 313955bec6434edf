"""The Host Access Table made ready to be asked: the same answer in the same time, however long.

Every host in the table has a position in the order of the walk. For each thing that is known of
the host that connects one look-up gives the lowest position that it reaches; the lowest of these
is where the walk would have stopped.
"""

from bisect import bisect_right
from heapq import heappop, heappush
from typing import Final, NamedTuple

from mailwarden.core.policy.hat import HostAccessTable, SenderGroup
from mailwarden.core.policy.hat_policy import EffectivePolicy, HatPolicy, Rule, resolve
from mailwarden.core.policy.host_forms import (
    TENTHS_MAX,
    TENTHS_MIN,
    HostFacts,
    HostForm,
    HostKind,
    NameStatus,
    address_number,
    score_tenths,
    verified_name,
)


class Match(NamedTuple):
    """What decided about a host.

    `group` is the name of the sender group, None for a host that stands alone and for ALL.
    `entry` is what matched, as the log shows it: a host's form, `ALL`, or one of the values of
    `NameStatus` where the group takes hosts without a verified name.
    """

    group: str | None
    entry: str
    rule: Rule
    policy: EffectivePolicy


class Needs(NamedTuple):
    """What has to be found out about a host before it can be told which entry matches."""

    names: bool = False  # its verified name, or why it has none
    score: bool = False
    organisation: bool = False
    dnslists: tuple[str, ...] = ()  # the zones in which to look, in the order of the table


class HatIndex:
    """Answers as the table would, read from top to bottom."""

    __slots__ = (
        "_below", "_first", "_ipv4", "_ipv6", "_last", "_matches", "_names", "_needs", "_no_score",
        "_owners", "_scores", "_statuses", "_zones",
    )  # fmt: skip

    def __init__(self, table: HostAccessTable, defaults: EffectivePolicy) -> None:
        """Read `table`; `defaults` are what its policies leave open.

        Raises:
            ValueError: it names a policy that it does not have.
        """
        self._matches: Final[list[Match]] = []
        self._names: Final[dict[str, int]] = {}
        self._below: Final[dict[str, int]] = {}
        self._owners: Final[dict[str, int]] = {}
        self._zones: Final[dict[str, int]] = {}
        self._statuses: Final[dict[NameStatus, int]] = {}
        policies = _Policies(table, defaults)
        networks: dict[HostKind, list[tuple[int, int, int]]] = {
            HostKind.IPV4: [],
            HostKind.IPV6: [],
        }
        scores: list[tuple[int, int, int]] = []
        no_score: list[int] = []
        for entry in table.entries:
            policy = policies.find(entry.access)
            if policy.rule is Rule.CONTINUE:
                continue
            if not isinstance(entry, SenderGroup):
                self._add(entry.host.form, None, policy, networks, scores, no_score)
                continue
            for host in entry.hosts:
                self._add(host.form, entry.name, policy, networks, scores, no_score)
            for status in entry.dns_host_verification:
                self._statuses.setdefault(status, len(self._matches))
                self._matches.append(Match(entry.name, status.value, policy.rule, policy))
        policy = policies.find(table.last.access)
        self._last: Final = len(self._matches)
        self._matches.append(Match(None, "ALL", policy.rule, policy))
        self._ipv4: Final = _Intervals(networks[HostKind.IPV4], self._last)
        self._ipv6: Final = _Intervals(networks[HostKind.IPV6], self._last)
        self._no_score: Final = min(no_score, default=self._last)
        by_score = _Intervals(scores, self._last)
        self._scores: Final = [by_score.find(n) for n in range(TENTHS_MIN, TENTHS_MAX + 1)]
        named = [*self._names.values(), *self._below.values(), *self._statuses.values()]
        self._first: Final = (
            min(named, default=self._last),
            min(self._no_score, *self._scores),
            min(self._owners.values(), default=self._last),
        )
        self._needs: Final = self._needs_before(self._last)

    def __len__(self) -> int:
        """Return how many things can match, ALL among them."""
        return len(self._matches)

    @property
    def policies(self) -> list[EffectivePolicy]:
        """All policies that a host can come under."""
        return list({id(match.policy): match.policy for match in self._matches}.values())

    @property
    def needs(self) -> Needs:
        """What has to be known of a host of which nothing is known, not even its address."""
        return self._needs

    def needs_of(self, address: str) -> Needs:
        """Return what has to be known of the host at `address`.

        That is less than `needs` where its address matches, and only entries above that matter.
        """
        return self._needs_before(self._at_address(address))

    def find(self, facts: HostFacts) -> Match:
        """Return what decides about a host of which `facts` are known.

        The time depends on the length of its name and the number of its DNS lists only.
        """
        best = self._at_address(facts.address)
        if self._first[0] < best:
            best = min(best, self._at_name(facts))
        if self._first[1] < best:
            tenths = score_tenths(facts.score)
            at = self._no_score if tenths is None else self._scores[tenths - TENTHS_MIN]
            best = min(best, at)
        if self._first[2] < best:
            best = min(best, self._owners.get(facts.organisation.lower(), best))
        if self._zones:
            for zone in facts.dnslists:
                best = min(best, self._zones.get(zone, best))
        return self._matches[best]

    def _add(
        self,
        form: HostForm,
        group: str | None,
        policy: EffectivePolicy,
        networks: dict[HostKind, list[tuple[int, int, int]]],
        scores: list[tuple[int, int, int]],
        no_score: list[int],
    ) -> None:
        position = len(self._matches)
        self._matches.append(Match(group, form.text, policy.rule, policy))
        match form.kind:
            case HostKind.IPV4 | HostKind.IPV6:
                networks[form.kind].append((form.low, form.high, position))
            case HostKind.SCORE:
                scores.append((form.low, form.high, position))
            case HostKind.NO_SCORE:
                no_score.append(position)
            case HostKind.NAME:
                self._names.setdefault(form.value, position)
            case HostKind.BELOW:
                self._below.setdefault(form.value, position)
            case HostKind.OWNER:
                self._owners.setdefault(form.value, position)
            case HostKind.DNSLIST:
                self._zones.setdefault(form.value, position)
            case HostKind.ALL:
                raise ValueError("ALL stands before the end of the table")

    def _at_address(self, address: str) -> int:
        found = address_number(address)
        if found is None:
            return self._last
        return (self._ipv4 if found[0] is HostKind.IPV4 else self._ipv6).find(found[1])

    def _at_name(self, facts: HostFacts) -> int:
        if facts.name_status is not NameStatus.EXISTS:
            return self._statuses.get(facts.name_status, self._last)
        name = verified_name(facts)
        best = self._names.get(name, self._last) if name else self._last
        if self._below:
            dot = name.find(".", 1)  # a name is not below itself
            while dot >= 0:
                best = min(best, self._below.get(name[dot:], best))
                dot = name.find(".", dot + 1)
        return best

    def _needs_before(self, position: int) -> Needs:
        names, scores, owners = self._first
        zones: list[str] = []
        for zone, at in self._zones.items():  # from the top of the table down
            if at > position:
                break
            zones.append(zone)
        return Needs(names < position, scores < position, owners < position, tuple(zones))


class _Policies:
    """The policies of a table with the defaults filled in, each made once."""

    __slots__ = ("_defaults", "_made", "_named")

    def __init__(self, table: HostAccessTable, defaults: EffectivePolicy) -> None:
        self._defaults: Final = defaults
        self._named: Final = {each.name: resolve(each, defaults) for each in table.policies}
        self._made: Final[dict[HatPolicy, EffectivePolicy]] = {}

    def find(self, access: str | HatPolicy) -> EffectivePolicy:
        if isinstance(access, HatPolicy):
            made = self._made.get(access)
            if made is None:
                made = self._made[access] = resolve(access, self._defaults)
            return made
        policy = self._named.get(access)
        if policy is None:
            raise ValueError(f"there is no policy ${access}")
        return policy


class _Intervals:
    """Numbers, and the lowest position of the intervals that have them in.

    Interval may lie in interval and across it: the line of numbers is cut at every end, and each
    piece keeps its answer.
    """

    __slots__ = ("_positions", "_starts")

    def __init__(self, intervals: list[tuple[int, int, int]], nowhere: int) -> None:
        self._starts: Final[list[int]] = []
        self._positions: Final[list[int]] = [nowhere]  # below the first start
        waiting = sorted(intervals)
        cuts = sorted({low for low, _, _ in waiting} | {high + 1 for _, high, _ in waiting})
        begun: list[tuple[int, int]] = []
        following = 0
        for cut in cuts:
            while following < len(waiting) and waiting[following][0] == cut:
                heappush(begun, (waiting[following][2], waiting[following][1]))
                following += 1
            while begun and begun[0][1] < cut:
                heappop(begun)
            position = begun[0][0] if begun else nowhere
            if position != self._positions[-1]:
                self._starts.append(cut)
                self._positions.append(position)

    def find(self, number: int) -> int:
        return self._positions[bisect_right(self._starts, number)]
