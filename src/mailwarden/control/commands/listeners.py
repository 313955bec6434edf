"""`listenerconfig`: the ports on which mail is taken (mailflow 2, 3 and 4)."""

from typing import Any, Final

from mailwarden.control.commands import host_access, recipient_access
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.listener_rewriting import DOMAIN_MAP_MENU, MASQUERADE_MENU
from mailwarden.control.commands.listener_settings import (
    BOUNCECONFIG,
    NAMED_TYPES,
    NAMING,
    SECURITY,
    summary,
)
from mailwarden.control.commands.listener_words import (
    INTERFACES,
    LISTENER,
    LISTENERS,
    check_new_name,
    has_listeners,
    is_public,
    parse_new_name,
)
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    YesNo,
    read_list,
    write_list,
)
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.core.patterns import parse_accepted
from mailwarden.core.policy.address_forms import ALL, parse_bare_form
from mailwarden.core.policy.hat import ListedHost
from mailwarden.core.policy.hat_predefined import Preset, private_table, public_table
from mailwarden.core.policy.hat_text import build_hat
from mailwarden.core.policy.host_forms import HostForm, parse_host_form
from mailwarden.core.policy.rat import DEFAULT_ENTRY, Rat, RatAction, RatEntry
from mailwarden.core.policy.rat_text import build_rat
from mailwarden.mailflow.listener.settings import InboundSettings, Listener, ListenerType
from mailwarden.services.throttling.settings import RateSettings

SMTP_PORT: Final = 25
_PUBLIC: Final = "public"
_PRIVATE: Final = "private"
_BLACKHOLE: Final = "blackhole"


def _check_port(scope: Settings, port: int) -> None:
    interface = scope[NEW_INTERFACE]
    for each in scope.draft.members(LISTENERS):
        if each.get("interface") == interface and each.get("port", SMTP_PORT) == port:
            raise ValueError(f"{each.get('name')} listens on port {port} of {interface} already")


def _free_port(scope: Settings) -> int:
    """Return what to offer: 25, or none of the ports that are taken."""
    interface = scope[NEW_INTERFACE]
    members = scope.draft.members(LISTENERS)
    taken = {each.get("port", SMTP_PORT) for each in members if each["interface"] == interface}
    offers = (SMTP_PORT, *range(2525, 65536))
    return next((port for port in offers if port not in taken), SMTP_PORT)


def _is(kind: str) -> Any:  # noqa: ANN401  a callable on scopes
    return lambda scope: scope.get(NEW_TYPE) == kind


NEW_NAME: Final = Text(
    key="name", prompt='Please enter a name for this listener (Ex: "InboundMail"):',
    of=parse_new_name, check=check_new_name, place=Place.WORD, form="a name",
)  # fmt: skip
NEW_TYPE: Final = Choice[str](
    key="type", prompt="Please choose the type of listener you want to create.", place=Place.WORD,
    options=(
        Option("Private", _PRIVATE), Option("Public", _PUBLIC), Option("Blackhole", _BLACKHOLE),
    ),
)  # fmt: skip
QUEUEING: Final = YesNo(
    key="queueing", prompt="Do you want messages to be queued onto disk before they are dropped?",
    default=True, when=_is(_BLACKHOLE),
)  # fmt: skip
NEW_INTERFACE: Final = ask_name(
    Listener, "interface", present=lambda _: None, place=Place.WORD, empty_word="",
    prompt="Please choose an IP interface for this listener.",
)  # fmt: skip
NEW_PORT: Final = Number(
    key="port", prompt="Please enter the TCP port for this listener.", minimum=1, maximum=65535,
    default_from=_free_port, check=_check_port,
)  # fmt: skip
DOMAINS: Final = Text[tuple[str, ...]](
    key="domains", of=read_list(parse_accepted), as_text=write_list, default=(),
    prompt="Please enter the domains or specific email addresses you want to accept mail for.\n"
    "Domains, .domains for all below them, and full addresses are allowed. Separate multiple\n"
    "entries with commas; without any, all recipients are rejected for now.",
    form="domains and addresses with commas", when=_is(_PUBLIC),
)  # fmt: skip
REPUTATION: Final = Choice[Preset](
    key="reputation", prompt="How much is the reputation of a host to count?",
    default=Preset.SETUP, options=tuple(Option(each.value, each) for each in Preset),
    when=_is(_PUBLIC),
)  # fmt: skip
RELAYS: Final = Text[tuple[HostForm, ...]](
    key="relays", of=read_list(parse_host_form), default=(),
    as_text=lambda forms: write_list([form.text for form in forms]),
    prompt="Please specify the systems allowed to relay email through this listener: addresses,\n"
    "networks, host names and .domains. Separate multiple entries with commas.",
    form="hosts with commas", when=_is(_PRIVATE),
)  # fmt: skip
LIMITED: Final = YesNo(
    key="rate_limiting", prompt="Do you want to limit the recipients per hour of each host?",
    default=False,
)  # fmt: skip
LIMIT: Final = Number(
    key="max_rcpts_per_hour", prompt="Enter the maximum number of recipients per hour.",
    minimum=1, when=lambda scope: bool(scope.get(LIMITED)),
)  # fmt: skip
INBOUND: Final[tuple[Question[Any], ...]] = ask_settings(
    InboundSettings,
    ("max_connections", "max_tls_connections", "max_header_lines", "max_header_size",
     "max_received_headers", "max_bad_commands", "command_timeout_seconds",
     "unsuccessful_timeout_seconds", "total_time_max_seconds", "received_hostname",
     "add_message_id", "delayed_hat_rejection", "credentials", "auth_profile"),
    present=lambda scope: scope.draft.section("inbound"),
)  # fmt: skip
RATES: Final[tuple[Question[Any], ...]] = ask_settings(
    RateSettings, ("windows", "reset_seconds"), present=lambda scope: scope.draft.section("rates")
)


