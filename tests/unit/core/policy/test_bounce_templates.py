"""Templates of reports: variables, languages, and what they cannot be made to say."""

from typing import Any

import pytest

from mailwarden.core.mail.dsn import Action, DeliveryReport, ReportedRecipient, build_explanation
from mailwarden.core.policy.bounce_templates import (
    BUILT_IN,
    LINE_LENGTH_MAX,
    RECIPIENTS_SHOWN_MAX,
    TEMPLATE_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    VARIABLES,
    BounceTemplate,
    Kind,
    Wording,
    choose_language,
    expand,
    parse_languages,
    report_values,
    unknown_variables,
    word_report,
)
from mailwarden.core.policy.bounce_texts import WORDS
from tests.unit.core.mail.dsn_reports import NOW, report

MESSAGE = {"mid": 7017, "subject": "Quarterly numbers", "sender": "ann@corp.example"}


def values(report: DeliveryReport, **changes: Any) -> dict[str, str]:
    return report_values(report, **{**MESSAGE, **changes})


def filled(text: str, **changes: Any) -> str:
    """Return a template's text as the report of mailflow 7.5 has it, but for `changes`."""
    wording = expand(Wording("x", text), values(report(**changes)))
    return wording.text.replace("\r\n", "\n").removesuffix("\n")


def built_in(report: DeliveryReport, *languages: str) -> Wording:
    return word_report(report, None, subject="", languages=languages, values=values(report))


def test_row_72_built_in_words() -> None:
    wording = built_in(report())
    assert wording.subject == "Delivery Status Notification (Failure)"
    assert wording.text == (
        "The following message to <bob@partner.example> was undeliverable.\r\n"
        "The reason for the problem:\r\n"
        "5.1.0 - Unknown address error 550-'no such user'\r\n"
    )


REPORTS = [
    report(),
    report(action=Action.DELAYED, retry_until=NOW + 86_400),
    report(recipients=tuple(ReportedRecipient(f"{name}@b.example") for name in "abc")),
    report(recipients=(ReportedRecipient("a\r\nb\x00\u2028<@c.example"),)),
]


@pytest.mark.parametrize("value", REPORTS)
def test_english_is_what_reports_say_without_templates(value: DeliveryReport) -> None:
    assert built_in(value).text == build_explanation(value)


def test_all_variables() -> None:
    wanted = {
        "Subject": "Quarterly numbers",
        "Date": "11/09/2010",
        "Time": "10:15:02",
        "GMTimeStamp": "09 Nov 2010 10:15:02 +0000",
        "MID": "7017",
        "BouncedRecipient": "<bob@partner.example>",
        "BounceReason": "5.1.0 - Unknown address error 550-'no such user'",
        "remotehost": "192.0.2.25",
        "EnvelopeFrom": "ann@corp.example",
        "Hostname": "gw1.corp.example",
        "Attempts": "0",
        "RetryUntil": "",
    }
    assert wanted.keys() == VARIABLES.keys()
    assert {name: filled(f"{{${name}}}") for name in wanted} == {
        name: f"{{{value}}}" for name, value in wanted.items()
    }


def test_times_have_their_zone() -> None:
    local = values(report(now=NOW + 14 * 3600), offset_minutes=120)
    assert (local["date"], local["time"]) == ("11/10/2010", "02:15:02")
    assert local["gmtimestamp"] == "10 Nov 2010 00:15:02 +0000"
    delayed = values(report(action=Action.DELAYED, retry_until=NOW))
    assert delayed["retryuntil"] == "Tue, 09 Nov 2010 10:15:02 +0000"
    assert values(report(retry_until=NOW))["retryuntil"] == ""


SPELLINGS = [
    ("$MID", "7017"),
    ("$mid.", "7017."),
    ("$Remote_Host", "192.0.2.25"),
    ("$GMTTimestamp", "09 Nov 2010 10:15:02 +0000"),
    ("$GMTimestamp", "09 Nov 2010 10:15:02 +0000"),
    ("$EnvelopeSender", "ann@corp.example"),
    ("$MIDdle", "7017dle"),
    ("$MID_", "7017_"),
    ("$MID7", "70177"),
    ("$MID$mid", "70177017"),
    ("$Timestamp", "10:15:02stamp"),
    ("$unknown $ 5$ $5 $_ $", "$unknown $ 5$ $5 $_ $"),
    ("$$MID", "$7017"),
    ("${MID}", "${MID}"),
]


@pytest.mark.parametrize(("text", "found"), SPELLINGS)
def test_how_variables_may_be_written(text: str, found: str) -> None:
    assert filled(text) == found


def test_values_are_not_looked_through_again() -> None:
    assert filled("$BounceReason", reason="$MID $Subject", response="") == "$MID $Subject"


def test_unknown_variables_are_named() -> None:
    assert unknown_variables("$MID $Foo $foo $Foo $5 $Remote_host_x") == ["$Foo", "$foo"]


def test_nothing_gets_out_of_its_line() -> None:
    bad = "x\r\nBcc: eve@evil.example\r\n\r\n\x00\x1b\u2028y\ud800"
    hostile = report(reason=bad, response=bad, remote=bad)
    for name in VARIABLES:
        wording = expand(
            Wording(f"S ${name}", f"${name}"), values(hostile, subject=bad, sender=bad)
        )
        assert wording.subject.isprintable()
        assert wording.text.count("\n") == 1
        wording.text.encode("utf-8")
        assert not any(c in wording.text for c in "\x00\x1b\u2028")


