"""Records and policies of MTA-STS (RFC 8461), good and bad."""

import pytest

from mailwarden.core.policy.mta_sts import (
    MAX_AGE_SECONDS_MAX,
    MX_PATTERNS_MAX,
    POLICY_BYTES_MAX,
    RECORD_BYTES_MAX,
    Mode,
    PolicyError,
    StsPolicy,
    StsRecord,
    applied_policy,
    broken_policy_lines,
    build_policy,
    matches_mx,
    parse_policy,
    parse_record,
)
from mailwarden.core.policy.tls_report import AppliedPolicy, PolicyType

MALFORMED = StsRecord("", "the record is malformed")
BODY = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.partner.example\r\n"
    b"mx: *.Partner.Example\r\nmax_age: 604800\r\n"
)
POLICY = StsPolicy(Mode.ENFORCE, 604_800, ("mail.partner.example", "*.partner.example"))


@pytest.mark.parametrize(
    ("texts", "record"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], StsRecord("20160831085700Z")),
        ([b"v=STSv1;id=a"], StsRecord("a")),
        ([b"v=STSv1 \t;\t id=" + b"a" * 32 + b" ; "], StsRecord("a" * 32)),
        ([b"v=STSv1; more=x; id=1; other_1.2-3=a:b/c"], StsRecord("1")),
        ([b"v=STSv1; id=1; id=2"], StsRecord("1")),
        ([b"v=spf1 -all", b"v=STSv1; id=1"], StsRecord("1")),
        ([], StsRecord("")),
        ([b"v=spf1 -all"], StsRecord("")),
        ([b"V=STSv1; id=1"], StsRecord("")),
        ([b" v=STSv1; id=1"], StsRecord("")),
        ([b"v=STSv1"], StsRecord("")),
        ([b"v=STSv12; id=1"], StsRecord("")),
        ([b"v=STSv1; id=1", b"v=STSv1; id=1"], StsRecord("", "2 records")),
        ([b"v=STSv1;"], StsRecord("", "the record has no id")),
        ([b"v=STSv1; more=x"], StsRecord("", "the record has no id")),
        ([b"v=STSv1; id=" + b"a" * 33], MALFORMED),
        ([b"v=STSv1; id="], MALFORMED),
        ([b"v=STSv1; id=a-b"], MALFORMED),
        ([b"v=STSv1; id=1;; more=x"], MALFORMED),
        ([b"v=STSv1; id=1; more"], MALFORMED),
        ([b"v=STSv1; id=1; more=a=b"], MALFORMED),
        ([b"v=STSv1; id=1; more=a b"], MALFORMED),
        ([b"v=STSv1; id=1; m\xc3\xa9=x"], MALFORMED),
        ([b"v=STSv1; id = 1"], MALFORMED),
        ([b"v=STSv1; id=1\n"], MALFORMED),
        ([b"v=STSv1;" + b" " * RECORD_BYTES_MAX], StsRecord("", "the record is too long")),
    ],
)
def test_records(texts: list[bytes], record: StsRecord) -> None:
    assert parse_record(texts) == record


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.replace(b"\r\n", b"\n"),
        BODY.removesuffix(b"\r\n"),
        BODY.replace(b": ", b":"),
        BODY.replace(b": ", b": \t ").replace(b"\r\n", b" \t\r\n"),
        b"\r\n" + BODY + b"\r\n",
        BODY + b"more: \xc3\xa9 and so on\r\n",
        BODY + b"mode: none\r\nmax_age: x\r\nversion: STSv2\r\n",
        BODY.replace(b"mail.partner.example", b"Mail.Partner.Example."),
        BODY + b"mx: mail.partner.example\r\n",
        b"".join(sorted(BODY.splitlines(keepends=True), key=lambda line: b"mx" not in line)),
    ],
)
def test_policies(body: bytes) -> None:
    assert parse_policy(body) == POLICY


