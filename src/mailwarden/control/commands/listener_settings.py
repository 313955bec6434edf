"""`listenerconfig edit`: all of a listener that is no table of its own."""

from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.listener_words import (
    INTERFACES,
    LISTENER,
    LISTENERS,
    check_new_name,
    is_public,
    listener_of,
    parse_new_name,
    path_of,
    policy_section,
    section,
)
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.dialogue.declaration import Operation
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text
from mailwarden.control.dialogue.setting_questions import ask_setting, ask_settings
from mailwarden.core.mail.address_rules import AddressRules
from mailwarden.mailflow.listener.settings import (
    Listener,
    ListenerType,
    MailFlowPolicy,
    effective_policy,
)

NAMED_TYPES: Final = {
    ListenerType.PUBLIC: "Public",
    ListenerType.PRIVATE: "Private",
    ListenerType.BLACKHOLE: "Blackhole, queueing",
    ListenerType.BLACKHOLE_NON_QUEUEING: "Blackhole, not queueing",
}


NEW_NAME: Final = Text(
    key="name", prompt="Enter the new name for this listener.", of=parse_new_name,
    place=Place.WORD, form="a name",
    check=lambda scope, name: None if name == path_of(scope)[-1] else check_new_name(scope, name),
    default_from=lambda scope: path_of(scope)[-1],
)  # fmt: skip
INTERFACE: Final = (
    ask_name(Listener, "interface", present=section, empty_word="",
             prompt="Choose an interface for this listener."),
    ask_setting(Listener, "port", present=section, prompt="Enter the TCP port of this listener."),
)  # fmt: skip
LIMITS: Final = ask_settings(Listener, ("max_connections", "listen_queue"), present=section)
GENERAL: Final = (
    *ask_settings(
        Listener,
        ("default_domain", "add_received_header", "bare_cr_lf", "use_reputation", "reverse_dns",
         "enhanced_status_codes", "proxy_protocol_from", "xclient_from"),
        present=section, none_word="default",
    ),
    ask_name(Listener, "call_ahead", present=section, when=is_public,
             prompt="Choose the SMTP call-ahead profile."),
)  # fmt: skip
PARSER: Final = ask_settings(
    AddressRules,
    ("mode", "allow_8bit_local", "allow_8bit_domain", "allow_partial_domain", "source_routing",
     "address_literals", "reject_local_characters"),
    present=lambda scope: section(scope).get("address_parser") or {},
)  # fmt: skip
BOUNCES: Final = (
    ask_name(
        Listener, "bounce_profile", present=section, place=Place.WORD, empty_word="",
        prompt="Choose the bounce profile for mail that is received here.",
    ),
)  # fmt: skip
AUTH: Final = ask_settings(
    MailFlowPolicy, ("smtp_auth", "require_tls_for_auth"), present=policy_section
)
CERTIFICATE: Final = (
    ask_name(Listener, "certificate", present=section, place=Place.WORD,
             prompt="Choose the certificate for TLS."),
    ask_setting(Listener, "implicit_tls", present=section),
)  # fmt: skip


def _rename(scope: Settings) -> str:
    name = scope[NEW_NAME]
    old = path_of(scope)[-1]
    if name == old:
        return ""
    uses = scope.draft.rename(LISTENERS, old, name=name)
    scope.draft.note_name(LISTENERS, scope[LISTENER], name=name)
    said = f"{old} is now called {name}."
    return "\n".join([said, *(f"Also changed: {use}" for use in uses)])


def _store(questions: Any) -> Any:  # noqa: ANN401  an act for a tuple of questions
    def act(scope: Settings) -> None:
        store_answers(scope, Listener, questions, *path_of(scope))

    return act


def _set_up(scope: Settings) -> None:
    store_answers(scope, Listener, GENERAL, *path_of(scope))
    store_answers(scope, AddressRules, PARSER, *path_of(scope, "address_parser"))


def _set_auth(scope: Settings) -> None:
    store_answers(scope, MailFlowPolicy, AUTH, *path_of(scope, "policy"))


def summary(scope: Settings) -> str:
    """Return what a listener is, in lines."""
    listener = listener_of(scope)
    policy = effective_policy(listener)
    address = scope.draft.get(INTERFACES, listener.interface, "address") or ""
    mapped, masked = listener.domain_map.table.entries, listener.masquerade.table.entries
    tls = "implicit" if listener.implicit_tls else policy.tls.value
    return "\n".join(
        [
            f"Name: {listener.name}",
            f"Type: {NAMED_TYPES[listener.type]}",
            f"Interface: {listener.interface} ({address}) TCP Port {listener.port}",
            "Protocol: SMTP",
            f"Default Domain: {listener.default_domain or '<none configured>'}",
            f"Max Concurrency: {listener.max_connections} (TCP Queue: {listener.listen_queue})",
            f"Domain Map: {_entries(len(mapped))}",
            f"Masquerading: {_entries(len(masked))}",
            f"TLS: {tls.capitalize()} (Certificate: {listener.certificate or 'none'})",
            f"SMTP Authentication: {policy.smtp_auth.value.capitalize()}",
            f"Bounce Profile: {listener.bounce_profile}",
            f"SMTP Call-Ahead: {listener.call_ahead or 'Disabled'}",
            f"Use Reputation: {'Yes' if listener.finds_scores() else 'No'}",
        ]
    )


def _entries(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}" if count else "Disabled"


NAMING: Final[tuple[Operation[Any], ...]] = (
    Operation(name="NAME", purpose="Change the name of the listener.", questions=(NEW_NAME,),
              act=_rename),
    Operation(name="INTERFACE", purpose="Change the interface.", questions=INTERFACE,
              act=_store(INTERFACE)),
    Operation(name="LIMITS", purpose="Change the injection limits.", questions=LIMITS,
              act=_store(LIMITS)),
    Operation(name="SETUP", purpose="Configure general options.", questions=(*GENERAL, *PARSER),
              act=_set_up),
)  # fmt: skip
BOUNCECONFIG: Final[Operation[Any]] = Operation(
    name="BOUNCECONFIG", purpose="Choose the bounce profile to use for messages injected here.",
    questions=BOUNCES, act=_store(BOUNCES),
)  # fmt: skip
SECURITY: Final[tuple[Operation[Any], ...]] = (
    Operation(name="SMTPAUTH", purpose="Configure SMTP authentication.", questions=AUTH,
              act=_set_auth),
    Operation(name="CERTIFICATE", purpose="Choose the certificate.", questions=CERTIFICATE,
              act=_store(CERTIFICATE)),
)  # fmt: skip
