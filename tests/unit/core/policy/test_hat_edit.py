"""Changes in the text of a Host Access Table, as an administrator sees them in the file."""

from collections.abc import Callable

import pytest

from mailwarden.core.policy import hat_edit
from mailwarden.core.policy.hat import AnonymousEntry, SenderGroup, list_hosts
from mailwarden.core.policy.hat_edit import HatEditError
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.host_forms import NameStatus

TEXT = """# Our table
$ACCEPTED
    ACCEPT
$SLOW
  accept {  max_msgs_per_session=10, tls = "on"
      # as Olga asked
      max_message_size = 10M
  } (for now)

# -- partners --

# They know us.
WHITELIST:
   192.0.2.1   (Anna)
   # two of Bert
   192.0.2.2
   $ACCEPTED

BLACKLIST:
\t10.
\tREJECT { smtp_banner_code = 550 } (bad)
203.0.113.
    TCPREFUSE
# The rest.
ALL
    $ACCEPTED
"""


def changed(after: str) -> tuple[list[str], list[str]]:
    """Return which lines went and which came."""
    old, new = TEXT.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[start : len(old) - end], new[start : len(new) - end]


def test_a_parameter_changes_in_its_place() -> None:
    after = hat_edit.set_policy(TEXT, "SLOW", Rule.ACCEPT, {"max_msgs_per_session": 20})
    assert changed(after) == (
        ['  accept {  max_msgs_per_session=10, tls = "on"'],
        ['  accept {  max_msgs_per_session = 20, tls = "on"'],
    )


def test_a_parameter_comes_in_front_of_the_brace() -> None:
    after = hat_edit.set_policy(TEXT, "SLOW", Rule.ACCEPT, {"max_concurrency": 5})
    assert changed(after) == ([], ["      max_concurrency = 5"])


def test_a_parameter_goes() -> None:
    after = hat_edit.set_policy(TEXT, "SLOW", Rule.ACCEPT, {"max_message_size": None})
    assert changed(after) == (["      max_message_size = 10M"], [])
    after = hat_edit.set_policy(TEXT, "SLOW", Rule.ACCEPT, {"max_msgs_per_session": None})
    assert changed(after)[1] == ['  accept {  tls = "on"']


def test_a_rule_gets_its_first_parameter() -> None:
    after = hat_edit.set_policy(TEXT, "ACCEPTED", Rule.RELAY, {"tls": Demand.REQUIRED})
    assert changed(after) == (
        ["    ACCEPT"], ["    RELAY {", '        tls = "required"', "    }"],
    )  # fmt: skip


def test_the_brace_stands_behind_the_parameters() -> None:
    after = hat_edit.set_access(
        TEXT, "BLACKLIST", Rule.REJECT, "worse", {"smtp_banner_text": "Go away"}
    )
    assert changed(after)[1] == [
        '\tREJECT { smtp_banner_code = 550 smtp_banner_text = "Go away" } (worse)'
    ]


def test_a_policy_stands_in_the_place_of_a_rule() -> None:
    after = hat_edit.set_access(TEXT, "BLACKLIST", "SLOW", "bad", {})
    assert changed(after) == (["\tREJECT { smtp_banner_code = 550 } (bad)"], ["\t$SLOW (bad)"])


def test_nothing_changes_where_all_is_so_already() -> None:
    assert hat_edit.set_access(TEXT, "WHITELIST", "ACCEPTED", "", {}) == TEXT
    assert hat_edit.set_access(TEXT, "203.0.113.", Rule.TCPREFUSE, "", {}) == TEXT
    assert hat_edit.move_entry(TEXT, "BLACKLIST", "203.0.113.") == TEXT


def test_a_group_goes_with_the_comment_right_above_it() -> None:
    after = hat_edit.remove_entry(TEXT, "WHITELIST")
    assert changed(after)[0][0] == "# They know us."
    assert "# -- partners --\n\n\nBLACKLIST:" in after


def test_a_group_moves_with_its_comment() -> None:
    after = hat_edit.move_entry(TEXT, "WHITELIST", "ALL")
    end = "    TCPREFUSE\n# They know us.\nWHITELIST:\n   192.0.2.1   (Anna)\n"
    assert end in after
    assert after.endswith("   $ACCEPTED\n# The rest.\nALL\n    $ACCEPTED\n")


