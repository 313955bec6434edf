"""Drafts and records: their bounds, and what comes back."""

from typing import Any

import pytest

from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.record import (
    ALL_SECTIONS,
    COMMENT_LENGTH_MAX,
    CONFIRM_SECONDS_MAX,
    DETAIL_LENGTH_MAX,
    FIELD_LENGTH_MAX,
    SECTIONS_MAX,
    SUMMARY_LENGTH_MAX,
    Author,
    Awaiting,
    Source,
    clean_comment,
    cut_detail,
    read_audit,
    read_version,
)
from tests.unit.stores.configuration.places import draft


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("", ""),
        ('changed "admin" password', 'changed "admin" password'),
        (" a\nb\r\nc\u2028d ", "a b c d"),
        ("x" * COMMENT_LENGTH_MAX, "x" * COMMENT_LENGTH_MAX),
        (chr(0xDC80), "?"),
    ],
)
def test_com_04_comments(text: str, comment: str) -> None:
    assert clean_comment(text) == comment
    assert draft(1, comment=text).comment == comment


def test_com_04_a_comment_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="1024"):
        draft(1, comment="x" * (COMMENT_LENGTH_MAX + 1))


def test_drafts_are_bounded() -> None:
    assert len(draft(1, summary="x" * 10**6).summary) == SUMMARY_LENGTH_MAX
    assert draft(1, sections=("a",) * (SECTIONS_MAX + 1)).sections == ALL_SECTIONS
    assert draft(1, sections=("a" * 5000,)).sections == ALL_SECTIONS
    for seconds in (-1.0, CONFIRM_SECONDS_MAX + 1, float("nan")):
        with pytest.raises(ValueError, match="confirm_seconds"):
            draft(1, confirm_seconds=seconds)
    assert len(cut_detail("x" * 10**5)) == DETAIL_LENGTH_MAX


@pytest.mark.parametrize("text", ["x" * (FIELD_LENGTH_MAX + 1), chr(0xD800)])
def test_authors_are_bounded(text: str) -> None:
    with pytest.raises(ValueError, match="no text"):
        Author(text, "Operator", Source.CLI)
    with pytest.raises(ValueError, match="no text"):
        Author("anna", "Operator", Source.CLI, text)


@pytest.mark.parametrize("body", [{}, {"number": 1}, {"user": "a", "source": "elsewhere"}])
def test_what_is_no_record(body: dict[str, Any]) -> None:
    with pytest.raises(DamagedError):
        read_version(body)
    with pytest.raises(DamagedError):
        read_audit(1, body)


@pytest.mark.parametrize(
    ("now", "left"),
    [(1000.0, 300.0), (1100.0, 200.0), (1300.0, 0.0), (9999.0, 0.0), (1.0, 300.0)],
)
def test_how_long_a_version_still_holds(now: float, left: float) -> None:
    assert Awaiting(2, 1, 1000.0, 300.0, "anna").remaining(now) == left
