"""Which entry of the Host Access Table decides, and what has to be known to tell (mailflow 3.1)."""

import pytest

from mailwarden.core.policy.hat import (
    AnonymousEntry,
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
    list_hosts,
)
from mailwarden.core.policy.hat_index import HatIndex, Needs
from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, HatPolicy, Rule
from mailwarden.core.policy.hat_predefined import ACCEPTED, BLOCKED, RELAYED, TRUSTED
from mailwarden.core.policy.host_forms import ALL_HOSTS, HostFacts, NameStatus

POLICIES = (ACCEPTED, BLOCKED, RELAYED, TRUSTED, HatPolicy(Rule.CONTINUE, name="ON"))


def index(*entries: SenderGroup | AnonymousEntry, last: str = "ACCEPTED") -> HatIndex:
    return HatIndex(HostAccessTable(POLICIES, entries, LastEntry(last)), PUBLIC_DEFAULTS)


def group(name: str, policy: str, *hosts: str, flags: tuple[NameStatus, ...] = ()) -> SenderGroup:
    return SenderGroup(name, policy, list_hosts(*hosts), flags)


def alone(host: str, rule: Rule) -> AnonymousEntry:
    return AnonymousEntry(list_hosts(host)[0], HatPolicy(rule))


def found(hat: HatIndex, facts: HostFacts) -> tuple[str | None, str, str]:
    match = hat.find(facts)
    assert match.rule is match.policy.rule
    return match.group, match.entry, match.rule.value


def test_row_22_a_partial_address_alone() -> None:
    hat = index(alone("203.0.113.", Rule.TCPREFUSE))
    assert found(hat, HostFacts("203.0.113.77")) == (None, "203.0.113.", "TCPREFUSE")
    assert found(hat, HostFacts("203.0.114.77")) == (None, "ALL", "ACCEPT")


def test_row_23_a_bad_score_is_on_the_blacklist() -> None:
    hat = index(group("BLACKLIST", "BLOCKED", "SBRS[-10.0:-3.0]"))
    facts = HostFacts("192.0.2.25", score=-6.1)
    assert found(hat, facts) == ("BLACKLIST", "sbrs[-10.0:-3.0]", "REJECT")
    policy = hat.find(facts).policy
    assert (policy.name, policy.smtp_banner_code) == ("BLOCKED", 554)


def test_row_25_the_first_group_decides() -> None:
    wide, narrow = group("A", "BLOCKED", "10.2.0.0/16"), group("B", "RELAYED", "10.2.3.7")
    assert found(index(wide, narrow), HostFacts("10.2.3.7")) == ("A", "10.2.0.0/16", "REJECT")
    assert found(index(narrow, wide), HostFacts("10.2.3.7")) == ("B", "10.2.3.7", "RELAY")
    assert found(index(narrow, wide), HostFacts("10.2.3.8")) == ("A", "10.2.0.0/16", "REJECT")


def test_row_26_ranges_and_names_below_a_domain() -> None:
    hat = index(group("A", "BLOCKED", "10.2.3.5-20", ".partner.example"))
    entries = [hat.find(HostFacts(f"10.2.3.{n}")).entry for n in (4, 5, 20, 21)]
    assert entries == ["ALL", "10.2.3.5-20", "10.2.3.5-20", "ALL"]
    assert hat.find(HostFacts("192.0.2.25", "partner.example")).entry == "ALL"
    assert hat.find(HostFacts("192.0.2.25", "a.b.partner.example")).entry == ".partner.example"


def test_row_27_a_forged_name_matches_only_the_box() -> None:
    forged = HostFacts("192.0.2.25", "mail.partner.example", NameStatus.NOT_DOUBLE_VERIFIED)
    hat = index(group("A", "RELAYED", "mail.partner.example"))
    assert found(hat, forged) == (None, "ALL", "ACCEPT")
    hat = index(
        group("A", "RELAYED", "mail.partner.example"),
        group("B", "BLOCKED", flags=(NameStatus.NOT_DOUBLE_VERIFIED,)),
    )
    assert found(hat, forged) == ("B", "not.double.verified", "REJECT")


