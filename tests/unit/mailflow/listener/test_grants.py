"""What policies grant, made ready once."""

from typing import Any, cast

import pytest

from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import HatPolicy, Rule, resolve
from mailwarden.core.policy.hat_variables import HatVariables
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.grants import Grant, Grants, ServerTls
from mailwarden.mailflow.listener.settings import (
    InboundSettings,
    Listener,
    ListenerType,
    MailFlowPolicy,
    effective_policy,
)

VARIABLES = HatVariables("SUSPECTLIST", "None", "None", "192.0.2.25", "192.0.2.25")
TLS = ServerTls(cast("Any", "plain"), cast("Any", "checking"), cast("Any", "demanding"))


def grant_of(rule: Rule = Rule.ACCEPT, *, delayed: bool = False, **given: Any) -> Grant:
    settings = Listener(
        name="In", type=ListenerType.PUBLIC, interface="Data1", default_domain="corp.example"
    )
    defaults = effective_policy(settings)
    grants = Grants(
        settings, InboundSettings(delayed_hat_rejection=delayed), defaults,
        hostname="gw1", tls=TLS, has_users=True,
    )  # fmt: skip
    policy = resolve(HatPolicy(rule, tuple(given.items())), defaults)
    assert grants.of(policy) is grants.of(policy)
    return grants.of(policy)


def test_banners_are_made_once_unless_they_have_variables() -> None:
    plain = grant_of()
    assert plain.fixed_banner == plain.banner(VARIABLES) == Reply(220, "gw1 ESMTP", status=None)
    own = grant_of(smtp_banner_code=221, smtp_banner_text="Hi $RemoteIP\n$Group")
    assert own.fixed_banner is None
    assert own.banner(VARIABLES) == Reply(221, "gw1 Hi 192.0.2.25", "SUSPECTLIST", status=None)


def test_a_delayed_refusal_greets_and_asks_for_nothing() -> None:
    asked: dict[str, Any] = {
        "tls": Demand.REQUIRED, "smtp_auth": Demand.REQUIRED, "envelope_sender_verification": True,
        "smtp_banner_text": "No $RemoteIP\nreally",
    }  # fmt: skip
    grant = grant_of(Rule.REJECT, delayed=True, **asked)
    assert grant.is_delayed
    assert grant.banner(VARIABLES) == Reply(220, "gw1 ESMTP", status=None)
    rules = grant.rules
    assert [rules.requires_tls, rules.requires_auth, rules.offers_auth] == [False] * 3
    assert grant.sender_rules is None
    assert grant.refusal(VARIABLES) == Reply(554, "No 192.0.2.25", "really")
    at_once = grant_of(Rule.REJECT, **asked)
    assert not at_once.is_delayed
    assert at_once.banner(VARIABLES).lines == ("gw1", "No 192.0.2.25", "really")


@pytest.mark.parametrize(
    ("verify", "tls", "context"),
    [
        (False, Demand.REQUIRED, "plain"),
        (True, Demand.PREFERRED, "checking"),
        (True, Demand.REQUIRED, "demanding"),
    ],
)
def test_client_certificates(verify: bool, tls: Demand, context: str) -> None:
    assert grant_of(verify_client_cert=verify, tls=tls).tls == context


def test_verified_senders_get_no_domain() -> None:
    assert grant_of().rules.sender_domain == "corp.example"
    verified = grant_of(envelope_sender_verification=True)
    assert verified.rules.sender_domain == ""
    assert verified.rules.default_domain == "corp.example"  # for recipients


def test_the_replies_of_verification_are_the_policys() -> None:
    given: dict[str, Any] = {
        "envelope_sender_verification": True,
        "sender_malformed_code": 550, "sender_malformed_text": "Who?\nSay it",
        "sender_not_resolve_text": "Later, $EnvelopeSender",
    }  # fmt: skip
    rules = grant_of(**given).sender_rules
    assert rules is not None
    assert rules.domain_required == Reply(550, "Who?", "Say it")
    assert rules.domain_missing.code == 553
    assert rules.domain_unresolved == Reply(451, "Later, $EnvelopeSender")
    assert grant_of(use_exception_table=True).sender_rules is not None
    assert grant_of().sender_rules is None


def test_default_policy_parameters_depend_on_the_type() -> None:
    policy = MailFlowPolicy(max_rcpts_per_msg=7, smtp_banner_text="")
    for kind, size, concurrency in (
        (ListenerType.PUBLIC, 20 << 20, 10),
        (ListenerType.BLACKHOLE, 20 << 20, 10),
        (ListenerType.PRIVATE, 100 << 20, 600),
    ):
        listener = Listener(name="L", type=kind, interface="Data1", policy=policy)
        effective = effective_policy(listener)
        assert (effective.max_message_size, effective.max_concurrency) == (size, concurrency)
        assert (effective.max_rcpts_per_msg, effective.smtp_banner_text) == (7, "ESMTP")
