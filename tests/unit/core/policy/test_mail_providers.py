"""Which domains share their limits because of their MX hosts."""

import pytest

from mailwarden.core.policy.mail_providers import (
    COMMON_SIGNS,
    HOSTS_MAX,
    KEY_LENGTH_MAX,
    PROVIDERS,
    find_provider,
    roll_up,
)

KEYS = [
    (["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "Gmail"),
    (["GMAIL-SMTP-IN.L.Google.com."], "Gmail"),
    (["aspmx.l.google.com", "aspmx2.googlemail.com"], "Gmail"),
    (["corp-example.mail.protection.outlook.com"], "Microsoft 365"),
    (["corp-example.a-v1.mx.microsoft"], "Microsoft 365"),
    (["outlook-com.olc.protection.outlook.com"], "Outlook.com"),
    (["mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net"], "Yahoo"),
    (["mx.notgoogle.com"], "mx.notgoogle.com"),
    (["google.com.evil.example"], "google.com.evil.example"),
    (["mx2.b.example", "MX1.a.example."], "mx1.a.example,mx2.b.example"),
    (["mx1.a.example", "mx2.b.example", "mx1.a.example"], "mx1.a.example,mx2.b.example"),
    (
        ["aspmx.l.google.com", "backup.corp.example"],
        "aspmx.l.google.com,backup.corp.example",
    ),
    (
        ["a.olc.protection.outlook.com", "b.mail.protection.outlook.com"],
        "a.olc.protection.outlook.com,b.mail.protection.outlook.com",
    ),
    ([], ""),
    (["."], ""),
    ([""], ""),
]


@pytest.mark.parametrize(("hosts", "key"), KEYS)
def test_roll_up(hosts: list[str], key: str) -> None:
    assert roll_up(hosts) == key
    assert roll_up(hosts[::-1]) == key


def test_long_keys_are_shortened_and_stay_apart() -> None:
    hosts = [f"mx{number}.a-rather-long-name.example" for number in range(50)]
    key = roll_up(hosts)
    assert key.startswith("mx0.a-rather-long-name.example,49 more,")
    assert len(key) <= KEY_LENGTH_MAX
    assert roll_up(hosts[:-1]) != key
    assert roll_up([*hosts[:-1], "mx49.another-name.example"]) != key
    assert len(roll_up(["x" * 10_000])) <= KEY_LENGTH_MAX
    assert roll_up([f"h{number}" for number in range(HOSTS_MAX * 2)])


def test_no_provider_can_be_taken_for_a_host_or_another() -> None:
    names = [provider.name for provider in PROVIDERS]
    suffixes = [suffix for provider in PROVIDERS for suffix in provider.suffixes]
    assert len(set(names)) == len(names)
    assert all(name != name.lower() and name.isprintable() for name in names)
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix == suffix.lower().strip(".") for suffix in suffixes)
    for provider in PROVIDERS:
        assert find_provider(provider.name) is provider
        assert roll_up([f"mx.{suffix}" for suffix in provider.suffixes]) == provider.name
    assert find_provider("mx.google.com") is None


def test_signs_are_in_lower_case_and_none_is_empty() -> None:
    signs = [*COMMON_SIGNS, *(sign for provider in PROVIDERS for sign in provider.signs)]
    for sign in signs:
        assert bool(sign.words) is not bool(sign.status)
        assert all(word and word == word.lower() for word in sign.words)
        assert sign.shown in (*sign.words, sign.status)