def test_row_28_continue_is_no_match() -> None:
    hat = index(
        group("A", "ON", "192.0.2.25", flags=(NameStatus.NX_DOMAIN,)),
        group("UNKNOWNLIST", "ACCEPTED", "sbrs[-1.0:10.0]"),
    )
    facts = HostFacts("192.0.2.25", "", NameStatus.NX_DOMAIN, 3.4)
    assert found(hat, facts) == ("UNKNOWNLIST", "sbrs[-1.0:10.0]", "ACCEPT")
    assert hat.needs == Needs(score=True)


@pytest.mark.parametrize("status", [s for s in NameStatus if s is not NameStatus.EXISTS])
def test_each_box_takes_its_own_kind_of_hosts(status: NameStatus) -> None:
    hat = index(group("A", "BLOCKED", flags=(status,)))
    for each in NameStatus:
        entry = hat.find(HostFacts("192.0.2.1", "", each)).entry
        assert entry == (status.value if each is status else "ALL")
    assert hat.needs == Needs(names=True)


def test_hosts_of_a_group_come_before_its_boxes() -> None:
    hat = index(group("A", "BLOCKED", "192.0.2.1", flags=(NameStatus.SERV_FAIL,)))
    assert hat.find(HostFacts("192.0.2.1", "", NameStatus.SERV_FAIL)).entry == "192.0.2.1"


def test_a_shared_bound_belongs_to_the_upper_group() -> None:
    hat = index(
        group("BLACKLIST", "BLOCKED", "sbrs[-10.0:-3.0]"), group("S", "TRUSTED", "sbrs[-3.0:-1.0]")
    )
    scores = (-3.0, -2.9, -0.9, None)
    groups = [hat.find(HostFacts("192.0.2.1", score=score)).group for score in scores]
    assert groups == ["BLACKLIST", "S", None, None]


def test_owners_lists_and_missing_scores() -> None:
    hat = index(
        group("L", "BLOCKED", "dnslist[bl.example.org]"),
        group("O", "TRUSTED", "SBO:1234"),
        group("N", "RELAYED", "sbrs[none]"),
    )
    facts = HostFacts("192.0.2.1", score=1.0)
    assert hat.find(facts._replace(dnslists=("x.example", "bl.example.org"))).group == "L"
    assert hat.find(facts._replace(organisation="1234")).group == "O"
    assert hat.find(facts._replace(score=None)).group == "N"
    assert hat.find(facts).group is None


def test_addresses_of_both_families() -> None:
    hat = index(group("A", "BLOCKED", "::/0"), group("B", "TRUSTED", "0/0"))
    for address, name in (("2001:db8::1", "A"), ("192.0.2.1", "B"), ("::ffff:192.0.2.1", "B")):
        assert hat.find(HostFacts(address)).group == name
    assert hat.find(HostFacts("")).group is None
    assert hat.find(HostFacts("not an address")).group is None


def test_nothing_is_looked_up_in_vain() -> None:
    hat = index(
        group("RELAYLIST", "RELAYED", "10.0.0.0/8"),
        group("A", "BLOCKED", "dnslist[a.example]", "sbrs[-10:-3]"),
        group("B", "TRUSTED", "192.0.2.0/24"),
        group("C", "TRUSTED", ".partner.example", "dnslist[c.example]", "dnslist[a.example]"),
        group("D", "BLOCKED", "SBO:1"),
    )
    everything = Needs(True, True, True, ("a.example", "c.example"))
    assert hat.needs == everything
    assert hat.needs_of("198.51.100.1") == everything
    assert hat.needs_of("10.1.2.3") == Needs()
    assert hat.needs_of("192.0.2.1") == Needs(score=True, dnslists=("a.example",))
    assert index(group("A", "BLOCKED", "192.0.2.1")).needs == Needs()


def test_a_very_long_name_matches_nothing() -> None:
    hat = index(group("A", "BLOCKED", ".example"))
    assert hat.find(HostFacts("192.0.2.1", "a." * 100_000 + "example")).group is None


def test_a_table_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no policy \$NONE"):
        index(last="NONE")
    with pytest.raises(ValueError, match="ALL"):
        index(SenderGroup("A", "BLOCKED", (ListedHost(ALL_HOSTS),)))


def test_its_length_counts_what_can_match() -> None:
    hat = index(
        group("A", "BLOCKED", "192.0.2.1", "a.example", flags=(NameStatus.NX_DOMAIN,)),
        alone("192.0.2.2", Rule.REJECT),
        group("B", "ON", "192.0.2.3"),
    )
    assert len(hat) == 5
