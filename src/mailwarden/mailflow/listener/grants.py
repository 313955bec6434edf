"""What a policy grants to the sessions of a listener: made ready once, shared by all of them."""

import ssl
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import EffectivePolicy, Rule
from mailwarden.core.policy.hat_variables import (
    HatVariables,
    banner_lines,
    has_variables,
    reply_lines,
)
from mailwarden.core.policy.sender_check import SenderRules
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.rules import ConversationRules
from mailwarden.mailflow.listener.settings import InboundSettings, Listener

_NOBODY: Final = HatVariables("", "", "", "", "")


class ServerTls(NamedTuple):
    """The TLS contexts of a listener with a certificate; the others need `client_ca`."""

    plain: ssl.SSLContext
    checking: ssl.SSLContext | None = None  # the client's certificate, if it has one
    demanding: ssl.SSLContext | None = None  # that the client has one, and that it is right

    def context_for(self, policy: EffectivePolicy) -> ssl.SSLContext:
        """Return the one that `policy` asks for (mailflow 2.7)."""
        if not policy.verify_client_cert:
            return self.plain
        chosen = self.demanding if policy.tls is Demand.REQUIRED else self.checking
        return chosen or self.plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a host under `policy` may do, in the form in which sessions use it."""

    policy: EffectivePolicy
    rules: ConversationRules
    trusted_rules: ConversationRules  # of peers that may name the real client
    sender_rules: SenderRules | None  # None asks nothing of senders
    tls: ssl.SSLContext | None
    hostname: str  # of the interface
    greeter: EffectivePolicy  # whose banner is shown
    fixed_banner: Reply | None  # None: it has variables
    is_delayed: bool  # it rejects, but says so to each recipient instead of at once

    def banner(self, variables: HatVariables) -> Reply:
        """Return the greeting, or the refusal that stands in its place (mailflow 3.3)."""
        return _banner(self.greeter, self.hostname, variables)

    def refusal(self, variables: HatVariables) -> Reply:
        """Return what a recipient hears whose host is rejected with delay (mailflow 2.4)."""
        lines = reply_lines(self.policy.smtp_banner_text, variables)
        return Reply(self.policy.smtp_banner_code, *lines)


class Grants:
    """The grants of a listener; each policy's is made when the first host comes under it."""

    __slots__ = ("_has_users", "_hostname", "_inbound", "_made", "_settings", "_tls", "defaults")

    def __init__(
        self,
        settings: Listener,
        inbound: InboundSettings,
        defaults: EffectivePolicy,
        *,
        hostname: str,
        tls: ServerTls | None,
        has_users: bool,
    ) -> None:
        self._settings = settings
        self._inbound = inbound
        self._hostname = hostname
        self._tls = tls
        self._has_users = has_users
        self._made: Final[dict[EffectivePolicy, Grant]] = {}
        self.defaults: Final = defaults

    def of(self, policy: EffectivePolicy) -> Grant:
        """Return what `policy` grants."""
        grant = self._made.get(policy)
        if grant is None:
            grant = self._made[policy] = self._make(policy)
        return grant

    def _make(self, policy: EffectivePolicy) -> Grant:
        is_delayed = policy.rule is Rule.REJECT and self._inbound.delayed_hat_rejection
        greeter = self.defaults if is_delayed else policy
        rules = self._rules(policy, greeter)
        if is_delayed:  # whoever is to be refused is asked for nothing, lest nobody sees its mail
            rules = replace(rules, requires_tls=False, requires_auth=False, offers_auth=False)
        is_trusting = bool(self._settings.xclient_from)
        return Grant(
            policy=policy,
            rules=rules,
            trusted_rules=replace(rules, offers_xclient=True) if is_trusting else rules,
            sender_rules=None if is_delayed else sender_rules(policy),
            tls=None if self._tls is None else self._tls.context_for(policy),
            hostname=self._hostname,
            greeter=greeter,
            fixed_banner=None if has_variables(greeter.smtp_banner_text) else rules.greeting,
            is_delayed=is_delayed,
        )

    def _rules(self, policy: EffectivePolicy, greeter: EffectivePolicy) -> ConversationRules:
        settings, inbound = self._settings, self._inbound
        return ConversationRules(
            hostname=self._hostname,
            banner=_banner(greeter, self._hostname, _NOBODY),
            max_message_size=policy.max_message_size,
            max_rcpts_per_msg=policy.max_rcpts_per_msg,
            max_msgs_per_session=policy.max_msgs_per_session,
            max_header_size=inbound.max_header_size,
            max_header_lines=inbound.max_header_lines,
            max_bad_commands=inbound.max_bad_commands,
            bare_cr_lf=settings.bare_cr_lf,
            address_rules=settings.address_parser,
            default_domain=settings.default_domain,
            # Who is asked for a sender that exists must not be given one (mailflow 2.5).
            completes_senders=not policy.envelope_sender_verification,
            offers_starttls=policy.tls is not Demand.OFF and self._tls is not None,
            requires_tls=policy.tls is Demand.REQUIRED,
            offers_auth=policy.smtp_auth is not Demand.OFF and self._has_users,
            requires_auth=policy.smtp_auth is Demand.REQUIRED,
            requires_tls_for_auth=policy.require_tls_for_auth,
            enhanced_status_codes=settings.enhanced_status_codes,
        )


def _banner(policy: EffectivePolicy, hostname: str, variables: HatVariables) -> Reply:
    lines = banner_lines(policy, hostname, variables)
    return Reply(policy.smtp_banner_code, *lines, status=None)


def sender_rules(policy: EffectivePolicy) -> SenderRules | None:
    """Return what `policy` asks of senders, None if that is nothing (mailflow 3.8)."""
    if not (policy.envelope_sender_verification or policy.use_exception_table):
        return None
    return SenderRules(
        policy.envelope_sender_verification,
        policy.use_exception_table,
        domain_required=_reply(policy.sender_malformed_code, policy.sender_malformed_text),
        domain_missing=_reply(policy.sender_not_exist_code, policy.sender_not_exist_text),
        domain_unresolved=_reply(policy.sender_not_resolve_code, policy.sender_not_resolve_text),
    )


def _reply(code: int, text: str) -> Reply:
    return Reply(code, *text.split("\n"))