def test_a_template_with_bad_characters_cannot_harm() -> None:
    wording = expand(Wording("a\r\nb\ud800", "x\ry\x00\u2029\ud800\tz\r\nend"), {})
    assert wording == Wording("a b?", "x?y???\tz\r\nend\r\n")


def test_what_comes_out_is_bounded() -> None:
    many = report(recipients=tuple(ReportedRecipient(f"{n}@b.example") for n in range(5000)))
    assert filled("$BouncedRecipient", recipients=many.recipients).endswith(
        f"<99@b.example>,\n... (+{5000 - RECIPIENTS_SHOWN_MAX})"
    )
    wording = expand(Wording("$BouncedRecipient" * 20, "$BouncedRecipient" * 900), values(many))
    assert len(wording.subject) <= 200
    assert len(wording.text) <= TEXT_LENGTH_MAX * 1.1
    assert len(expand(Wording("x", "x" * 10**6), {}).text) <= TEXT_LENGTH_MAX * 1.1


def test_long_lines_are_cut_at_blanks() -> None:
    lines = filled("word " * 100).split("\n")
    assert [len(line) for line in lines] == [239, 239, 20]
    assert all(line.rstrip().endswith("word") for line in lines)
    assert [len(line) for line in filled("\u00e9" * 500).split("\n")] == [240, 240, 20]
    assert LINE_LENGTH_MAX * 4 < 998


@pytest.mark.parametrize("tag", WORDS)
@pytest.mark.parametrize("kind", Kind)
def test_every_language_says_everything(tag: str, kind: Kind) -> None:
    wording = dict(BUILT_IN[kind].languages)[tag]
    assert list(BUILT_IN[kind].problems()) == []
    names = ["$BouncedRecipient", "$BounceReason"]
    names += ["$RetryUntil"] if kind is Kind.DELAYED else []
    assert [wording.text.count(name) for name in names] == [1] * len(names)
    assert unknown_variables(wording.text) == []
    others = [other for other in WORDS if other != tag]
    assert wording not in [dict(BUILT_IN[kind].languages)[other] for other in others]


CHOICES = [
    ((), "en"),
    (("de",), "de"),
    (("de-AT",), "de"),
    (("DE_ch",), "de"),
    (("nl", "fr"), "fr"),
    (("nl",), "en"),
    (("pt",), "pt-br"),
    (("pt-PT",), "pt-br"),
    (("zh-TW",), "zh-hant"),
    (("zh-Hant-HK",), "zh-hant"),
    (("zh",), "zh-hans"),
    (("",), "en"),
    (("nl",) * 10 + ("de",), "en"),
]


@pytest.mark.parametrize(("wanted", "tag"), CHOICES)
def test_choice_of_language(wanted: tuple[str, ...], tag: str) -> None:
    tags = list(WORDS)
    assert tags[choose_language(tags, wanted)] == tag
    assert built_in(report(), *wanted).subject == WORDS[tag].failure_subject


def test_a_language_without_its_region() -> None:
    assert choose_language(["en", "pt-br", "de-ch"], ["de"]) == 2


FIELDS = [
    ("de", ("de",)),
    (" de-AT (Austria), EN ", ("de-at", "en")),
    ("", ()),
    ("de;q=1, x y, -, fr", ("fr",)),
    (",".join(["de"] * 50), ("de",) * 10),
    ("a" * 5000, ()),
]


@pytest.mark.parametrize(("value", "tags"), FIELDS)
def test_languages_of_a_message(value: str, tags: tuple[str, ...]) -> None:
    assert parse_languages(value) == tags


def test_own_template_and_subject() -> None:
    template = BounceTemplate(
        (
            ("en", Wording("Sorry", "To $BouncedRecipient: $BounceReason\nAsk 555-1234.\n")),
            ("de", Wording("Leider", "An $BouncedRecipient\n")),
        )
    )
    wording = word_report(
        report(), template, subject="Not sent: $Subject", languages=["de"], values=values(report())
    )
    assert wording == Wording("Not sent: Quarterly numbers", "An <bob@partner.example>\r\n")


WRONG = [
    (Wording("", "x"), ["en.subject"]),
    (Wording("a\nb", "x"), ["en.subject"]),
    (Wording("a\rb", "x"), ["en.subject"]),
    (Wording("a" * 201, "x"), ["en.subject"]),
    (Wording("a", " \n"), ["en.text"]),
    (Wording("a", "x\x1b"), ["en.text"]),
    (Wording("a", "x\ud800"), ["en.text"]),
    (Wording("a", "x" * (TEMPLATE_LENGTH_MAX + 1)), ["en.text"]),
    (Wording("a", "x\r\ny\tz\u00e9"), []),
]


@pytest.mark.parametrize(("wording", "paths"), WRONG)
def test_what_is_wrong_with_a_template(wording: Wording, paths: list[str]) -> None:
    template = BounceTemplate((("en", wording),))
    assert [problem.path for problem in template.problems()] == paths


def test_what_is_wrong_with_its_languages() -> None:
    good = Wording("a", "b")
    template = BounceTemplate((("de", good), ("de", good), ("No language", good)))
    assert [problem.path for problem in template.problems()] == ["de", "No language"]
    assert [problem.path for problem in BounceTemplate(()).problems()] == [""]
