"""The text file of the Host Access Table, out and in (mailflow 3.10)."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mailwarden.core.policy.hat import (
    ENTRIES_MAX,
    HOSTS_MAX,
    POLICIES_MAX,
    AnonymousEntry,
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
    check_name,
    rule_of,
)
from mailwarden.core.policy.hat_lines import HatLines, shown
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.hat_rule_text import (
    PLACEHOLDER,
    build_access,
    is_access,
    parse_access,
    parse_setting,
    with_comment,
)
from mailwarden.core.policy.host_forms import HostKind, NameStatus, parse_host_form
from mailwarden.core.policy.imported import Imported
from mailwarden.core.problem import Problem

TEXT_LENGTH_MAX: Final = 16 * 1024 * 1024  # letters of a file

POLICIES_SHOWN_MAX: Final = 10
VERIFICATION_KEY: Final = "dns_host_verification"  # this and its words are (unconfirmed)
VERIFICATION_WORDS: Final = {
    "not_exist": NameStatus.NX_DOMAIN,
    "serv_fail": NameStatus.SERV_FAIL,
    "not_double_verified": NameStatus.NOT_DOUBLE_VERIFIED,
}


def parse_hat(text: str) -> Imported[HostAccessTable]:
    """Return the table that `text` holds, and everything wrong with it."""
    if len(text) > TEXT_LENGTH_MAX:
        problem = Problem("line 1", f"the file is longer than {TEXT_LENGTH_MAX} letters")
        return Imported(HostAccessTable((), (), LastEntry(PLACEHOLDER)), (problem,))
    return _Reader(text).read()


class _Reader:
    """Reads one text, from top to bottom, and goes on behind each thing that is wrong."""

    __slots__ = (
        "_entries", "_host_count", "_is_stopped", "_last", "_last_number", "_lines", "_names",
        "_policies", "_references",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self._lines: Final = HatLines(text)
        self._policies: Final[dict[str, HatPolicy]] = {}
        self._entries: Final[list[SenderGroup | AnonymousEntry]] = []
        self._names: Final[set[str]] = set()  # of groups
        self._last: LastEntry | None = None
        self._last_number = 0
        self._host_count = 0
        self._is_stopped = False
        self._references: Final[list[tuple[int, str]]] = []  # line, and name of the policy

    def read(self) -> Imported[HostAccessTable]:
        lines = self._lines
        while not self._is_full() and lines.advance():
            if lines.is_indented:
                lines.wrong(lines.number, "there is no group, host or policy above to belong to")
            elif lines.text[0] == "$":
                self._policy()
            elif lines.text.partition("(")[0].strip().upper() == "ALL":
                self._all()
            else:
                self._entry()
        if not self._is_stopped:
            self._check_whole()
        last = self._last or LastEntry(PLACEHOLDER)
        policies, entries = tuple(self._policies.values()), tuple(self._entries)
        return Imported(
            HostAccessTable(policies, entries, last, lines.take_remarks()),
            tuple(sorted(lines.problems, key=_line_of)),
            tuple(lines.warnings),
        )

    def _is_full(self) -> bool:
        """Whether to read on makes no sense, or would take too much memory."""
        if self._is_stopped:
            return True
        for count, most, what in (
            (len(self._policies), POLICIES_MAX, "policies"),
            (len(self._entries), ENTRIES_MAX, "entries"),
            (self._host_count, HOSTS_MAX, "hosts in groups"),
        ):
            if count > most:
                self._lines.wrong(
                    self._lines.number, f"there are more than {most} {what}; the rest was not read"
                )
                self._is_stopped = True
        self._is_stopped = self._is_stopped or self._lines.has_too_many_problems()
        return self._is_stopped

    def _check_whole(self) -> None:
        lines = self._lines
        if self._last is None:
            lines.wrong(
                lines.number,
                "ALL is missing: the file ends with ALL and, below it, what is done with the rest",
            )
        elif rule_of(self._last.access, self._policies) is Rule.CONTINUE:
            lines.wrong(self._last_number, "ALL cannot CONTINUE: nothing follows that could decide")
        for number, name in self._references:
            if name not in self._policies:
                known = ", ".join(f"${each}" for each in islice(self._policies, POLICIES_SHOWN_MAX))
                hint = f"; there are {known}" if known else ", and no other in this text"
                lines.wrong(number, f"there is no policy {shown(f'${name}')}{hint}")

    # What begins in the first column.

    def _policy(self) -> None:
        lines = self._lines
        number, name, remarks = lines.number, lines.text[1:].strip(), lines.take_remarks()
        lines.check(check_name, name)
        if name in self._policies:
            lines.wrong(number, f"there is a policy {shown(f'${name}')} above already")
        access, comment = parse_access(lines, number)
        if isinstance(access, str):
            lines.wrong(lines.number, "a policy needs a rule, not the name of another policy")
            access = PLACEHOLDER
        if comment:  # the format has no place for it here, but nothing that is written gets lost
            lines.remarks.append(f" {comment}")
        remarks = (*remarks, *lines.take_remarks())
        self._policies.setdefault(name, HatPolicy(access.rule, access.parameters, name, remarks))

    def _all(self) -> None:
        lines = self._lines
        number = lines.number
        if self._last is not None:
            lines.wrong(number, f"ALL stands in line {self._last_number} already")
        self._last_number = number
        if "(" in lines.text:
            lines.remarks.append(f" {lines.parse_comment(lines.text[3:])}".rstrip())
        access, comment = self._access(number)
        self._last = LastEntry(access, comment, lines.take_remarks())

    def _entry(self) -> None:
        lines = self._lines
        number, text = lines.number, lines.text
        if self._last is not None:
            lines.wrong(number, f"ALL, in line {self._last_number}, has to be the last entry")
        # A colon ends the line of a group; but also an IPv6 address, which has others as well.
        if text.endswith(":") and ":" not in text[:-1]:
            self._group(number, text[:-1].rstrip())
            return
        host = self._host()
        access, comment = self._access(number)
        if host is not None:
            host = host._replace(remarks=(*host.remarks, *lines.take_remarks()))
            self._entries.append(AnonymousEntry(host, access, comment))

    def _group(self, number: int, name: str) -> None:
        lines = self._lines
        remarks = [*lines.take_remarks()]
        lines.check(check_name, name)
        if name in self._names:
            lines.wrong(number, f"there is a group {shown(name)} above already")
        self._names.add(name)
        hosts = _Hosts()
        access: str | HatPolicy | None = None
        comment = ""
        while not self._is_full() and lines.advance():
            if not lines.is_indented:
                lines.back()
                break
            if access is not None:
                lines.wrong(lines.number, "the rule or policy is the last line of a group")
            if is_access(lines.text):
                lines.back()
                access, comment = self._access(number)
                remarks += lines.take_remarks()
            elif "=" in lines.text.partition("(")[0]:
                remarks += lines.take_remarks()
                self._group_setting(hosts)
            else:
                self._group_host(hosts)
        if access is None:
            if not self._is_stopped:
                lines.wrong(number, "the group has no rule or policy as its last line")
            access = PLACEHOLDER
        self._entries.append(
            SenderGroup(
                name, access, tuple(hosts.listed), hosts.flags or (), comment, tuple(remarks)
            )
        )

    def _access(self, owner: int) -> tuple[str | HatPolicy, str]:
        """Return rule or policy, and keep in mind which policy has to be there."""
        access, comment = parse_access(self._lines, owner)
        if isinstance(access, str):
            self._references.append((self._lines.number, access))
        return access, comment

    # What is in a group.

    def _group_setting(self, hosts: "_Hosts") -> None:
        lines = self._lines
        setting = parse_setting(lines.text)
        if setting is None:
            lines.wrong(lines.number, f'needs the form {VERIFICATION_KEY} = "not_exist, serv_fail"')
            return
        key, value = setting
        if key != VERIFICATION_KEY:
            lines.warn(lines.number, f"{shown(key)} is not known and is left out")
            return
        if hosts.flags is not None:
            lines.wrong(lines.number, f"{VERIFICATION_KEY} stands twice in the group")
        words = {word.strip().lower() for word in value.split(",")} - {""}
        unknown = words - set(VERIFICATION_WORDS)
        if unknown:
            known = ", ".join(VERIFICATION_WORDS)
            lines.wrong(lines.number, f"{shown(min(unknown))} is none of {known}")
        hosts.flags = tuple(each for word, each in VERIFICATION_WORDS.items() if word in words)

    def _group_host(self, hosts: "_Hosts") -> None:
        lines = self._lines
        host = self._host()
        if host is None:
            return
        same = host.form.same()
        if same in hosts.known:
            lines.warn(lines.number, f"{host.form.text} is in the group already and is left out")
            lines.remarks.extend(host.remarks)  # they go to what follows
            return
        self._host_count += 1
        hosts.known.add(same)
        hosts.listed.append(host)

    def _host(self) -> ListedHost | None:
        """Return the host in the line at hand."""
        lines = self._lines
        name, parenthesis, comment = lines.text.partition("(")
        shown_comment = lines.parse_comment(parenthesis + comment) if parenthesis else ""
        try:
            form = parse_host_form(name)
        except ValueError as error:
            lines.wrong(lines.number, str(error))
            return None
        if form.kind is HostKind.ALL:
            lines.wrong(lines.number, "ALL is the last entry and stands nowhere else")
            return None
        return ListedHost(form, shown_comment, lines.take_remarks())


class _Hosts:
    """What a group has so far."""

    __slots__ = ("flags", "known", "listed")

    def __init__(self) -> None:
        self.listed: Final[list[ListedHost]] = []
        self.known: Final[set[tuple[HostKind, str, int, int]]] = set()
        self.flags: tuple[NameStatus, ...] | None = None


def _line_of(problem: Problem) -> int:
    return int(problem.path.removeprefix("line "))


# And out.


def build_hat(table: HostAccessTable) -> str:
    """Return `table` as `parse_hat` reads it: policies first, then the entries in order."""
    return "".join(f"{line}\n" for line in _build(table))


def _build(table: HostAccessTable) -> Iterator[str]:
    for policy in table.policies:
        yield from _build_remarks(policy.remarks)
        yield f"${policy.name}"
        yield from build_access(policy, "", " " * 4)
    if table.policies:
        yield ""
    for entry in table.entries:
        if isinstance(entry, SenderGroup):
            yield from _build_group(entry)
        else:
            yield from _build_remarks(entry.host.remarks)
            yield with_comment(entry.host.form.text, entry.host.comment)
            yield from build_access(entry.access, entry.comment, " " * 4)
    yield from _build_remarks(table.last.remarks)
    yield "ALL"
    yield from build_access(table.last.access, table.last.comment, " " * 4)
    yield from _build_remarks(table.remarks)


def _build_group(group: SenderGroup) -> Iterator[str]:
    yield from _build_remarks(group.remarks)
    yield f"{group.name}:"
    indent = " " * 8
    if group.dns_host_verification:
        words = (w for w, each in VERIFICATION_WORDS.items() if each in group.dns_host_verification)
        yield f'{indent}{VERIFICATION_KEY} = "{", ".join(words)}"'
    for host in group.hosts:
        for line in _build_remarks(host.remarks):
            yield f"{indent}{line}"
        yield f"{indent}{with_comment(host.form.text, host.comment)}"
    yield from build_access(group.access, group.comment, indent)


def _build_remarks(remarks: tuple[str, ...]) -> Iterator[str]:
    return (f"#{remark}" for remark in remarks)
