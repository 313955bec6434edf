"""What a mail flow policy comes to, with the defaults of its listener (mailflow 3.4 and 3.5)."""

import dataclasses

import pytest

from mailwarden.core.policy.hat_parameters import (
    PARAMETERS,
    Demand,
    Kind,
    ParameterValue,
    SpfConformance,
    SpfResult,
    build_parameter,
    find_parameter,
    parse_parameter,
)
from mailwarden.core.policy.hat_policy import (
    PRIVATE_DEFAULTS,
    PUBLIC_DEFAULTS,
    REJECT_TEXT,
    EffectivePolicy,
    HatPolicy,
    Rule,
    resolve,
)

# Key, text, value, text that is written.
VALUES = [
    ("max_message_size", "1048576", 1048576, "1048576"),
    ("max_message_size", "10k", 10240, "10240"),
    ("max_message_size", "20M", 20 * 1024 * 1024, "20971520"),
    ("max_concurrency", "600", 600, "600"),
    ("max_rcpts_per_hour", "-1", -1, "-1"),
    ("significant_bits", "24", 24, "24"),
    ("signficant_bits", "24", 24, "24"),
    ("use_sb", "on", True, '"on"'),
    ("spam_check", "OFF", False, '"off"'),
    ("untagged_bounces", "No", False, '"off"'),
    ("tls", "off", Demand.OFF, '"off"'),
    ("tls", "on", Demand.PREFERRED, '"on"'),
    ("tls", "preferred", Demand.PREFERRED, '"on"'),
    ("tls", "required", Demand.REQUIRED, '"required"'),
    ("smtp_auth", "preferred", Demand.PREFERRED, '"preferred"'),
    ("use_override_hostname", "default", None, ""),
    ("override_hostname", "GW.corp.example", "gw.corp.example", '"gw.corp.example"'),
    ("override_hostname", "", "", '""'),
    ("smtp_banner_text", 'Go "away"\nnow \\ please', 'Go "away"\nnow \\ please',
     r'"Go \"away\"\nnow \\ please"'),
    ("smtp_banner_text", "default", "default", '"default"'),
    ("spf_conformance", "SIDF_Strict", SpfConformance.SIDF_STRICT, '"sidf_strict"'),
    ("spf_pra_reject", "softfail, Fail,", (SpfResult.FAIL, SpfResult.SOFT_FAIL),
     '"Fail, SoftFail"'),
]  # fmt: skip
WRONG = [
    ("max_message_size", "1023", "within 1024"),
    ("max_message_size", "20T", "number of bytes"),
    ("max_concurrency", "0", "within 1"),
    ("max_concurrency", "10k", "not a number"),
    ("max_concurrency", "9" * 30, "not a number"),
    ("max_rcpts_per_hour", "0", "-1 for no limit"),
    ("max_rcpts_per_hour", "-2", "within -1"),
    ("max_rcpts_per_hour_code", "250", "within 400"),
    ("significant_bits", "33", "within 0 and 32"),
    ("use_sb", "maybe", "on or off"),
    ("tls", "sometimes", "off, on or required"),
    ("override_hostname", "a b", "blank"),
    ("smtp_banner_text", "Grüße", "plain ASCII"),
    ("smtp_banner_text", "a\rb", "plain ASCII"),
    ("smtp_banner_text", "x" * 3000, "more than"),
    ("smtp_banner_text", "x\n" * 30 + "x", "more than 20 lines"),
    ("spf_pra_reject", "Fail, Maybe", "no result of SPF"),
]


@pytest.mark.parametrize(("key", "text", "value", "written"), VALUES)
def test_values(key: str, text: str, value: ParameterValue | None, written: str) -> None:
    parameter = find_parameter(key)
    assert parameter is not None
    assert parse_parameter(parameter, text) == value
    if value is not None:
        assert build_parameter(parameter, value) == written


@pytest.mark.parametrize(("key", "text", "message"), WRONG)
def test_wrong_values(key: str, text: str, message: str) -> None:
    parameter = find_parameter(key)
    assert parameter is not None
    with pytest.raises(ValueError, match=message):
        parse_parameter(parameter, text)


def test_every_parameter_is_a_field_with_a_fitting_default() -> None:
    fields = {field.name for field in dataclasses.fields(EffectivePolicy)}
    assert {parameter.key for parameter in PARAMETERS} == fields - {"rule", "name"}
    for defaults in (PUBLIC_DEFAULTS, PRIVATE_DEFAULTS):
        given = tuple((p.key, getattr(defaults, p.key)) for p in PARAMETERS)
        assert list(HatPolicy(Rule.ACCEPT, given).problems()) == []