def _create(scope: Settings) -> str:
    name, kind = scope[NEW_NAME], _type_of(scope)
    listener: dict[str, object] = {
        "name": name,
        "type": kind.value,
        "interface": scope[NEW_INTERFACE],
        "port": scope[NEW_PORT],
    }
    if kind is ListenerType.PUBLIC:
        listener["recipient_access"] = _recipients(scope[DOMAINS])
        listener["host_access"] = build_hat(public_table(scope[REPUTATION]))
    elif kind is ListenerType.PRIVATE:
        hosts = [ListedHost(form) for form in scope[RELAYS]]
        listener["host_access"] = build_hat(private_table(hosts))
    if scope.has(LIMIT):
        listener["policy"] = {"max_rcpts_per_hour": scope[LIMIT]}
    scope.draft.insert(LISTENERS, value=listener)
    return (
        f"Listener {name} created.\nDefaults have been set for a {NAMED_TYPES[kind]} listener.\n"
        "Use the listenerconfig->EDIT command to customize the listener."
    )


def _type_of(scope: Settings) -> ListenerType:
    if scope[NEW_TYPE] == _BLACKHOLE:
        is_queueing = scope[QUEUEING]
        return ListenerType.BLACKHOLE if is_queueing else ListenerType.BLACKHOLE_NON_QUEUEING
    return ListenerType(scope[NEW_TYPE])


def _recipients(domains: tuple[str, ...]) -> str:
    forms = dict.fromkeys(parse_bare_form(each) for each in domains if each != ALL)
    default = RatEntry(ALL, RatAction.ACCEPT) if ALL in domains else DEFAULT_ENTRY
    return build_rat(Rat(tuple(RatEntry(form, RatAction.ACCEPT) for form in forms), default))


def _remove(scope: Settings) -> str:
    scope.draft.remove(LISTENERS, scope[LISTENER])
    return f"Listener {scope[LISTENER]} is deleted."


def _set_up(scope: Settings) -> None:
    store_answers(scope, InboundSettings, INBOUND, "inbound")
    store_answers(scope, RateSettings, RATES, "rates")


def _summary(scope: Settings) -> str:
    lines = ["Currently configured listeners:"]
    for at, each in enumerate(scope.draft.members(LISTENERS), start=1):
        interface = each.get("interface")
        address = scope.draft.get(INTERFACES, str(interface), "address") or ""
        kind = NAMED_TYPES[ListenerType(each.get("type"))]
        port = each.get("port", SMTP_PORT)
        lines.append(
            f"{at}. {each.get('name')} (on {interface}, {address}) SMTP TCP Port {port} {kind}"
        )
    return "\n".join(lines) if len(lines) > 1 else "There are no listeners configured."


EDIT: Final[Menu[Any]] = Menu(
    summary=summary,
    operations=(
        *NAMING,
        Operation(name="HOSTACCESS", purpose="Modify the Host Access Table.",
                  menu=host_access.MENU),
        Operation(name="RCPTACCESS", purpose="Modify the Recipient Access Table.", when=is_public,
                  menu=recipient_access.MENU),
        BOUNCECONFIG,
        Operation(name="MASQUERADE", purpose="Configure the Domain Masquerading Table.",
                  menu=MASQUERADE_MENU),
        Operation(name="DOMAINMAP", purpose="Configure domain mappings.", menu=DOMAIN_MAP_MENU),
        *SECURITY,
    ),
)  # fmt: skip

LISTENERCONFIG: Final[Command[SettingsDraft]] = Command(
    name="listenerconfig", purpose="Configure listeners", commit=Commit.NEEDED,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(
                name="NEW", purpose="Create a new listener.", act=_create,
                questions=(NEW_NAME, NEW_TYPE, NEW_INTERFACE, QUEUEING, NEW_PORT, DOMAINS,
                           REPUTATION, RELAYS, LIMITED, LIMIT),
            ),
            Operation(name="EDIT", purpose="Modify a listener.", when=has_listeners,
                      questions=(LISTENER,), menu=EDIT),
            Operation(name="DELETE", purpose="Remove a listener.", when=has_listeners,
                      questions=(LISTENER,), act=_remove,
                      confirm=Confirm(key="sure", prompt=lambda scope: "Are you sure you want to "
                                      f"remove the listener {scope[LISTENER]}?")),
            Operation(name="SETUP", purpose="Change global settings.",
                      questions=(*INBOUND, *RATES), act=_set_up),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (LISTENERCONFIG,)
