"""`exceptionconfig`, `callaheadconfig`, `dnslist...`, `senderbaseconfig` and `sbstatus`."""

import json

import pytest

from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit

# exceptionconfig

EXCEPTIONS = """# ours
@partner.example  ALLOW
@.spam.example REJECT (553 "Not wanted")
"""


def exceptions(counter: Counter, *lines: str) -> str:
    desk = counter.desk()
    path = ("inbound", "sender_exceptions")
    desk.candidate = desk.candidate.put(path, EXCEPTIONS, MODEL)
    for line in lines:
        sitting = run_line(desk, f"exceptionconfig {line}")
        assert (sitting.errors, sitting.status) == ("", 0)
    return str(desk.candidate.tree["inbound"].get("sender_exceptions"))


def test_exceptions_come_in_front_of_what_would_hide_them(counter: Counter) -> None:
    after = exceptions(counter, "new 'joe@PARTNER.example, @x.example' reject")
    assert after == (
        "joe@partner.example         REJECT\n" + EXCEPTIONS + "@x.example                  REJECT\n"
    )
    after = exceptions(counter, "new @a.spam.example allow")
    assert after.index("@a.spam.example") < after.index("@.spam.example")


def test_exceptions_change_and_go(counter: Counter) -> None:
    after = exceptions(counter, "edit @.spam.example reject resp_text 'Go away'")
    assert after == EXCEPTIONS.replace("Not wanted", "Go away").replace(
        "@.spam.example REJECT", "@.spam.example              REJECT"
    )
    assert exceptions(counter, "edit @partner.example allow") == EXCEPTIONS
    assert exceptions(counter, "delete @.spam.example") == "# ours\n@partner.example  ALLOW\n"
    assert exceptions(counter, "clear force") == "None"


def test_exceptions_are_searched_and_printed(counter: Counter) -> None:
    desk = counter.desk()
    assert "SEARCH is not possible" in run_line(desk, "exceptionconfig search a@b.example").errors
    path = ("inbound", "sender_exceptions")
    desk.candidate = desk.candidate.put(path, EXCEPTIONS, MODEL)
    found = run_line(desk, "--json exceptionconfig search bob@x.spam.example")
    assert json.loads(found.shown)["data"] == {
        "sender": "@.spam.example",
        "action": "REJECT",
        "reply": {"code": 553, "lines": ["Not wanted"]},
    }
    assert "No entry matches" in run_line(desk, "exceptionconfig search bob@y.example").shown
    assert run_line(desk, "exceptionconfig print").shown == EXCEPTIONS
    assert "already" in run_line(desk, "exceptionconfig new @partner.example allow").errors
    assert run_line(desk, "commit exceptions").status == 0
    assert counter.running(*path) == EXCEPTIONS


# callaheadconfig


def with_profile(counter: Counter) -> None:
    desk = counter.desk()
    line = "callaheadconfig new Inside server_type static servers 'mail.int.example:25, 10.0.0.9'"
    assert run_line(desk, f"{line} cache_size 5 interface Loopback").status == 0
    assert run_line(desk, "listenerconfig edit Public setup call_ahead Inside").status == 0
    assert run_line(desk, "commit profile").status == 0


def test_a_call_ahead_profile_is_made(counter: Counter) -> None:
    with_profile(counter)
    assert counter.running("call_ahead_profiles", "Inside") == {
        "servers": ["mail.int.example:25", "10.0.0.9"],
        "interface": "Loopback",
        "cache_size": 5,
    }


def test_com_13_a_profile_is_renamed_where_listeners_use_it(counter: Counter) -> None:
    with_profile(counter)
    desk = counter.desk()
    sitting = run_line(desk, "callaheadconfig edit Inside name Outside server_type delivery_host")
    assert "Also changed: listeners.Public.call_ahead" in sitting.shown
    assert desk.candidate.tree["listeners"][0]["call_ahead"] == "Outside"
    assert "servers" not in desk.candidate.tree["call_ahead_profiles"]["Outside"]
    sitting = run_line(desk, "callaheadconfig delete Outside")
    assert "is in use by" in sitting.errors


