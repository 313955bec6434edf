"""The settings of reputation."""

import pytest

from mailwarden.control.config.shape import fields_of
from mailwarden.services.engines.reputation.settings import (
    DnsListSettings,
    FeedSettings,
    HistorySettings,
    Provider,
    ReputationSettings,
    parse_code,
    parse_zone,
)


@pytest.mark.parametrize(
    "section", [ReputationSettings, FeedSettings, DnsListSettings, HistorySettings]
)
def test_a_file_can_hold_them(section: type) -> None:
    for field in fields_of(section).values():
        assert field.setting.doc.endswith((".", "`."))


def test_the_defaults_are_right() -> None:
    assert list(ReputationSettings().problems()) == []


def test_what_is_listed_twice() -> None:
    settings = ReputationSettings(
        order=(Provider.FEEDS, Provider.FEEDS),
        feeds=(FeedSettings(name="a", path="b", key_file="c"),) * 2,
        dns_lists=(DnsListSettings(zone="bl.example.org"),) * 2,
    )
    assert [(each.path, each.message) for each in settings.problems()] == [
        ("order[1]", "feeds is listed twice"),
        ("feeds[1]", "a is listed twice"),
        ("dns_lists[1]", "bl.example.org is listed twice"),
    ]


def test_codes_and_zones() -> None:
    assert parse_code(" 127.0.0.2 ") == "127.0.0.2"
    assert parse_zone("BL.Example.ORG.") == "bl.example.org"
    for text in ("10.0.0.2", "::1", "listed"):
        with pytest.raises(ValueError):
            parse_code(text)
    for text in ("", "a b", ".".join(["x" * 30] * 7)):
        with pytest.raises(ValueError):
            parse_zone(text)