def test_a_policy_of_mode_none_needs_no_mx() -> None:
    body = b"version: STSv1\nmode: none\nmax_age: 86400\n"
    assert parse_policy(body) == StsPolicy(Mode.NONE, 86400, ())


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("0", 0), ("31557600", MAX_AGE_SECONDS_MAX), ("9999999999", MAX_AGE_SECONDS_MAX)],
)
def test_an_age_is_never_more_than_the_maximum(age: str, seconds: int) -> None:
    assert parse_policy(BODY.replace(b"604800", age.encode())).max_age_seconds == seconds


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "version"),
        (b"\0" * 100, "line 1"),
        (BODY.replace(b"STSv1", b"STSv2"), "version"),
        (BODY.replace(b"STSv1", b"stsv1"), "version"),
        (b"Version" + BODY[7:], "version"),
        (BODY.replace(b"enforce", b"Enforce"), "mode"),
        (BODY.replace(b"enforce", b"report"), "mode"),
        (BODY.replace(b"mode: enforce\r\n", b""), "mode"),
        (BODY.replace(b"enforce", b"\xff"), "mode"),
        (BODY.replace(b"604800", b"-1"), "max_age"),
        (BODY.replace(b"604800", b"1.5"), "max_age"),
        (BODY.replace(b"604800", b"1" * 11), "max_age"),
        (BODY.replace(b"604800", b"\xd9\xa1"), "max_age"),
        (BODY.replace(b"mx: ", b"mx-: "), "names no mx"),
        (BODY.replace(b"*.Partner", b"*.*.Partner"), "line 4"),
        (BODY.replace(b"*.Partner", b"m*.Partner"), "line 4"),
        (BODY.replace(b"*.Partner.Example", b"*"), "line 4"),
        (BODY.replace(b"*.Partner.Example", b""), "line 4"),
        (BODY.replace(b"Partner", b"m\xc3\xbcller"), "line 4"),
        (BODY.replace(b"mail.partner", b"mail..partner"), "line 3"),
        (BODY.replace(b"mail.partner", b"a" * 64), "line 3"),
        (BODY.replace(b"mail.partner.example", b"a." * 127 + b"ab"), "line 3"),
        (BODY + b"no colon\r\n", "line 6"),
        (BODY + b" folded: x\r\n", "line 6"),
        (BODY.replace(b"\r\n", b"\r"), "version"),
        (b"<html>Not found</html>", "line 1"),
        (BODY + b"x: " + b"y" * POLICY_BYTES_MAX, "more than 65536 bytes"),
        (BODY + b"".join(b"mx: m%d.example\n" % n for n in range(MX_PATTERNS_MAX)), "mx lines"),
    ],
)
def test_what_is_no_policy(body: bytes, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        parse_policy(body)


def test_a_policy_goes_there_and_back() -> None:
    assert parse_policy(build_policy(POLICY).encode()) == POLICY


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("mail.partner.example", True),
        ("mail.partner.example.", True),
        ("mx2.partner.example", True),
        ("partner.example", False),
        ("a.mx2.partner.example", False),
        ("evilpartner.example", False),
        (".partner.example", True),  # no host has this name; the resolver leaves it out
        ("example", False),
        ("", False),
    ],
)
def test_hosts(host: str, is_allowed: bool) -> None:
    """RFC 8461, 4.1: `*` is exactly one label."""
    assert matches_mx(POLICY, host) is is_allowed


def test_a_name_is_no_pattern() -> None:
    assert not matches_mx(POLICY._replace(mx=("partner.example",)), "mx.partner.example")


def test_how_reports_show_a_policy() -> None:
    lines = (
        "version: STSv1",
        "mode: enforce",
        "mx: mail.partner.example",
        "mx: *.partner.example",
        "max_age: 604800",
    )
    assert applied_policy("partner.example", POLICY) == AppliedPolicy(
        PolicyType.STS, "partner.example", lines, POLICY.mx
    )


def test_how_reports_show_what_is_no_policy() -> None:
    assert broken_policy_lines(b"version: STSv1\r\n\r\nmo\xffde\0\n") == (
        "version: STSv1",
        "mo?de\0",
    )
    assert len(broken_policy_lines(b"x\n" * 5000)) == 100
    assert len(broken_policy_lines(b"x" * 5000)[0]) == 300
