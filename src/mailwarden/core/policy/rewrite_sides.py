"""The sides of the rewriting tables: what stands left is looked for, what stands right is put.

A left side is `user@dom.example`, `user@.dom.example` (in any sub-domain), `@dom.example` or
`@.dom.example`; it is compared as `address_forms` says. A right side is a full address, its local
part as written, or `@dom.example`, which leaves the local part alone. Domains are in lower case
and A-labels, so that a new address needs no SMTPUTF8 (RFC 6531) for the sake of its domain.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from mailwarden.core.hostport import HOSTNAME_LENGTH_MAX, SHOWN_LENGTH_MAX, parse_hostname
from mailwarden.core.mail.address import (
    ADDRESS_OCTETS_MAX,
    LOCAL_PART_OCTETS_MAX,
    AddressError,
    AddressRules,
    ParserMode,
    parse_path,
)
from mailwarden.core.mail.domain import ASCII_LABEL, octets
from mailwarden.core.policy.address_forms import (
    ALL,
    FORM_LENGTH_MAX,
    NOWHERE,
    parse_form,
    split_address,
)
from mailwarden.core.policy.table_lines import LineNotes, numbered_lines

# Stands for what no table names: U+0000 is in no local part and no domain of a table.
ANYTHING: Final = "\0"

DOMAINS_KEPT_MAX: Final = 10_000  # that a reader remembers

_LOCAL: Final = rf"(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,{LOCAL_PART_OCTETS_MAX}}}+)"
_PLAIN_LOCAL: Final = re.compile(_LOCAL)
_PLAIN_DOMAIN: Final = re.compile(rf"(?:{ASCII_LABEL}\.)*+(?![0-9]++\Z){ASCII_LABEL}")
_PLAIN_LINE: Final = re.compile(
    rf"({_LOCAL}?)(?:@(\.?[A-Za-z0-9_.-]++))?[ \t]++(?!#)({_LOCAL}?)@([A-Za-z0-9_.-]++)"
)
_EXACT_LINE: Final = re.compile(
    rf"({_LOCAL})@([A-Za-z0-9_][A-Za-z0-9_.-]*+)[ \t]++(?!#)({_LOCAL})@([A-Za-z0-9_.-]++)"
).fullmatch
_RULES: Final = AddressRules(mode=ParserMode.STRICT, reject_local_characters="")
_FAR: Final = 1 << 60  # behind every position
_COLUMNS: Final = 31  # of the left side, so that most right sides stand in line

# A quoted string that is not closed takes the rest, so that no letter is looked at twice.
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_WORD: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^\s"])++', re.DOTALL)


class SideReader:
    """Reads the sides of one table; it remembers domains, of which most tables have few."""

    __slots__ = ("_domains",)

    def __init__(self) -> None:
        self._domains: Final[dict[str, str]] = {}

    def exact_line(self, line: str) -> tuple[str, str] | None:
        """Return the sides of a line as most are: two plain addresses, in domains met before.

        Every table takes such a line. None is one that has to be looked at more closely.
        """
        match = _EXACT_LINE(line)
        if match is None:
            return None
        user, old, local, new = match.groups()
        domains = self._domains
        if old not in domains or new not in domains:
            return None
        right = f"{local}@{domains[new]}"
        if len(right) > ADDRESS_OCTETS_MAX:
            return None
        return f"{user.lower()}@{domains[old]}", right

    def plain_line(self, line: str) -> tuple[str, str] | None:
        """Return the sides of a line without anything unusual; None is to be read word by word.

        No local part is in quotes, and the right side has an `@`. It means the same as `left` or
        `user`, and `address` or `domain`, in a third of the time.

        Raises:
            ValueError: a domain is none.
        """
        match = _PLAIN_LINE.fullmatch(line)
        if match is None:
            return None
        user, old, local, new = match.groups()
        right = f"{local}@{self._domains.get(new) or self.domain(new)}"
        if len(right) > ADDRESS_OCTETS_MAX:
            return None
        if old is None:
            return None if user == ALL else (user.lower(), right)
        return f"{user.lower()}@{self._domains.get(old) or self._below(old)}", right

    def left(self, text: str) -> str:
        """Return a left side in the form in which it is compared.

        Raises:
            ValueError: it is none; the message says what would be right.
        """
        local, at, domain = text.rpartition("@")
        if at and domain and domain[0] != "[" and (not local or _PLAIN_LOCAL.fullmatch(local)):
            return f"{local.lower()}@{self._below(domain)}"
        return self._unusual_left(text)

    def user(self, text: str) -> str:
        """Return a user name without a domain, in the form in which it is compared.

        Raises:
            ValueError: it is none.
        """
        if _PLAIN_LOCAL.fullmatch(text):
            return text.lower()
        if _has_domain(text):
            raise ValueError(f"{shown(text)} is no user name, since it has an @")
        _check_local(text, text)
        return parse_form(f"{text}@")[:-1]

    def address(self, text: str) -> str:
        """Return a full address, its local part as written, in quotes where it needs them.

        Raises:
            ValueError: it is none; the message says what would be right.
        """
        local, at, domain = text.rpartition("@")
        if not at or not local or not domain or text[-1] == '"':
            raise ValueError(f"{shown(text)} is not a full address; write user@dom.example")
        if not _PLAIN_LOCAL.fullmatch(local):
            local = _check_local(local, text)
        address = f"{local}@{self.domain(domain)}"
        if len(address) > ADDRESS_OCTETS_MAX or octets(address) > ADDRESS_OCTETS_MAX:
            raise ValueError(f"{shown(text)}... is longer than an address may be")
        return address

    def domain(self, text: str) -> str:
        """Return a domain in lower case and A-labels.

        Raises:
            ValueError: it is none; the message says why.
        """
        known = self._domains.get(text)
        if known is not None:
            return known
        if len(text) <= HOSTNAME_LENGTH_MAX and _PLAIN_DOMAIN.fullmatch(text):
            name = text.lower()
        else:
            if len(text) > FORM_LENGTH_MAX:
                raise ValueError(f"{shown(text)}... is longer than a domain may be")
            name = parse_hostname(text)
        if len(self._domains) < DOMAINS_KEPT_MAX:
            self._domains[text] = name
        return name

    def _below(self, text: str) -> str:
        return f".{self.domain(text[1:])}" if text[0] == "." else self.domain(text)

    def _unusual_left(self, text: str) -> str:
        local, at, domain = text.rpartition("@")
        if not at or not domain or text[-1] == '"':
            raise ValueError(
                f"{shown(text)} needs one of the forms user@dom.example, user@.dom.example, "
                "@dom.example or @.dom.example"
            )
        if local:
            _check_local(local, text)
        if domain[0] == "[":
            return parse_form(text)
        return parse_form(f"{local}@")[:-1] + f"@{self._below(domain)}"


class SideSearch:
    """Finds the first left side that an address falls under.

    The work is bounded by the length of an address, not by the size of the table.
    """

    __slots__ = ("_domains", "_exact", "_has_wide", "_parents", "_user_parents", "_users")

    def __init__(self) -> None:
        self._has_wide = False  # there are others than exact ones
        self._exact: Final[dict[str, int]] = {}  # user@dom.example
        self._users: Final[dict[str, int]] = {}  # user, in any domain or in none
        self._domains: Final[dict[str, int]] = {}  # dom.example
        self._parents: Final[dict[str, int]] = {}  # .dom.example
        self._user_parents: Final[dict[str, int]] = {}  # user@.dom.example

    def add(self, side: str, position: int) -> None:
        """Take a left side, or `user@`, which is that user in any domain.

        Positions rise from call to call: of equal sides the first counts.
        """
        at = side.rfind("@")
        if at == len(side) - 1:
            sides, key = self._users, side[:at]
        elif side[at + 1] != ".":
            sides, key = (self._exact, side) if at else (self._domains, side[1:])
        else:
            sides, key = (self._user_parents, side) if at else (self._parents, side[1:])
        if sides is not self._exact:
            self._has_wide = True
        sides.setdefault(key, position)

    def add_all(self, sides: Iterable[str]) -> None:
        """Take left sides at the positions 0, 1, 2 and so on, in a third of the time of `add`."""
        exact = self._exact
        for position, side in enumerate(sides):
            if side[0] != "@" and side[-1] != "@" and "@." not in side:
                exact.setdefault(side, position)
            else:
                self.add(side, position)

    def add_or_find_hiding(self, side: str, position: int) -> int:
        """Return as `find_hiding`; take `side` where that is NOWHERE."""
        if not self._has_wide and side[0] != "@" and side[-1] != "@" and "@." not in side:
            found = self._exact.setdefault(side, position)
            return NOWHERE if found == position else found
        hiding = self.find_hiding(side)
        if hiding == NOWHERE:
            self.add(side, position)
        return hiding

    def find_hiding(self, side: str) -> int:
        """Return the position of a side that matches all that this one matches, or NOWHERE.

        Behind it, this side would never be found.
        """
        found = self._exact.get(side, _FAR)
        if self._has_wide:
            local, _, domain = side.rpartition("@")
            if domain[:1] == ".":
                domain = ANYTHING + domain
            found = self._find_wide(local or ANYTHING, domain or ANYTHING, found)
        return NOWHERE if found == _FAR else found

    def find(self, address: str) -> int:
        """Return the position of the first side that matches, or NOWHERE."""
        local, domain = split_address(address)
        found = self._exact.get(f"{local}@{domain}", _FAR)
        if self._has_wide:
            found = self._find_wide(local, domain, found)
        return NOWHERE if found == _FAR else found

    def _find_wide(self, local: str, domain: str, found: int) -> int:
        """Return the lowest position of `found` and of all sides that are not exact."""
        position = self._domains.get(domain, _FAR)
        if position < found:
            found = position
        if self._users:
            found = min(found, self._users.get(local, _FAR))
        if self._parents or self._user_parents:
            found = min(found, self._find_parent(local, domain))
        return found

    def _find_parent(self, local: str, domain: str) -> int:
        found = _FAR
        dot = domain.find(".", 1)  # a domain does not lie below itself
        while dot > 0:
            parent = domain[dot:]
            found = min(found, self._parents.get(parent, _FAR))
            if self._user_parents:
                found = min(found, self._user_parents.get(f"{local}@{parent}", _FAR))
            dot = domain.find(".", dot + 1)
        return found


def apply_right(address: str, right: str) -> str | None:
    """Return what `right` makes of `address`; None is no change.

    An address that would get longer than one may be (RFC 5321, 4.5.3.1.3) stays as it is.
    """
    if right[0] != "@":
        new = right
    else:
        new = (address[: address.rfind("@")] if _has_domain(address) else address) + right
        if len(new) > ADDRESS_OCTETS_MAX or octets(new) > ADDRESS_OCTETS_MAX:
            return None
    return None if new == address else new


def read_sides(
    text: str,
    entries_max: int,
    notes: LineNotes,
    parse_entry: Callable[[str, SideReader], tuple[str, str]],
) -> tuple[list[tuple[str, str]], list[int]]:
    """Return the left and right sides in `text`, an entry a line, and the line of each.

    `parse_entry` raises ValueError for what is none; all of that goes to `notes`.
    """
    reader = SideReader()
    entries: list[tuple[str, str]] = []
    lines: list[int] = []
    for number, line in numbered_lines(text, notes):
        entry = reader.exact_line(line)
        try:
            entries.append(parse_entry(line, reader) if entry is None else entry)
            lines.append(number)
        except ValueError as error:
            notes.problem(number, str(error))
        if len(entries) > entries_max:
            notes.problem(number, f"the table has more than {entries_max} entries")
            break
    return entries, lines


def split_words(line: str) -> list[str]:
    """Return the words of `line` up to one that begins with `#`; blanks in quotes split nothing."""
    words = _WORD.findall(line) if '"' in line else line.split()
    if "#" in line:
        for place, word in enumerate(words):
            if word[0] == "#":
                return words[:place]
    return words


def build_line(left: str, right: str) -> str:
    """Return a line of a table of two columns, without a line end."""
    return f"{build_side(left):<{_COLUMNS}} {build_side(right)}"


def build_side(side: str) -> str:
    """Return `side` as a word, where `#` begins a comment."""
    if side[:1] != "#":
        return side
    local, at, domain = side.rpartition("@")
    return f'"{local}"{at}{domain}' if at else f'"{side}"'


def is_bare(address: str) -> bool:
    """Whether `address` has no domain."""
    return not _has_domain(address)


def shown(text: str) -> str:
    """Return `text` as a message about it shows it."""
    return repr(text[:SHOWN_LENGTH_MAX])


def _has_domain(address: str) -> bool:
    return "@" in address and address[-1] != '"'  # behind which that @ stands in quotes


def _check_local(local: str, text: str) -> str:
    """Return a local part that is not plain, in quotes where it needs them."""
    try:
        if len(local) > FORM_LENGTH_MAX or not local.isprintable():
            raise AddressError("too long, or a character that cannot be shown", local)
        path = parse_path(f"<{local}@>", _RULES, sender=False)
        if path.parameters or not path.address:
            raise AddressError("illegal character in the local part", local)
    except AddressError as error:
        raise ValueError(
            f"{shown(text)} is not an address ({error.reason}); a name with blanks or marks in it "
            'needs quotes, as in "joe doe"@dom.example'
        ) from None
    return path.address