def test_profiles_are_printed(counter: Counter) -> None:
    with_profile(counter)
    desk = counter.desk()
    shown = run_line(desk, "callaheadconfig print").shown
    assert shown.splitlines()[1].split() == [
        "Inside", "mail.int.example:25,", "10.0.0.9", "Loopback", "Public",
    ]  # fmt: skip
    data = json.loads(run_line(desk, "--json callaheadconfig print").shown)["data"]
    assert data["Inside"]["cache_size"] == 5
    assert data["Inside"]["failure_action"] == "accept"


def test_a_recipient_is_asked_about(counter: Counter) -> None:
    with_profile(counter)
    counter.gateway.answers["call_ahead_test"] = [
        {},
        {
            "address": "bob@corp.example", "finding": "accepted", "server": "10.0.0.9",
            "detail": "250 \x1b[2Jok", "action": "accept",
        },
    ]  # fmt: skip
    shown = run_line(counter.desk(), "callaheadconfig test Inside bob@corp.example").shown
    assert "bob@corp.example: accepted: 10.0.0.9 said 250 \\x1b[2Jok" in shown
    assert counter.gateway.asked[-1]["profile"] == "Inside"
    assert audited(counter, "callaheadconfig test") == ["Inside bob@corp.example"]


def test_answers_are_forgotten(counter: Counter) -> None:
    with_profile(counter)
    counter.gateway.answers["call_ahead_flush"] = [{"workers": [{"flushed": 3}, {"flushed": 4}]}]
    assert run_line(counter.desk(), "callaheadconfig flushcache").shown == "7 answers forgotten.\n"
    assert counter.gateway.asked[-1]["profile"] == ""
    run_line(counter.desk(), "callaheadconfig flushcache Inside")
    assert counter.gateway.asked[-1]["profile"] == "Inside"
    counter.gateway.answers["call_ahead_flush"] = [{"workers": [], "unanswered": ["worker 1"]}]
    sitting = run_line(counter.desk(), "callaheadconfig flushcache")
    assert "worker 1" in sitting.errors


def test_who_only_stages_asks_no_servers(counter: Counter) -> None:
    with_profile(counter)
    reader = counter.desk("rosa", Role.READ_ONLY_OPERATOR)
    for words in ("test Inside bob@corp.example", "flushcache"):
        sitting = run_line(reader, f"callaheadconfig {words}")
        assert "permission" in sitting.errors
    assert run_line(reader, "callaheadconfig edit Inside cache_size 9").status == 0
    assert not any("call_ahead" in each["command"] for each in counter.gateway.asked)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("new Inside", "there is a profile Inside already"),
        ("new 'a b'", "has blanks in it"),
        ("new X server_type static servers a:b:c", "servers: "),
        ("new X failure_action maybe", "failure_action: "),
        ("new X servers a.example", "has no meaning here"),
        ("edit Nobody cache_size 1", "is not in the list"),
    ],
)
def test_profiles_that_are_refused(counter: Counter, line: str, why: str) -> None:
    with_profile(counter)
    sitting = run_line(counter.desk(), f"callaheadconfig {line}")
    assert why.casefold() in sitting.errors.casefold()


# DNS lists


def test_dns_lists_come_change_and_go(counter: Counter) -> None:
    desk = counter.desk()
    line = "dnslistconfig new BL.example.org scores 127.0.0.2=-6,127.0.0.3=-2.5"
    assert run_line(desk, line).status == 0
    assert desk.candidate.tree["reputation"]["dns_lists"] == [
        {"zone": "bl.example.org", "scores": {"127.0.0.2": -6, "127.0.0.3": -2.5}}
    ]
    run_line(desk, "dnslistconfig edit bl.example.org other_score -1")
    assert desk.candidate.tree["reputation"]["dns_lists"][0]["other_score"] == -1
    shown = run_line(desk, "dnslistconfig print").shown
    assert "bl.example.org  127.0.0.2=-6, 127.0.0.3=-2.5" in shown
    run_line(desk, "dnslistconfig setup dns_timeout_seconds 5s")
    assert desk.candidate.tree["reputation"]["dns_timeout_seconds"] == 5
    assert run_line(desk, "commit lists").status == 0
    run_line(desk, "dnslistconfig delete bl.example.org")
    assert desk.candidate.tree["reputation"]["dns_lists"] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("new 'bl example'", "zone: "),
        ("new bl.example.org scores 127.0.0.2", "write 127.0.0.2=-6"),
        ("new bl.example.org scores 10.0.0.2=-6", "no code of a DNS list"),
        ("new bl.example.org scores 127.0.0.2=-11", "scores: "),
        ("new bl.example.org scores 127.0.0.2=-1,127.0.0.2=-2", "is there twice"),
    ],
)
def test_lists_that_are_refused(counter: Counter, line: str, why: str) -> None:
    desk = counter.desk()
    assert why in run_line(desk, f"dnslistconfig {line}").errors
    assert desk.pending_changes() == 0


