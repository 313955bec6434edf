"""`dnsconfig` and `dnsflush`: which name servers are asked, and what is remembered (admin 8.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, Final, NamedTuple

from mailwarden.control.commands.answered import put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
    Where,
)
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    read_list,
    write_list,
)
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import diagnostics
from mailwarden.system.dns.servers import PRIORITY_MAX, parse_server
from mailwarden.system.dns.settings import DnsSettings, parse_dns_domain

SECTION: Final = "dns"
SERVERS: Final = "servers"
TRUSTED: Final = "trusted_servers"  # the same, whose word on DNSSEC counts
DOMAINS: Final = "domains"
PRIORITY_MARK: Final = "/pri="


class Kind(Enum):
    """What a server is asked about."""

    EVERYTHING = "local"
    DOMAIN = "domain"


class Use(Enum):
    """Who is asked about all names that have no servers of their own."""

    SYSTEM = "system"
    OWN = "own"
    TRUSTED = "trusted"


class Entry(NamedTuple):
    """A server as it is set: the list that has it, and its position there."""

    path: tuple[str, ...]
    position: int
    address: str
    priority: int

    @property
    def domain(self) -> str:
        """The domain that it is asked about; "" is all names."""
        return self.path[2] if len(self.path) > 2 else ""

    @property
    def label(self) -> str:
        """What it is called in a batch line."""
        return f"{self.domain}={self.address}" if self.domain else self.address

    @property
    def line(self) -> str:
        """How it is shown."""
        where = f"{self.domain}: " if self.domain else ""
        return f"{where}{self.address} (priority {self.priority})"


def _address(text: str) -> str:
    """Return a server without a priority, as it is to be written."""
    where, slash, _ = text.strip().partition("/")
    parse_server(where)
    if slash:
        raise ValueError("the priority is asked for by itself")
    return where


def _written(address: str, priority: int) -> str:
    return f"{address}{PRIORITY_MARK}{priority}" if priority else address


def _general(scope: Settings) -> tuple[str, ...]:
    """Return the path of the list that has the servers for all names."""
    return (SECTION, TRUSTED if scope.draft.members(SECTION, TRUSTED) else SERVERS)


def _entries_at(scope: Settings, path: tuple[str, ...]) -> Iterator[Entry]:
    for position, text in enumerate(scope.draft.members(*path)):
        priority = parse_server(str(text)).priority
        yield Entry(path, position, str(text).partition("/")[0].strip(), priority)


def _entries(scope: Settings) -> list[Entry]:
    found = list(_entries_at(scope, _general(scope)))
    for domain in scope.draft.section(SECTION, DOMAINS):
        found += _entries_at(scope, (SECTION, DOMAINS, domain))
    return found


def _options(scope: Settings) -> list[Option[Entry]]:
    return [Option(entry.label, entry, entry.line) for entry in _entries(scope)]


def _has_entries(scope: Settings) -> bool:
    return bool(_entries(scope))


KIND: Final = Choice[Kind](
    key="kind", place=Place.WORD, default=Kind.EVERYTHING,
    prompt="Do you want to add a new local DNS cache server or an alternate domain server?",
    options=(
        Option(Kind.EVERYTHING.value, Kind.EVERYTHING, "Add a new local DNS cache server."),
        Option(Kind.DOMAIN.value, Kind.DOMAIN, "Add a new alternate domain server."),
    ),
)  # fmt: skip
DOMAIN: Final = Text(
    key="domain", of=parse_dns_domain, place=Place.WORD,
    prompt='Please enter the domain that this server answers for (Ex: "corp.example" or '
    '"10.in-addr.arpa").',
    form="a domain, for all at and below it", when=lambda scope: scope[KIND] is Kind.DOMAIN,
)  # fmt: skip
ADDRESSES: Final = Text[Sequence[str]](
    key="servers", place=Place.WORD, of=read_list(_address), as_text=write_list,
    prompt="Please enter the IP address of your DNS server. Separate multiple IPs with commas.",
    form="addresses with commas; `address:port` where it is not 53",
)  # fmt: skip
ENTRY: Final = Choice[Entry](
    key="server", prompt="Choose the server.", place=Place.WORD, options_from=_options,
    form="a server as it is shown, or `domain=server`",
)  # fmt: skip
ADDRESS: Final = Text(
    key="address", prompt="Please enter the IP address of your DNS server.", of=_address,
    default_from=lambda scope: scope[ENTRY].address, form="an address, or `address:port`",
)  # fmt: skip
PRIORITY: Final = Number(
    key="priority", prompt="Please enter the priority. A value of 0 has the highest priority.",
    default_from=lambda scope: scope[ENTRY].priority if scope.has(ENTRY) else 0,
    minimum=0, maximum=PRIORITY_MAX,
)  # fmt: skip


def _use(scope: Settings) -> Use:
    if scope.draft.members(SECTION, TRUSTED):
        return Use.TRUSTED
    return Use.OWN if scope.draft.members(SECTION, SERVERS) else Use.SYSTEM


def _present(scope: Settings) -> dict[str, Any]:
    return dict(scope.draft.section(SECTION))


USE: Final = Choice[Use](
    key="use", prompt="Which DNS servers do you want to use?", default_from=_use,
    options=(
        Option(Use.SYSTEM.value, Use.SYSTEM, "Use those of the operating system."),
        Option(Use.OWN.value, Use.OWN, "Use own DNS cache servers."),
        Option(Use.TRUSTED.value, Use.TRUSTED,
               "Use own DNS cache servers, and believe what they say of DNSSEC."),
    ),
)  # fmt: skip
OWN: Final = replace(
    ADDRESSES, place=Place.KEY,
    when=lambda scope: scope[USE] is not Use.SYSTEM and _use(scope) is Use.SYSTEM,
)  # fmt: skip
INTERFACE: Final = ask_name(
    DnsSettings, "interface", present=_present, empty_word="Auto",
    prompt="Choose the IP interface for DNS traffic.",
)  # fmt: skip
GENERAL: Final[tuple[Question[Any], ...]] = (
    INTERFACE,
    ask_setting(
        DnsSettings, "reverse_timeout_seconds", present=_present,
        prompt="Enter how long to wait before a reverse DNS lookup times out.",
    ),
    ask_setting(
        DnsSettings, "timeout_seconds", present=_present,
        prompt="Enter how long the servers may take for one question.",
    ),
    ask_setting(
        DnsSettings, "resend_seconds", present=_present,
        prompt="Enter after how long a question is sent again.",
    ),
    ask_setting(
        DnsSettings, "cache_ttl_min_seconds", present=_present,
        prompt="Enter the minimum TTL for the DNS cache.",
    ),
    ask_setting(
        DnsSettings, "cache_ttl_max_seconds", present=_present,
        prompt="Enter the maximum TTL for the DNS cache.",
    ),
    ask_setting(
        DnsSettings, "negative_ttl_max_seconds", present=_present,
        prompt="Enter the maximum TTL for names that do not exist.",
    ),
    ask_setting(
        DnsSettings, "cache_entries_max", present=_present,
        prompt="Enter how many answers each worker remembers.",
    ),
)  # fmt: skip


def _summary(scope: Settings) -> str:
    general = list(_entries_at(scope, _general(scope)))
    lines = ["Currently using the DNS servers of the operating system."]
    if general:
        believed = ", whose word on DNSSEC counts" if _use(scope) is Use.TRUSTED else ""
        lines = [f"Currently using the local DNS cache servers{believed}:"]
        lines += [f"{number}. {entry.line}" for number, entry in enumerate(general, 1)]
    alternate = _entries(scope)[len(general) :]
    if alternate:
        lines += ["", "Alternate servers for single domains:"]
        lines += [f"{n}. {entry.line}" for n, entry in enumerate(alternate, len(general) + 1)]
    return "\n".join(lines)


def _create(scope: Settings) -> str:
    path = _general(scope)
    if scope[KIND] is Kind.DOMAIN:
        path = (SECTION, DOMAINS, scope[DOMAIN])
    addresses = scope[ADDRESSES]
    added = [_written(address, scope[PRIORITY]) for address in addresses]
    _take(scope, path, [*scope.draft.members(*path), *added])
    return f"Added: {write_list(addresses)}."


def _edit(scope: Settings) -> None:
    entry = scope[ENTRY]
    members = [*scope.draft.members(*entry.path)]
    members[entry.position] = _written(scope[ADDRESS], scope[PRIORITY])
    _take(scope, entry.path, members)


def _delete(scope: Settings) -> str:
    entry = scope[ENTRY]
    members = [*scope.draft.members(*entry.path)]
    del members[entry.position]
    _take(scope, entry.path, members)
    return f"Removed: {entry.line}."


def _take(scope: Settings, path: tuple[str, ...], members: list[Any]) -> None:
    """Set a list of servers; one without any is as if it were not there."""
    places = [parse_server(str(member)).place for member in members]
    for place in places:
        if places.count(place) > 1:
            raise RefusedError(f"{place.host} is there already")
    if members:
        scope.draft.put(*path, value=members)
    elif scope.draft.has(*path):
        scope.draft.remove(*path)


def _set_up(scope: Settings) -> None:
    use, before = scope[USE], _general(scope)
    servers = [*scope.draft.members(*before), *(scope.get(OWN) or ())]
    _take(scope, before, [])
    if use is not Use.SYSTEM:
        _take(scope, (SECTION, TRUSTED if use is Use.TRUSTED else SERVERS), servers)
    standing = {each.key: fields_of(DnsSettings)[each.key].default() for each in GENERAL}
    put_answers(scope, (SECTION,), GENERAL, standing)


async def _flush(scope: Settings) -> Shown:
    with refused_as_told():
        count = await diagnostics.flush_caches(scope.draft.desk, "dnsflush")
    return Shown("The DNS cache is empty.", {"flushed": count})


DNSCONFIG: Final[Command[SettingsDraft]] = Command(
    name="dnsconfig", purpose="Configure the name servers", commit=Commit.NEEDED,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(name="NEW", purpose="Add a new server.",
                      questions=(KIND, DOMAIN, ADDRESSES, PRIORITY), act=_create),
            Operation(name="EDIT", purpose="Edit a server.", when=_has_entries,
                      questions=(ENTRY, ADDRESS, PRIORITY), act=_edit),
            Operation(name="DELETE", purpose="Remove a server.", when=_has_entries,
                      questions=(ENTRY,), act=_delete),
            Operation(name="SETUP", purpose="Configure general settings.",
                      questions=(USE, OWN, *GENERAL), act=_set_up),
        ),
    ),
)  # fmt: skip
DNSFLUSH: Final[Command[SettingsDraft]] = Command(
    name="dnsflush", purpose="Clear the DNS cache", where=Where.MACHINE, has_batch=False,
    confirm=Confirm(key="sure", prompt="Are you sure you want to clear out the DNS cache?"),
    act=_flush,
)  # fmt: skip

COMMANDS: Final = (DNSCONFIG, DNSFLUSH)