def test_a_new_entry_stands_in_front_of_all() -> None:
    group = SenderGroup("NEW", "SLOW", list_hosts("192.0.2.9"), comment="tried out")
    after = hat_edit.add_entry(TEXT, group)
    assert changed(after) == ([], ["NEW:", "        192.0.2.9", "        $SLOW (tried out)"])
    alone = AnonymousEntry(list_hosts("a.example")[0], HatPolicy(Rule.ACCEPT))
    assert changed(hat_edit.add_entry(TEXT, alone)) == ([], ["a.example", "    ACCEPT"])


def test_a_new_policy_stands_behind_the_others() -> None:
    after = hat_edit.add_policy(TEXT, HatPolicy(Rule.REJECT, name="P"))
    assert changed(after) == ([], ["$P", "    REJECT"])
    assert hat_edit.add_policy("ALL\n  ACCEPT\n", HatPolicy(Rule.REJECT, name="P")) == (
        "$P\n    REJECT\nALL\n  ACCEPT\n"
    )


def test_hosts_come_and_go() -> None:
    after = hat_edit.add_hosts(TEXT, "WHITELIST", list_hosts("192.0.2.3", ".a.example"))
    assert changed(after) == ([], ["   192.0.2.3", "   .a.example"])
    assert changed(hat_edit.remove_hosts(TEXT, "WHITELIST", ["192.0.2.1"])) == (
        ["   192.0.2.1   (Anna)"], [],
    )  # fmt: skip
    moved = hat_edit.move_host(TEXT, "WHITELIST", "192.0.2.1", "")
    assert (
        moved.index("192.0.2.2") < moved.index("192.0.2.1   (Anna)") < moved.index("$ACCEPTED\n\n")
    )


def test_boxes_for_hosts_without_a_name() -> None:
    ticked = hat_edit.set_verification(TEXT, "WHITELIST", (NameStatus.NX_DOMAIN,))
    assert changed(ticked) == ([], ['   dns_host_verification = "not_exist"'])
    assert hat_edit.set_verification(ticked, "WHITELIST", ()) == TEXT
    assert hat_edit.set_verification(TEXT, "WHITELIST", ()) == TEXT


def test_com_13_a_policy_is_renamed_with_its_uses() -> None:
    after, users = hat_edit.rename_policy(TEXT, "ACCEPTED", "TAKEN")
    assert users == ["WHITELIST", "ALL"]
    assert after == TEXT.replace("$ACCEPTED", "$TAKEN")


def test_com_13_a_sender_group_is_renamed() -> None:
    assert changed(hat_edit.rename_group(TEXT, "BLACKLIST", "BAD")) == (["BLACKLIST:"], ["BAD:"])


def test_com_13_a_policy_in_use_stays() -> None:
    with pytest.raises(HatEditError, match=r"\$ACCEPTED is in use by WHITELIST, ALL"):
        hat_edit.remove_policy(TEXT, "ACCEPTED")
    assert "$SLOW" not in hat_edit.remove_policy(TEXT, "SLOW")


def test_all_entries_go_but_all() -> None:
    after = hat_edit.clear_entries(TEXT)
    assert after == TEXT[: TEXT.index("# They know")] + "\n# The rest.\nALL\n    $ACCEPTED\n"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: hat_edit.remove_entry(TEXT, "ALL"), "ALL stays"),
        (lambda: hat_edit.move_entry(TEXT, "ALL", "WHITELIST"), "always the last"),
        (lambda: hat_edit.remove_entry(TEXT, "X"), "no entry X"),
        (lambda: hat_edit.rename_group(TEXT, "WHITELIST", "BLACKLIST"), "BLACKLIST already"),
        (lambda: hat_edit.rename_group(TEXT, "203.0.113.", "A"), "no sender group"),
        (lambda: hat_edit.rename_policy(TEXT, "SLOW", "ACCEPTED"), "ACCEPTED already"),
        (lambda: hat_edit.set_access(TEXT, "ALL", "NONE", "", {}), r"no policy \$NONE"),
        (lambda: hat_edit.set_access(TEXT, "ALL", "SLOW", "", {"tls": None}), "the same for all"),
        (lambda: hat_edit.add_hosts(TEXT, "WHITELIST", list_hosts("192.0.2.1")), "already"),
        (lambda: hat_edit.remove_hosts(TEXT, "WHITELIST", ["192.0.2.7"]), "is not in WHITELIST"),
        (lambda: hat_edit.add_policy(TEXT, HatPolicy(Rule.ACCEPT, name="SLOW")), "already"),
        (lambda: hat_edit.add_entry(TEXT, SenderGroup("WHITELIST", "SLOW")), "already"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change: Callable[[], object], why: str) -> None:
    with pytest.raises(HatEditError, match=why):
        change()
