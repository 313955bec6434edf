"""What can be wrong with a Host Access Table, and the tables a listener begins with."""

import pytest

from mailwarden.core.policy.hat import (
    AnonymousEntry,
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
    list_hosts,
)
from mailwarden.core.policy.hat_index import HatIndex
from mailwarden.core.policy.hat_policy import (
    PRIVATE_DEFAULTS,
    PUBLIC_DEFAULTS,
    HatPolicy,
    Rule,
    resolve,
)
from mailwarden.core.policy.hat_predefined import (
    ACCEPTED,
    BLOCKED,
    RELAYED,
    THROTTLED,
    TRUSTED,
    Preset,
    private_table,
    public_table,
)
from mailwarden.core.policy.host_forms import (
    ALL_HOSTS,
    HostFacts,
    HostForm,
    HostKind,
    NameStatus,
    parse_host_form,
)

HOST = list_hosts("192.0.2.1")[0]
GOOD = SenderGroup("A", "ACCEPTED", (HOST,))


def table(*entries: SenderGroup | AnonymousEntry, last: str | HatPolicy = "ACCEPTED"):
    return HostAccessTable((ACCEPTED,), entries, LastEntry(last))


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        (table(SenderGroup("1a", "ACCEPTED")), "entries[0].name"),
        (table(SenderGroup("None", "ACCEPTED")), "entries[0].name"),
        (table(GOOD, GOOD), "entries[1].name"),
        (table(SenderGroup("A", "NOPE")), "entries[0].access"),
        (table(SenderGroup("A", "ACCEPTED", (HOST, HOST))), "entries[0].hosts[1]"),
        (table(SenderGroup("A", "ACCEPTED", (ListedHost(ALL_HOSTS),))), "entries[0].hosts[0]"),
        (table(SenderGroup("A", "ACCEPTED", (HOST._replace(comment="a\nb"),))),
         "entries[0].hosts[0]"),
        (table(SenderGroup("A", "ACCEPTED", (HOST._replace(remarks=("a\nb",)),))),
         "entries[0].hosts[0]"),
        (table(SenderGroup("A", "ACCEPTED", (ListedHost(HostForm(HostKind.IPV4, "10")),))),
         "entries[0].hosts[0]"),
        (table(SenderGroup("A", "ACCEPTED", (ListedHost(HostForm(HostKind.NAME, "a b")),))),
         "entries[0].hosts[0]"),
        (table(SenderGroup("A", "ACCEPTED", (), (NameStatus.EXISTS,))),
         "entries[0].dns_host_verification"),
        (table(SenderGroup("A", "ACCEPTED", comment="x" * 1001)), "entries[0].comment"),
        (table(SenderGroup("A", "ACCEPTED", remarks=("x ",))), "entries[0].remarks"),
        (table(AnonymousEntry(HOST, HatPolicy(Rule.ACCEPT, (("tls", 1),)))),
         "entries[0].access.tls"),
        (table(AnonymousEntry(HOST, ACCEPTED)), "entries[0].access"),
        (table(AnonymousEntry(ListedHost(ALL_HOSTS), "ACCEPTED")), "entries[0].host"),
        (table(last="NOPE"), "last.access"),
        (table(last=HatPolicy(Rule.CONTINUE)), "last.access"),
        (HostAccessTable((ACCEPTED, ACCEPTED), (), LastEntry("ACCEPTED")), "policies[1].name"),
        (HostAccessTable((HatPolicy(Rule.ACCEPT, (("tls", 1),), "A"),), (), LastEntry("A")),
         "policies[0].tls"),
        (HostAccessTable((ACCEPTED,), (), LastEntry("ACCEPTED", "", ("\n",))), "last.remarks"),
        (HostAccessTable((ACCEPTED,), (), LastEntry("ACCEPTED"), ("\n",)), "remarks"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(wrong: HostAccessTable, path: str) -> None:
    assert [problem.path for problem in wrong.problems()] == [path]


def test_a_table_has_a_size() -> None:
    hosts = tuple(ListedHost(parse_host_form(f"10.{n >> 8}.{n & 255}")) for n in range(65536))
    wrong = table(SenderGroup("A", "ACCEPTED", hosts), SenderGroup("B", "ACCEPTED", hosts))
    assert [problem.message for problem in wrong.problems()] == ["are 131072, more than 100000"]


@pytest.mark.parametrize("preset", Preset)
def test_public_tables_are_right(preset: Preset) -> None:
    for relay_hosts in ((), list_hosts("10.0.0.0/8")):
        made = public_table(preset, relay_hosts)
        assert list(made.problems()) == []
        names = [each.name for each in made.entries if isinstance(each, SenderGroup)]
        usual = ["WHITELIST", "BLACKLIST", "SUSPECTLIST", "UNKNOWNLIST"]
        assert names == (["RELAYLIST", *usual] if relay_hosts else usual)


@pytest.mark.parametrize(
    ("preset", "score", "group"),
    [
        (Preset.NONE, -10.0, None),
        (Preset.SETUP, -3.0, "BLACKLIST"),
        (Preset.SETUP, -2.9, "SUSPECTLIST"),
        (Preset.SETUP, -0.9, "UNKNOWNLIST"),
        (Preset.SETUP, 10.0, "UNKNOWNLIST"),
        (Preset.SETUP, None, "UNKNOWNLIST"),
        (Preset.CONSERVATIVE, -7.0, "BLACKLIST"),
        (Preset.CONSERVATIVE, -6.9, "SUSPECTLIST"),
        (Preset.CONSERVATIVE, -2.0, "SUSPECTLIST"),
        (Preset.CONSERVATIVE, 5.9, "UNKNOWNLIST"),
        (Preset.CONSERVATIVE, 6.0, "WHITELIST"),
        (Preset.CONSERVATIVE, None, None),
        (Preset.MODERATE, -4.0, "BLACKLIST"),
        (Preset.MODERATE, -1.0, "SUSPECTLIST"),
        (Preset.MODERATE, 6.0, "WHITELIST"),
        (Preset.AGGRESSIVE, -3.0, "BLACKLIST"),
        (Preset.AGGRESSIVE, -1.0, "SUSPECTLIST"),
        (Preset.AGGRESSIVE, 3.9, "UNKNOWNLIST"),
        (Preset.AGGRESSIVE, 4.0, "WHITELIST"),
    ],
)
def test_what_a_score_comes_to(preset: Preset, score: float | None, group: str | None) -> None:
    hat = HatIndex(public_table(preset), PUBLIC_DEFAULTS)
    assert hat.find(HostFacts("192.0.2.25", score=score)).group == group


def test_a_private_listener_relays_for_its_hosts_only() -> None:
    hat = HatIndex(private_table(list_hosts("10.0.0.0/8")), PRIVATE_DEFAULTS)
    relayed = hat.find(HostFacts("10.1.2.3"))
    assert (relayed.group, relayed.rule) == ("RELAYLIST", Rule.RELAY)
    refused = hat.find(HostFacts("192.0.2.25"))
    assert (refused.group, refused.entry, refused.rule) == (None, "ALL", Rule.REJECT)
    assert list(private_table().problems()) == []


def test_the_predefined_policies_of_the_manual() -> None:
    policies = [resolve(p, PUBLIC_DEFAULTS) for p in (TRUSTED, THROTTLED, ACCEPTED, RELAYED)]
    assert [p.rule.value for p in policies] == ["ACCEPT", "ACCEPT", "ACCEPT", "RELAY"]
    assert [p.max_msgs_per_session for p in policies] == [5000, 10, 10, 10]
    assert [p.max_rcpts_per_msg for p in policies] == [5000, 25, 50, 50]
    assert [p.max_concurrency for p in policies] == [600, 10, 10, 10]
    assert [p.max_rcpts_per_hour for p in policies] == [-1, 20, -1, -1]
    assert [p.dhap_limit for p in policies] == [0, 25, 25, 0]
    assert [p.spam_check for p in policies] == [False, True, True, False]
    assert [p.virus_check for p in policies] == [True, True, True, False]
    assert [p.use_sb for p in policies] == [False, True, True, True]
    assert resolve(BLOCKED, PUBLIC_DEFAULTS).rule is Rule.REJECT
