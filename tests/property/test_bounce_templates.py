"""Any template with any values is a line of subject and lines of text, and bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.core.mail.dsn import Action, DeliveryReport, ReportedRecipient
from mailwarden.core.policy.bounce_templates import (
    TEXT_LENGTH_MAX,
    VARIABLES,
    BounceTemplate,
    Wording,
    parse_languages,
    report_values,
    unknown_variables,
    word_report,
)

ANY = st.text(st.characters(codec=None), max_size=60)
TEXT = st.lists(
    ANY
    | st.sampled_from([f"${name}" for name in VARIABLES] + ["$x_", "\r\n", "\r", "$", "a" * 900]),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([Action.FAILED, Action.DELAYED]),
    st.lists(ANY, min_size=1, max_size=3),
    TEXT,
    TEXT,
    TEXT,
    st.lists(ANY | st.sampled_from(["de", "pt-BR", "zh"]), max_size=3),
    st.floats(0, 1e12),
    st.booleans(),
)
def test_wordings_stay_within_bounds(
    action: Action,
    recipients: list[str],
    value: str,
    subject: str,
    text: str,
    languages: list[str],
    now: float,
    is_own: bool,
) -> None:
    report = DeliveryReport(
        action=action,
        recipients=tuple(ReportedRecipient(address) for address in recipients),
        reason=value,
        response=value,
        remote=value,
        hostname=value,
        to="a@b.example",
        subject="",
        message_id="<x@y>",
        token="t",
        now=now,
        arrived_at=now,
        retry_until=now,
    )
    template = BounceTemplate((("en", Wording(subject, text)),)) if is_own else None
    values = report_values(report, mid=1, subject=value, sender=value)
    wording = word_report(report, template, subject=subject, languages=languages, values=values)
    wording.subject.encode("utf-8")
    assert not any(c < " " or c == "\x7f" for c in wording.subject)
    assert len(wording.subject) <= 400
    data = wording.text.encode("utf-8")
    assert data.endswith(b"\r\n")
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    assert b"\0" not in data
    assert len(data) <= 5 * TEXT_LENGTH_MAX
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))


@given(ANY | TEXT)
def test_any_text_can_be_asked(text: str) -> None:
    parse_languages(text)
    assert all(name in text for name in unknown_variables(text))
