"""Envelope sender verification, given what DNS says."""

import pytest

from mailwarden.core.policy.exceptions import ExceptionIndex, parse_exceptions
from mailwarden.core.policy.sender_check import (
    LOG_ALLOWED,
    LOG_DOMAIN_MISSING,
    LOG_DOMAIN_REQUIRED,
    LOG_DOMAIN_UNRESOLVED,
    LOG_REJECTED,
    DomainState,
    SenderAction,
    SenderDecision,
    SenderRules,
    check_sender,
    expand_sender,
    judge_domain,
)
from mailwarden.core.smtp.reply import Reply

VERIFY = SenderRules(verify=True)
BOTH = SenderRules(verify=True, use_exception_table=True)
ONLY_TABLE = SenderRules(use_exception_table=True)
TABLE = ExceptionIndex(
    parse_exceptions(
        "@nope.invalid ALLOW\n@good.example REJECT\n"
        'ann@ REJECT (554 "No, $envelopesender")\nlocal@ ALLOW\n'
    ).table
)


def line_of(decision: SenderDecision) -> str:
    assert decision.action is SenderAction.REJECT
    assert decision.reply is not None
    return decision.reply.encode().decode().removesuffix("\r\n")


def test_row_38_a_domain_that_does_not_exist() -> None:
    asked = check_sender("a@nope.invalid", VERIFY)
    assert (asked.action, asked.domain) == (SenderAction.LOOK_UP, "nope.invalid")
    decision = judge_domain("a@nope.invalid", VERIFY, DomainState.MISSING)
    assert line_of(decision) == (
        "553 #5.1.8 Domain of sender address <a@nope.invalid> does not exist"
    )
    assert decision.log == LOG_DOMAIN_MISSING


def test_row_38_a_domain_that_cannot_be_looked_up() -> None:
    decision = judge_domain("a@dead.example", VERIFY, DomainState.UNKNOWN)
    assert (
        line_of(decision) == "451 #4.1.8 Domain of sender address <a@dead.example> does not resolve"
    )
    assert decision.log == LOG_DOMAIN_UNRESOLVED


@pytest.mark.parametrize("sender", ["a", "a@b", '"a@b.example"', "postmaster"])
def test_row_38_no_or_partial_domain(sender: str) -> None:
    decision = check_sender(sender, VERIFY)
    assert line_of(decision) == "553 #5.5.4 Domain required for sender address"
    assert decision.log == LOG_DOMAIN_REQUIRED


@pytest.mark.parametrize("rules", [VERIFY, BOTH, ONLY_TABLE, SenderRules()])
def test_row_38_the_null_sender_is_never_checked(rules: SenderRules) -> None:
    assert check_sender("", rules, TABLE) == SenderDecision(SenderAction.ACCEPT)


def test_row_39_an_exception_allows() -> None:
    decision = check_sender("a@nope.invalid", BOTH, TABLE)
    assert (decision.action, decision.log) == (SenderAction.ACCEPT, LOG_ALLOWED)
    assert decision.entry is not None
    assert decision.entry.form == "@nope.invalid"


@pytest.mark.parametrize("rules", [BOTH, ONLY_TABLE])
def test_row_39_an_exception_rejects(rules: SenderRules) -> None:
    decision = check_sender("a@good.example", rules, TABLE)
    assert line_of(decision) == "553 Envelope sender <a@good.example> rejected"
    assert decision.log == LOG_REJECTED


def test_an_exception_has_its_own_reply() -> None:
    assert line_of(check_sender("Ann@x.example", BOTH, TABLE)) == "554 No, Ann@x.example"


def test_an_exception_comes_before_everything_else() -> None:
    assert check_sender("local", BOTH, TABLE).action is SenderAction.ACCEPT


def test_the_table_is_for_policies_that_use_it() -> None:
    assert check_sender("a@good.example", VERIFY, TABLE).action is SenderAction.LOOK_UP
    assert check_sender("a@good.example", BOTH, None).action is SenderAction.LOOK_UP
    assert check_sender("a@good.example", SenderRules(), TABLE).action is SenderAction.ACCEPT
    assert check_sender("a", SenderRules(), TABLE).action is SenderAction.ACCEPT


def test_a_domain_that_exists() -> None:
    assert judge_domain("a@good.example", VERIFY, DomainState.EXISTS) == SenderDecision(
        SenderAction.ACCEPT
    )


def test_international_domains_are_looked_up_by_their_a_labels() -> None:
    assert check_sender("a@bücher.example", VERIFY).domain == "xn--bcher-kva.example"
    assert check_sender("a@☃☃-.example", VERIFY).log == LOG_DOMAIN_MISSING


def test_an_address_literal_has_nothing_to_look_up() -> None:
    assert check_sender("a@[192.0.2.9]", VERIFY).action is SenderAction.ACCEPT


def test_replies_can_be_changed() -> None:
    rules = SenderRules(
        verify=True,
        domain_required=Reply(501, "who?"),
        domain_missing=Reply(550, "no $EnvelopeSender", "$ENVELOPESENDER, no"),
        domain_unresolved=Reply(450, "later"),
    )
    assert line_of(check_sender("a", rules)) == "501 who?"
    assert line_of(judge_domain("a@b.example", rules, DomainState.UNKNOWN)) == "450 later"
    missing = judge_domain("a@b.example", rules, DomainState.MISSING)
    assert missing.reply == Reply(550, "no a@b.example", "a@b.example, no")


def test_a_sender_is_not_expanded_again() -> None:
    reply = expand_sender(Reply(553, "<$EnvelopeSender>", status="5.7.1"), "$EnvelopeSender@x")
    assert reply == Reply(553, "<$EnvelopeSender@x>", status="5.7.1")


def test_a_sender_adds_no_line() -> None:
    reply = expand_sender(Reply(553, "<$EnvelopeSender>"), '"a\r\n250 ok"@x.example')
    assert reply.encode() == b'553 <"a??250 ok"@x.example>\r\n'