def test_the_defaults_of_the_manual() -> None:
    keys = [
        "max_message_size", "max_concurrency", "max_msgs_per_session", "max_rcpts_per_msg",
        "max_rcpts_per_hour", "dhap_limit", "use_sb", "spam_check", "virus_check",
    ]  # fmt: skip
    public = [20 * 2**20, 10, 10, 50, -1, 25, True, True, True]
    private = [100 * 2**20, 600, 10_000, 100_000, -1, 0, False, False, True]
    assert [getattr(PUBLIC_DEFAULTS, key) for key in keys] == public
    assert [getattr(PRIVATE_DEFAULTS, key) for key in keys] == private
    for defaults in (PUBLIC_DEFAULTS, PRIVATE_DEFAULTS):
        off = [
            p.key for p in PARAMETERS
            if p.kind is Kind.SWITCH and not getattr(defaults, p.key)
        ]  # fmt: skip
        assert {"dk_signing", "dkim_verification", "spf_sidf", "untagged_bounces"} < set(off)
        assert {"envelope_sender_verification", "use_exception_table"} < set(off)
        assert (defaults.tls, defaults.smtp_auth) == (Demand.OFF, Demand.OFF)


def test_what_a_policy_leaves_open_is_the_default() -> None:
    policy = HatPolicy(Rule.RELAY, (("max_concurrency", 7), ("tls", Demand.REQUIRED)), "SOME")
    effective = resolve(policy, PRIVATE_DEFAULTS)
    assert (effective.name, effective.rule) == ("SOME", Rule.RELAY)
    assert (effective.max_concurrency, effective.tls) == (7, Demand.REQUIRED)
    assert effective.max_rcpts_per_msg == 100_000
    assert (effective.smtp_banner_code, effective.smtp_banner_text) == (220, "ESMTP")


def test_a_refusal_has_a_banner_of_its_own() -> None:
    defaults = dataclasses.replace(PUBLIC_DEFAULTS, smtp_banner_code=221, smtp_banner_text="Hello")
    usual = resolve(HatPolicy(Rule.REJECT), defaults)
    assert (usual.smtp_banner_code, usual.smtp_banner_text) == (554, REJECT_TEXT)
    own = HatPolicy(Rule.REJECT, (("smtp_banner_code", 550), ("smtp_banner_text", "Go")))
    assert resolve(own, defaults).smtp_banner_code == 550
    assert resolve(own, defaults).smtp_banner_text == "Go"
    greeting = resolve(HatPolicy(Rule.ACCEPT), defaults)
    assert (greeting.smtp_banner_code, greeting.smtp_banner_text) == (221, "Hello")


def test_an_empty_text_is_the_usual_one() -> None:
    for rule, text in ((Rule.ACCEPT, "ESMTP"), (Rule.REJECT, REJECT_TEXT)):
        policy = HatPolicy(rule, (("smtp_banner_text", ""),))
        assert resolve(policy, PUBLIC_DEFAULTS).smtp_banner_text == text


@pytest.mark.parametrize(
    ("policy", "paths"),
    [
        (HatPolicy(Rule.ACCEPT, (("smtp_banner_code", 554),)), ["smtp_banner_code"]),
        (HatPolicy(Rule.REJECT, (("smtp_banner_code", 220),)), ["smtp_banner_code"]),
        (HatPolicy(Rule.REJECT, (("smtp_banner_code", 354),)), ["smtp_banner_code"]),
        (HatPolicy(Rule.ACCEPT, (("use_sb", 1),)), ["use_sb"]),
        (HatPolicy(Rule.ACCEPT, (("max_concurrency", True),)), ["max_concurrency"]),
        (HatPolicy(Rule.ACCEPT, (("smtp_banner_text", 5),)), ["smtp_banner_text"]),
        (HatPolicy(Rule.ACCEPT, (("tls", "on"), ("foo", 1))), ["tls", "foo"]),
        (HatPolicy(Rule.ACCEPT, (("signficant_bits", 8),)), ["signficant_bits"]),
        (HatPolicy(Rule.ACCEPT, (("use_sb", True), ("use_sb", True))), ["use_sb"]),
        (HatPolicy(Rule.ACCEPT, (("spf_pra_reject", (SpfResult.FAIL, SpfResult.NONE)),)),
         ["spf_pra_reject"]),
    ],
)  # fmt: skip
def test_problems_of_a_policy(policy: HatPolicy, paths: list[str]) -> None:
    assert [problem.path for problem in policy.problems()] == paths


@pytest.mark.parametrize(
    ("use_sb", "dhap_limit", "bits"), [(True, 25, 24), (True, 0, 0), (False, 0, 24), (False, 9, 24)]
)
def test_significant_bits_hold_without_flow_control_or_with_dhap(
    use_sb: bool, dhap_limit: int, bits: int
) -> None:
    given = (("significant_bits", 24), ("use_sb", use_sb), ("dhap_limit", dhap_limit))
    assert resolve(HatPolicy(Rule.ACCEPT, given), PUBLIC_DEFAULTS).grouping_bits == bits
