"""The recipient access table decides about recipients."""

import pytest

from mailwarden.core.policy.rat import (
    POSTMASTER_ENTRY,
    Rat,
    RatAction,
    RatEntry,
    RatIndex,
    rat_reply,
)
from mailwarden.core.policy.rat_text import parse_rat
from mailwarden.core.smtp.reply import ADDRESS_REJECTED, Reply, recipient_ok


def index_of(*lines: str) -> RatIndex:
    imported = parse_rat("\n".join(lines))
    assert imported.problems == ()
    return RatIndex(imported.table)


def form_for(index: RatIndex, recipient: str) -> str:
    return index.find(recipient).form


def test_row_35_other_domains_are_rejected() -> None:
    index = index_of("corp.example ACCEPT")
    entry = index.find("x@other.example")
    assert entry.action is RatAction.REJECT
    assert rat_reply(entry, "x@other.example").encode() == b"550 #5.1.0 Address rejected.\r\n"
    entry = index.find("bob@corp.example")
    assert entry.action is RatAction.ACCEPT
    reply = rat_reply(entry, "bob@corp.example")
    assert reply.encode() == b"250 recipient <bob@corp.example> ok\r\n"


def test_row_36_the_first_entry_decides() -> None:
    domain, postmaster = "corp.example ACCEPT", "postmaster@corp.example ACCEPT bypass_ldap"
    assert not index_of(domain, postmaster).find("postmaster@corp.example").bypass_ldap
    assert index_of(postmaster, domain).find("postmaster@corp.example").bypass_ldap


def test_row_37_custom_reply() -> None:
    index = index_of(
        'old@corp.example REJECT (554 "This address was retired")', "corp.example ACCEPT"
    )
    reply = rat_reply(index.find("Old@corp.example"), "Old@corp.example")
    assert reply.encode() == b"554 This address was retired\r\n"


def test_custom_reply_of_an_accepted_recipient() -> None:
    index = index_of('corp.example ACCEPT (250 "welcome")')
    assert rat_reply(index.find("bob@corp.example"), "bob@corp.example") == Reply(250, "welcome")


def test_row_32_postmaster_may_bypass_receiving_control() -> None:
    entry = index_of("postmaster@corp.example ACCEPT bypass_throttle", "corp.example ACCEPT").find(
        "postmaster@corp.example"
    )
    assert (entry.bypass_throttle, entry.bypass_ldap, entry.bypass_callahead) == (
        True,
        False,
        False,
    )


FORMS = [
    ("corp.example", "bob@corp.example", True),
    ("corp.example", "bob@CORP.example", True),
    ("corp.example", "bob@eu.corp.example", False),
    (".corp.example", "bob@eu.corp.example", True),
    (".corp.example", "bob@a.b.corp.example", True),
    (".corp.example", "bob@corp.example", False),
    (".corp.example", "bob@xcorp.example", False),
    ("bob@corp.example", "BOB@corp.example", True),
    ("Bob@Corp.Example", "bob@corp.example", True),
    ("bob@corp.example", "ann@corp.example", False),
    ("bob@corp.example", "bob@eu.corp.example", False),
    ("bob@", "bob@anywhere.example", True),
    ("bob@", "bob@[192.0.2.10]", True),
    ("bob@", "bob", True),
    ("bob@", "bobby@anywhere.example", False),
    ("user@[192.0.2.10]", "user@[192.0.2.10]", True),
    ("user@[192.0.2.10]", "user@[192.0.2.11]", False),
    ("[192.0.2.10]", "user@[192.0.2.10]", True),
    ("[192.0.2.10]", "user@192.0.2.10", False),
    ("[IPv6:2001:db8::1]", "user@[ipv6:2001:db8::1]", True),
    ("corp", "bob@corp", True),
    ("bücher.example", "bob@xn--bcher-kva.example", True),
    ("xn--bcher-kva.example", "bob@bücher.example", True),
    (".bücher.example", "bob@eu.bücher.example", True),
    ('"joe doe"@corp.example', '"Joe Doe"@corp.example', True),
]


@pytest.mark.parametrize(("form", "recipient", "matches"), FORMS)
def test_forms(form: str, recipient: str, matches: bool) -> None:
    found = index_of(f"{form} ACCEPT").find(recipient)
    assert (found.action is RatAction.ACCEPT) == matches


def test_the_default_can_be_changed() -> None:
    index = index_of("old.example REJECT", 'ALL ACCEPT bypass_throttle (250 "fine")')
    assert index.find("x@old.example").action is RatAction.REJECT
    entry = index.find("x@anywhere.example")
    assert (entry.form, entry.action, entry.bypass_throttle) == ("ALL", RatAction.ACCEPT, True)


def test_an_empty_table_rejects_all_but_postmaster() -> None:
    index = RatIndex(Rat())
    assert index.find("bob@corp.example").action is RatAction.REJECT
    assert index.find("postmaster@corp.example").action is RatAction.REJECT
    assert index.find("bob").action is RatAction.REJECT
    assert rat_reply(index.find("bob"), "bob") is ADDRESS_REJECTED


@pytest.mark.parametrize("recipient", ["postmaster", "Postmaster", "POSTMASTER"])
def test_postmaster_without_domain(recipient: str) -> None:
    """RFC 5321, 4.5.1."""
    entry = index_of("corp.example ACCEPT").find(recipient)
    assert entry is POSTMASTER_ENTRY
    assert rat_reply(entry, recipient) == recipient_ok(recipient)
    named = index_of('postmaster@ REJECT (550 "under attack")').find(recipient)
    assert rat_reply(named, recipient) == Reply(550, "under attack")
    assert index_of("postmaster@ ACCEPT bypass_ldap").find(recipient).bypass_ldap
    assert index_of("ALL ACCEPT bypass_ldap").find(recipient).bypass_ldap


def test_letters_that_only_fold_to_postmaster_are_not_it() -> None:
    assert RatIndex(Rat()).find("poſtmaster").action is RatAction.REJECT


def test_a_hundred_thousand_entries_each_find_themselves() -> None:
    entries = tuple(RatEntry(f"u{n}@d{n % 7}.example", RatAction.ACCEPT) for n in range(100_000))
    index = RatIndex(Rat(entries))
    for n in (0, 1, 50_000, 99_999):
        assert index.find(f"U{n}@d{n % 7}.example") is entries[n]
    assert form_for(index, "u7@d1.example") == "ALL"
