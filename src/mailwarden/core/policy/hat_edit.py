"""Changes of single policies and entries in the text of a Host Access Table.

What is not changed stays as it is, to the letter: order, comments, blank lines, what is written in
another way than exports write it. The texts were accepted; what comes out is for the reader of
tables to accept.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mailwarden.core.policy.hat import (
    AnonymousEntry,
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
)
from mailwarden.core.policy.hat_access_edit import changed_access, changed_parameters
from mailwarden.core.policy.hat_parameters import ParameterValue
from mailwarden.core.policy.hat_places import LAST, Entry, HatPlaces, find_places
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.hat_rule_text import with_comment
from mailwarden.core.policy.hat_text import VERIFICATION_KEY, VERIFICATION_WORDS, build_hat
from mailwarden.core.policy.host_forms import NameStatus, parse_host_form

USERS_SHOWN_MAX: Final = 20
_GROUP_INDENT: Final = " " * 8


class HatEditError(ValueError):
    """The change cannot be made; the message says why."""


# Policies


def add_policy(text: str, policy: HatPolicy) -> str:
    """Return `text` with one more policy, behind the others."""
    places = find_places(text)
    if any(each.name == policy.name for each in places.policies):
        raise HatEditError(f"there is a policy ${policy.name} already")
    at = places.policies[-1].end if places.policies else _top(places)
    block = _built(HostAccessTable((policy,), (), _NO_LAST))
    return _spliced(places, at, at, block)


def remove_policy(text: str, name: str) -> str:
    """Return `text` without a policy; refused while entries use it."""
    places = find_places(text)
    policy = _policy(places, name)
    users = [each.name for each in _all_entries(places) if each.access.access == name]
    if users:
        more = f" and {len(users) - USERS_SHOWN_MAX} more" if len(users) > USERS_SHOWN_MAX else ""
        raise HatEditError(f"${name} is in use by {', '.join(users[:USERS_SHOWN_MAX])}{more}")
    return _spliced(places, policy.start, policy.end, ())


def rename_policy(text: str, name: str, new: str) -> tuple[str, list[str]]:
    """Return `text` with another name for a policy, and the entries that have it now."""
    places = find_places(text)
    policy = _policy(places, name)
    if new != name and any(each.name == new for each in places.policies):
        raise HatEditError(f"there is a policy ${new} already")
    lines = list(places.lines)
    lines[policy.line] = f"${new}"
    users = [each for each in _all_entries(places) if each.access.access == name]
    for each in users:
        line = lines[each.access.first]
        head, _, rest = line.partition("$")
        lines[each.access.first] = f"{head}${rest.replace(name, new, 1)}"
    return "\n".join(lines), [each.name for each in users]


def set_policy(
    text: str, name: str, rule: Rule, parameters: Mapping[str, ParameterValue | None]
) -> str:
    """Return `text` with another rule of a policy, and some parameters; None takes one away."""
    places = find_places(text)
    policy = _policy(places, name)
    return _with_access(places, policy, HatPolicy(rule), policy.access.comment, parameters)


# Entries


def add_entry(text: str, entry: SenderGroup | AnonymousEntry) -> str:
    """Return `text` with one more entry, in front of ALL."""
    places = find_places(text)
    name = entry.name if isinstance(entry, SenderGroup) else entry.host.form.text
    is_group = isinstance(entry, SenderGroup)
    if any(each.is_group == is_group and each.is_called(name) for each in places.entries):
        raise HatEditError(f"there is an entry {name} already")
    at = len(places.lines) if places.last is None else places.last.start
    return _spliced(places, at, at, _built(HostAccessTable((), (entry,), _NO_LAST)))


def remove_entry(text: str, name: str) -> str:
    """Return `text` without an entry and the comment right above it."""
    places = find_places(text)
    entry = find_entry(places, name)
    if entry is places.last:
        raise HatEditError("ALL stays: it is for all other hosts")
    return _spliced(places, entry.start, entry.end, ())


def move_entry(text: str, name: str, before: str) -> str:
    """Return `text` with an entry, and the comment right above it, in front of another one."""
    places = find_places(text)
    entry, target = find_entry(places, name), find_entry(places, before)
    if entry is places.last:
        raise HatEditError("ALL is always the last entry")
    if entry is target:
        return text
    lines = places.lines
    block = lines[entry.start : entry.end]
    if entry.start < target.start:
        moved = [*lines[: entry.start], *lines[entry.end : target.start], *block]
        return "\n".join([*moved, *lines[target.start :]])
    moved = [*lines[: target.start], *block, *lines[target.start : entry.start]]
    return "\n".join([*moved, *lines[entry.end :]])


def clear_entries(text: str) -> str:
    """Return `text` without any entry but ALL; policies stay."""
    places = find_places(text)
    gone = {at for entry in places.entries for at in range(entry.start, entry.end)}
    return "\n".join(line for at, line in enumerate(places.lines) if at not in gone)


def rename_group(text: str, name: str, new: str) -> str:
    """Return `text` with another name for a sender group."""
    places = find_places(text)
    group = find_group(places, name)
    if new != name and any(each.is_group and each.name == new for each in places.entries):
        raise HatEditError(f"there is a group {new} already")
    return _spliced(places, group.line, group.line + 1, (f"{new}:",))


def set_access(
    text: str,
    name: str,
    access: str | Rule,
    comment: str,
    parameters: Mapping[str, ParameterValue | None],
) -> str:
    """Return `text` with another rule or policy, comment and own parameters of an entry.

    Parameters are for a rule; None takes one away. What is not among them stays.
    """
    places = find_places(text)
    if isinstance(access, str):
        _policy(places, access)
        if parameters:
            raise HatEditError(f"what ${access} says is the same for all that have it")
        return _with_access(places, find_entry(places, name), access, comment, {})
    return _with_access(places, find_entry(places, name), HatPolicy(access), comment, parameters)


# Hosts of a group


def add_hosts(text: str, name: str, hosts: Sequence[ListedHost]) -> str:
    """Return `text` with more hosts in a group, behind the others."""
    places = find_places(text)
    group = find_group(places, name)
    known = {each.form.same() for each in group.hosts}
    for host in hosts:
        if host.form.same() in known:
            raise HatEditError(f"{host.form.text} is in {name} already")
        known.add(host.form.same())
    at = group.hosts[-1].line if group.hosts else max(group.line, group.flags_line)
    indent = _indent_of(places, group)
    block = [f"{indent}{with_comment(each.form.text, each.comment)}" for each in hosts]
    return _spliced(places, at + 1, at + 1, block)


def remove_hosts(text: str, name: str, hosts: Sequence[str]) -> str:
    """Return `text` without some hosts of a group."""
    places = find_places(text)
    group = find_group(places, name)
    gone = {_host_line(group, host) for host in hosts}
    return "\n".join(line for at, line in enumerate(places.lines) if at not in gone)


def move_host(text: str, name: str, host: str, before: str) -> str:
    """Return `text` with a host of a group in front of another one; "" is behind all."""
    places = find_places(text)
    group = find_group(places, name)
    line = _host_line(group, host)
    target = _host_line(group, before) if before else group.hosts[-1].line + 1
    lines = list(places.lines)
    moved = lines.pop(line)
    lines.insert(target - 1 if line < target else target, moved)
    return "\n".join(lines)


def set_verification(text: str, name: str, flags: Sequence[NameStatus]) -> str:
    """Return `text` with other boxes of a group for hosts without a verified name."""
    places = find_places(text)
    group = find_group(places, name)
    words = [word for word, each in VERIFICATION_WORDS.items() if each in flags]
    value = f'{_indent_of(places, group)}{VERIFICATION_KEY} = "{", ".join(words)}"'
    if group.flags_line < 0:
        return _spliced(places, group.line + 1, group.line + 1, (value,)) if words else text
    return _spliced(places, group.flags_line, group.flags_line + 1, (value,) if words else ())


# Looking things up


def find_entry(places: HatPlaces, name: str) -> Entry:
    """Return the group, host that stands alone, or ALL that is called so.

    Raises:
        HatEditError: there is none.
    """
    for each in _all_entries(places):
        if each.is_called(name):
            return each
    raise HatEditError(f"there is no entry {name[:80]}")


def find_group(places: HatPlaces, name: str) -> Entry:
    """Return a sender group; raises HatEditError as `find_entry`."""
    for each in places.entries:
        if each.is_group and each.name == name:
            return each
    raise HatEditError(f"there is no sender group {name[:80]}")


_NO_LAST: Final = LastEntry(HatPolicy(Rule.REJECT))


def _all_entries(places: HatPlaces) -> Iterator[Entry]:
    yield from places.entries
    if places.last is not None:
        yield places.last


def _policy(places: HatPlaces, name: str) -> Entry:
    for each in places.policies:
        if each.name == name:
            return each
    raise HatEditError(f"there is no policy ${name[:80]}")


def _host_line(group: Entry, host: str) -> int:
    same = parse_host_form(host).same()
    for each in group.hosts:
        if each.form.same() == same:
            return each.line
    raise HatEditError(f"{host[:80]} is not in {group.name}")


def _indent_of(places: HatPlaces, group: Entry) -> str:
    """Return what stands before what is in a group."""
    line = places.lines[group.hosts[0].line if group.hosts else group.access.first]
    return line[: len(line) - len(line.lstrip())] or _GROUP_INDENT


def _top(places: HatPlaces) -> int:
    """Return the line for the first policy: in front of all entries."""
    return min((each.start for each in _all_entries(places)), default=0)


def _built(table: HostAccessTable) -> list[str]:
    """Return the lines of a table with one thing in it, without ALL and what follows."""
    lines = build_hat(table).split("\n")
    lines = lines[: lines.index(LAST)]
    return lines[:-1] if lines[-1:] == [""] else lines


def _with_access(
    places: HatPlaces,
    entry: Entry,
    access: str | HatPolicy,
    comment: str,
    parameters: Mapping[str, ParameterValue | None],
) -> str:
    place = entry.access
    block = changed_access(places.lines[place.first : place.last + 1], place, access, comment)
    if parameters:
        block = changed_parameters(block, parameters)
    return _spliced(places, place.first, place.last + 1, block)


def _spliced(places: HatPlaces, start: int, end: int, block: Sequence[str]) -> str:
    return "\n".join([*places.lines[:start], *block, *places.lines[end:]])
