"""What variables in the texts of a policy become (mailflow 3.9)."""

import pytest

from mailwarden.core.policy.hat_index import Match
from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, HatPolicy, Rule, resolve
from mailwarden.core.policy.hat_variables import (
    LINE_LENGTH_MAX,
    banner_lines,
    has_variables,
    reply_lines,
    variables_of,
)
from mailwarden.core.policy.host_forms import HostFacts, NameStatus

FACTS = HostFacts("192.0.2.25", "mail.partner.example", organisation="1234")
MATCH = Match("SUSPECTLIST", "sbrs[-3.0:-1.0]", Rule.ACCEPT, PUBLIC_DEFAULTS)
VARIABLES = variables_of(FACTS, MATCH)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Slow down $RemoteIP", ("Slow down 192.0.2.25",)),
        ("$group $HOSTNAME", ("SUSPECTLIST mail.partner.example",)),
        ("$OrgID/$hatentry.", ("1234/sbrs[-3.0:-1.0].",)),
        ("<$EnvelopeSender>", ("<ann@partner.example>",)),
        ("$Groups $Group_ $Foo $ $$Group", ("$Groups $Group_ $Foo $ $SUSPECTLIST",)),
        ("one\ntwo $Group\n", ("one", "two SUSPECTLIST", "")),
        ("plain", ("plain",)),
        ("", ("",)),
    ],
)
def test_expansion(text: str, lines: tuple[str, ...]) -> None:
    assert reply_lines(text, VARIABLES, "ann@partner.example") == lines


def test_row_32_the_text_of_a_rate_limit() -> None:
    assert reply_lines("Slow down $RemoteIP", VARIABLES) == ("Slow down 192.0.2.25",)


def test_row_38_the_texts_of_sender_verification() -> None:
    lines = reply_lines(PUBLIC_DEFAULTS.sender_not_exist_text, VARIABLES, "a@nope.invalid")
    assert lines == ("#5.1.8 Domain of sender address <a@nope.invalid> does not exist",)
    assert PUBLIC_DEFAULTS.sender_not_exist_code == 553


@pytest.mark.parametrize(
    ("facts", "hostname"),
    [
        (FACTS, "mail.partner.example"),
        (HostFacts("192.0.2.25", "", NameStatus.NX_DOMAIN), "None"),
        (HostFacts("192.0.2.25", "forged.example", NameStatus.NOT_DOUBLE_VERIFIED), "None"),
        (HostFacts("192.0.2.25", "", NameStatus.SERV_FAIL), "Unknown"),
        (HostFacts("192.0.2.25"), "Unknown"),
    ],
)
def test_hostname(facts: HostFacts, hostname: str) -> None:
    assert variables_of(facts, MATCH).hostname == hostname


def test_what_there_is_none_of() -> None:
    variables = variables_of(HostFacts("192.0.2.25"), MATCH._replace(group=None, entry="ALL"))
    assert reply_lines("$Group $OrgID $HATEntry", variables) == ("None None ALL",)


HOSTILE = "a\r\n250 ok\n\x85\u2028\0$Group"


def test_nothing_in_a_variable_adds_a_line() -> None:
    variables = VARIABLES._replace(hostname=HOSTILE)
    lines = reply_lines("$Hostname\n$EnvelopeSender", variables, HOSTILE)
    assert lines == ("a??250 ok????$Group",) * 2


def test_lines_have_a_length() -> None:
    variables = VARIABLES._replace(hostname="h" * 100_000)
    (line,) = reply_lines("$Hostname" * 200, variables)
    assert line == "h" * LINE_LENGTH_MAX
    assert reply_lines("a $Hostname b", variables) == (f"a {'h' * 320} b",)
    assert len(reply_lines("x\n" * 1000, VARIABLES)) == 20


def test_greetings() -> None:
    greeting = resolve(HatPolicy(Rule.ACCEPT), PUBLIC_DEFAULTS)
    assert banner_lines(greeting, "gw1.corp.example", VARIABLES) == ("gw1.corp.example ESMTP",)
    own = resolve(
        HatPolicy(
            Rule.ACCEPT,
            (
                ("smtp_banner_text", "Hello $RemoteIP\nNo spam"),
                ("use_override_hostname", True),
                ("override_hostname", "mx.corp.example"),
            ),
        ),
        PUBLIC_DEFAULTS,
    )
    lines = banner_lines(own, "gw1.corp.example", VARIABLES)
    assert lines == ("mx.corp.example Hello 192.0.2.25", "No spam")


def test_row_23_refusing_banners_have_two_lines() -> None:
    refusal = resolve(HatPolicy(Rule.REJECT), PUBLIC_DEFAULTS)
    first, second = banner_lines(refusal, "gw1.corp.example", VARIABLES)
    assert first == "gw1.corp.example"
    assert second.startswith("Access to this mail system was refused")


def test_a_banner_may_have_no_host() -> None:
    for rule, text in ((Rule.ACCEPT, "ESMTP"), (Rule.REJECT, "Go away")):
        policy = HatPolicy(rule, (("use_override_hostname", True), ("smtp_banner_text", text)))
        effective = resolve(policy, PUBLIC_DEFAULTS)
        assert banner_lines(effective, "gw1.corp.example", VARIABLES) == (text,)


@pytest.mark.parametrize(
    ("text", "has"), [("ESMTP", False), ("5 $ a $day", False), ("hi $remoteip", True)]
)
def test_texts_with_variables_are_known(text: str, has: bool) -> None:
    assert has_variables(text) is has
