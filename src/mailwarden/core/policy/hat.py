"""The Host Access Table: which hosts may connect, and under which policy (mailflow 3.1)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.host_forms import (
    HostForm,
    HostKind,
    NameStatus,
    parse_host_form,
)
from mailwarden.core.problem import Problem

HOSTS_MAX: Final = 100_000  # in all groups together
ENTRIES_MAX: Final = 100_000  # groups, and hosts that stand alone
POLICIES_MAX: Final = 1000
COMMENT_LENGTH_MAX: Final = 1000
LINE_LENGTH_MAX: Final = 8192  # of the text file, without blanks around it

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
# "None" is what logs say of a host in no group, and "ALL" is the last entry.
_NAMES_TAKEN: Final = frozenset({"none", "all"})
_BY_NAME: Final = (HostKind.NAME, HostKind.BELOW)
_BY_SCORE: Final = (HostKind.SCORE, HostKind.NO_SCORE)
# The boxes of a group for hosts without a verified name, in the order of the manual.
UNVERIFIED: Final = (NameStatus.NX_DOMAIN, NameStatus.SERV_FAIL, NameStatus.NOT_DOUBLE_VERIFIED)


class ListedHost(NamedTuple):
    """A host as it stands in the table, with its comment, and lines of comment above it."""

    form: HostForm
    comment: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderGroup:
    """Hosts that are treated alike. The first host that matches decides; then the boxes do.

    `access` is the name of a policy without its `$`, or a rule with parameters of its own.
    `dns_host_verification` makes hosts match that have no verified name, for one of these
    reasons, in the order of `UNVERIFIED`. `remarks` are lines of comment, without their `#`.
    """

    name: str
    access: str | HatPolicy
    hosts: tuple[ListedHost, ...] = ()
    dns_host_verification: tuple[NameStatus, ...] = ()
    comment: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnonymousEntry:
    """One host that is in no group."""

    host: ListedHost
    access: str | HatPolicy
    comment: str = ""


@dataclass(frozen=True, slots=True)
class LastEntry:
    """ALL: what is done with every host that nothing above it decided about."""

    access: str | HatPolicy
    comment: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostAccessTable:
    """The table of one listener, in order: the first entry that matches decides.

    An entry whose rule is CONTINUE decides nothing. `last` always decides; it cannot be moved.
    """

    policies: tuple[HatPolicy, ...]
    entries: tuple[SenderGroup | AnonymousEntry, ...]
    last: LastEntry
    remarks: tuple[str, ...] = ()  # lines of comment at the very end

    def policies_by_name(self) -> dict[str, HatPolicy]:
        """Return the named policies."""
        return {policy.name: policy for policy in self.policies}

    def has_names(self) -> bool:
        """Whether an entry asks for a host's name, or why it has none."""
        return any(map(_asks_for_names, self.entries))

    def has_scores(self) -> bool:
        """Whether an entry asks for a host's score, or whether it has one."""
        return any(_has_host(entry, _BY_SCORE) for entry in self.entries)

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong, for a table that does not come from a text file."""
        yield from self._policy_problems()
        yield from self._size_problems()
        policies = self.policies_by_name()
        names: set[str] = set()
        for number, entry in enumerate(self.entries):
            path = f"entries[{number}]"
            if isinstance(entry, SenderGroup):
                yield from _group_problems(entry, path, names)
                names.add(entry.name)
            else:
                yield from _host_problems(entry.host, f"{path}.host")
            yield from _access_problems(entry.access, f"{path}.access", policies)
            yield from _comment_problems(entry.comment, f"{path}.comment")
        yield from _access_problems(self.last.access, "last.access", policies)
        yield from _comment_problems(self.last.comment, "last.comment")
        yield from _remark_problems(self.last.remarks, "last.remarks")
        yield from _remark_problems(self.remarks, "remarks")
        if rule_of(self.last.access, policies) is Rule.CONTINUE:
            yield Problem("last.access", "is CONTINUE, but nothing follows that could decide")

    def _policy_problems(self) -> Iterator[Problem]:
        names: set[str] = set()
        for number, policy in enumerate(self.policies):
            path = f"policies[{number}]"
            yield from _name_problems(policy.name, f"{path}.name", names)
            names.add(policy.name)
            yield from (each.under(path) for each in policy.problems())
            yield from _remark_problems(policy.remarks, f"{path}.remarks")

    def _size_problems(self) -> Iterator[Problem]:
        hosts = sum(len(each.hosts) for each in self.entries if isinstance(each, SenderGroup))
        for path, count, most in (
            ("policies", len(self.policies), POLICIES_MAX),
            ("entries", len(self.entries), ENTRIES_MAX),
            ("entries", hosts, HOSTS_MAX),
        ):
            if count > most:
                yield Problem(path, f"are {count}, more than {most}")


def _asks_for_names(entry: SenderGroup | AnonymousEntry) -> bool:
    if isinstance(entry, SenderGroup) and entry.dns_host_verification:
        return True
    return _has_host(entry, _BY_NAME)


def _has_host(entry: SenderGroup | AnonymousEntry, kinds: tuple[HostKind, ...]) -> bool:
    hosts = entry.hosts if isinstance(entry, SenderGroup) else (entry.host,)
    return any(host.form.kind in kinds for host in hosts)


def rule_of(access: str | HatPolicy, policies: dict[str, HatPolicy]) -> Rule | None:
    """Return the rule that `access` comes to; None if it names a policy that there is not."""
    policy = policies.get(access) if isinstance(access, str) else access
    return None if policy is None else policy.rule


def list_hosts(*texts: str) -> tuple[ListedHost, ...]:
    """Return the hosts that `texts` name, without comments.

    Raises:
        ValueError: one of them names none.
    """
    return tuple(ListedHost(parse_host_form(text)) for text in texts)


def check_name(name: str) -> None:
    """Look whether `name` may be that of a policy or sender group.

    Raises:
        ValueError: it may not; the message says why.
    """
    if not _NAME.match(name):
        raise ValueError(
            f"{name[:SHOWN_LENGTH_MAX]!r} is no name: it takes up to 64 of the letters a-z and "
            "A-Z, digits and `_ . -`, and begins with a letter or `_`"
        )
    if name.lower() in _NAMES_TAKEN:
        raise ValueError(f"the name {name} has a meaning of its own in the table and in logs")


def check_comment(comment: str) -> None:
    """Look whether `comment` may stand in parentheses.

    Raises:
        ValueError: it may not; the message says why.
    """
    if len(comment) > COMMENT_LENGTH_MAX:
        raise ValueError(f"the comment is longer than {COMMENT_LENGTH_MAX} letters")
    if comment != " ".join(comment.split()) or not comment.isprintable():
        raise ValueError("the comment has signs in it that cannot be shown, or blanks too many")


def _name_problems(name: str, path: str, taken: set[str]) -> Iterator[Problem]:
    try:
        check_name(name)
    except ValueError as error:
        yield Problem(path, str(error))
    if name in taken:
        yield Problem(path, f"is {name}, like one above")


def _group_problems(group: SenderGroup, path: str, names: set[str]) -> Iterator[Problem]:
    yield from _name_problems(group.name, f"{path}.name", names)
    yield from _remark_problems(group.remarks, f"{path}.remarks")
    flags = group.dns_host_verification
    if flags != tuple(each for each in UNVERIFIED if each in flags):
        yield Problem(
            f"{path}.dns_host_verification", "takes nx.domain, serv.fail, not.double.verified"
        )
    seen = set()
    for number, host in enumerate(group.hosts):
        yield from _host_problems(host, f"{path}.hosts[{number}]")
        if host.form.same() in seen:
            yield Problem(f"{path}.hosts[{number}]", f"{host.form.text} is in the group already")
        seen.add(host.form.same())


def _host_problems(host: ListedHost, path: str) -> Iterator[Problem]:
    yield from _comment_problems(host.comment, path)
    yield from _remark_problems(host.remarks, path)
    if host.form.kind is HostKind.ALL:
        yield Problem(path, "ALL is the last entry and stands nowhere else")
        return
    try:
        form = parse_host_form(host.form.text)
    except ValueError as error:
        yield Problem(path, str(error))
    else:
        if form != host.form:
            yield Problem(path, f"{host.form.text[:SHOWN_LENGTH_MAX]} should be {form.text}")


def _access_problems(
    access: str | HatPolicy, path: str, policies: dict[str, HatPolicy]
) -> Iterator[Problem]:
    if isinstance(access, str):
        if access not in policies:
            yield Problem(path, f"there is no policy ${access[:SHOWN_LENGTH_MAX]}")
        return
    if access.name or access.remarks:
        yield Problem(path, "a rule in an entry has no name and no remarks")
    yield from (each.under(path) for each in access.problems())


def _comment_problems(comment: str, path: str) -> Iterator[Problem]:
    try:
        check_comment(comment)
    except ValueError as error:
        yield Problem(path, str(error))


def _remark_problems(remarks: Sequence[str], path: str) -> Iterator[Problem]:
    for remark in remarks:
        if "\n" in remark or remark != remark.rstrip() or len(remark) >= LINE_LENGTH_MAX:
            yield Problem(path, "a remark is one line, not too long, without blanks at its end")