def test_a_list_is_asked(counter: Counter) -> None:
    answer = {"question": "2.0.0.127.bl.example.org", "codes": ["127.0.0.2"], "fault": ""}
    counter.gateway.answers["dnslist_test"] = [answer]
    sitting = sit(counter.desk(), "dnslisttest", "BL.example.org", "127.0.0.2")
    assert "Querying: 2.0.0.127.bl.example.org\n" in sitting.shown
    assert "127.0.0.2 is listed by bl.example.org: 127.0.0.2" in sitting.shown
    counter.gateway.answers["dnslist_test"] = [{**answer, "codes": []}]
    assert "is not listed" in run_line(counter.desk(), "dnslisttest bl.example.org 10.0.0.1").shown
    counter.gateway.answers["dnslist_test"] = [{**answer, "codes": [], "fault": "dead"}]
    shown = run_line(counter.desk(), "--json dnslisttest bl.example.org 10.0.0.1").shown
    assert json.loads(shown)["data"]["fault"] == "dead"
    assert audited(counter, "dnslisttest")[-1] == "bl.example.org 127.0.0.2"


def test_answers_of_lists_are_forgotten(counter: Counter) -> None:
    counter.gateway.answers["dnslistflush"] = [{"workers": [{"flushed": 1}, {"flushed": 1}]}]
    assert "are forgotten" in run_line(counter.desk(), "dnslistflush").shown
    assert json.loads(run_line(counter.desk(), "--json dnslistflush").shown)["data"] == {
        "flushed": 2
    }
    refused = run_line(counter.desk("rosa", Role.READ_ONLY_OPERATOR), "dnslistflush x")
    assert refused.errors == "You do not have permission to run dnslistflush\n"


# Reputation


def test_where_scores_come_from(counter: Counter) -> None:
    desk = counter.desk()
    line = "senderbaseconfig setup order 'history, feeds' cache_seconds 30 memory_days 14"
    assert run_line(desk, line).status == 0
    assert desk.candidate.tree["reputation"] == {
        "order": ["history", "feeds"],
        "cache_seconds": 30,
        "history": {"memory_days": 14},
    }
    sitting = run_line(desk, "senderbaseconfig setup order 'history, history'")
    assert "listed twice" in sitting.errors


def test_feeds_come_change_and_go(counter: Counter) -> None:
    desk = counter.desk()
    feeds = "senderbaseconfig feeds"
    assert run_line(desk, f"{feeds} new ours path /a/feed key_file /a/key").status == 0
    assert desk.candidate.tree["reputation"]["feeds"] == [
        {"name": "ours", "path": "/a/feed", "key_file": "/a/key"}
    ]
    run_line(desk, f"{feeds} edit ours check_seconds 1m")
    assert desk.candidate.tree["reputation"]["feeds"][0]["check_seconds"] == 60
    assert "/a/feed" in run_line(desk, f"{feeds} print").shown
    assert "already" in run_line(desk, f"{feeds} new ours path /b key_file /c").errors
    run_line(desk, f"{feeds} delete ours")
    assert desk.candidate.tree["reputation"]["feeds"] == []


def test_whether_scores_can_be_had(counter: Counter) -> None:
    well = {"name": "feed ours", "is_well": True, "detail": "3 networks"}
    ill = {"name": "feed ours", "is_well": False, "detail": "no \x1b feed"}
    history = {"name": "history", "is_well": True, "detail": "seen"}
    counter.gateway.answers["reputation_status"] = [
        {"workers": [{"providers": [well, history]}, {"providers": [ill, history]}]}
    ]
    shown = run_line(counter.desk("greta", Role.GUEST), "sbstatus").shown
    assert "feed ours         Down    no \\x1b feed" in shown
    data = json.loads(run_line(counter.desk(), "--json sbstatus").shown)["data"]
    assert data["providers"] == [ill, history]


def audited(counter: Counter, action: str) -> list[str]:
    """Return the details of what was recorded of an action."""
    store = counter.administration.versions.store
    return [each.detail for each in store.audit() if each.action == action]
