"""The text file of the Host Access Table, out and in (mailflow 3.10)."""

from pathlib import Path

import pytest

from mailwarden.core.policy.hat import HostAccessTable, SenderGroup
from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.policy.hat_predefined import Preset, private_table, public_table
from mailwarden.core.policy.hat_text import TEXT_LENGTH_MAX, build_hat, parse_hat
from mailwarden.core.policy.host_forms import NameStatus

SAMPLE = """\
# comment
$ACCEPTED
    ACCEPT
$THROTTLED
    ACCEPT {
        spam_check = "on"
        max_msgs_per_session = 10
        max_concurrency = 10
        max_rcpts_per_msg = 25
        max_rcpts_per_hour = 20
        dhap_limit = 0
        virus_check = "on"
        max_message_size = 1048576
        use_sb = "on"
        tls = "off"
    }
$TRUSTED
    ACCEPT {
        spam_check = "off"
        max_rcpts_per_hour = -1
    }
$BLOCKED
    REJECT

WHITELIST:
        $TRUSTED (partners we know)
BLACKLIST:
        sbrs[-10.0:-3.0]
        $BLOCKED (bad reputation)
SUSPECTLIST:
        sbrs[-3.0:-1.0]
        198.51.100.0/24
        $THROTTLED (slow down)
UNKNOWNLIST:
        $ACCEPTED (undecided)
bulk.example
    REJECT (refuse this one host)
.bulk.example
    REJECT (and everything below)
203.0.113.
    TCPREFUSE (a partial IP)
192.0.2.40
    RELAY (our old mailer)
ALL
    $ACCEPTED
"""
TAIL = "ALL\n    REJECT\n"


def table_of(text: str) -> HostAccessTable:
    read = parse_hat(text)
    assert (read.problems, read.warnings) == ((), ())
    assert list(read.table.problems()) == []
    return read.table


def group_of(text: str) -> SenderGroup:
    (group,) = table_of(text + TAIL).entries
    assert isinstance(group, SenderGroup)
    return group


def said(text: str) -> list[tuple[int, str]]:
    """Return line and message of all problems."""
    return [
        (int(each.path.removeprefix("line ")), each.message) for each in parse_hat(text).problems
    ]


def test_the_sample_of_the_manual_comes_back_as_it_is() -> None:
    table = table_of(SAMPLE)
    assert build_hat(table) == SAMPLE
    assert [policy.name for policy in table.policies] == [
        "ACCEPTED", "THROTTLED", "TRUSTED", "BLOCKED",
    ]  # fmt: skip
    assert [
        each.name if isinstance(each, SenderGroup) else each.host.form.text
        for each in table.entries
    ] == [
        "WHITELIST", "BLACKLIST", "SUSPECTLIST", "UNKNOWNLIST", "bulk.example", ".bulk.example",
        "203.0.113.", "192.0.2.40",
    ]  # fmt: skip
    assert table.last.access == "ACCEPTED"


@pytest.mark.parametrize("preset", Preset)
def test_row_40_export_import_export_is_the_same_text(preset: Preset) -> None:
    for table in (public_table(preset), private_table()):
        text = build_hat(table)
        assert table_of(text) == table
        assert build_hat(table_of(text)) == text


def test_row_40_a_bad_line_is_named() -> None:
    lines = SAMPLE.splitlines(keepends=True)
    lines[6] = "        max_msgs_per_session = many\n"
    assert said("".join(lines)) == [(7, "max_msgs_per_session: 'many' is not a number")]


def test_all_that_is_wrong_is_told() -> None:
    text = """\
$A
    ACEPT
$B
    ACCEPT {
        tls = "perhaps"
        foo = "unknown"
        max_concurrency 10
        max_concurrency = 10
    }
    stray
GROUP:
    10.2.3.400
    $NOPE
10.2.3.4/16
    REJECT of course
ALL
    CONTINUE
"""
    numbers = [number for number, _ in said(text)]
    assert numbers == [2, 5, 7, 10, 12, 13, 14, 15, 16]
    (warning,) = parse_hat(text).warnings
    assert warning.path == "line 6"


WRONG = [
    ("", 1, "ALL is missing"),
    ("a.example\n    REJECT\n", 2, "ALL is missing"),
    ("    REJECT\n" + TAIL, 1, "no group, host or policy above"),
    (TAIL + TAIL, 3, "ALL stands in line 1 already"),
    (TAIL + "a.example\n    REJECT\n", 3, "has to be the last entry"),
    ("all\n    CONTINUE\n", 1, "nothing follows"),
    ("$C\n    CONTINUE\nALL\n    $C\n", 3, "nothing follows"),
    ("$A\n    REJECT\n$A\n    ACCEPT\n" + TAIL, 3, "above already"),
    ("$A b\n    REJECT\n" + TAIL, 1, "no name"),
    ("$A\n    $B\n$B\n    REJECT\n" + TAIL, 2, "needs a rule, not the name"),
    ("$A\n" + TAIL, 1, "missing below"),
    ("$A\n    REJECT {\n" + TAIL, 2, "not closed before line 3"),
    ("ALL\n    REJECT {\n        tls = on\n", 2, "never closed"),
    ("$A\n    ACCEPT { tls = on, foo bar }\n" + TAIL, 2, "needs key = value"),
    ("$A\n    ACCEPT {\n        tls = on # encrypted\n    }\n" + TAIL, 3, "needs key = value"),
    ('$A\n    ACCEPT { smtp_banner_text = "a }\n    }\n' + TAIL, 2, "needs key = value"),
    ('$A\n    ACCEPT { smtp_banner_text = "a\\tb" }\n' + TAIL, 2, "needs key = value"),
    ("$A\n    ACCEPT { tls = on tls = off }\n" + TAIL, 2, "tls is given twice"),
    ("$A\n    ACCEPT { smtp_banner_code = 554 }\n" + TAIL, 2, "does not fit ACCEPT"),
    ("$A\n    REJECT {} x\n" + TAIL, 2, "only a comment"),
    ("G:\n" + TAIL, 1, "no rule or policy as its last line"),
    ("G:\n    10.\n" + TAIL, 1, "no rule or policy as its last line"),
    ("G:\n    REJECT\n    10.\n" + TAIL, 3, "is the last line of a group"),
    ("G:\n    REJECT\nG:\n    REJECT\n" + TAIL, 3, "above already"),
    ("None:\n    REJECT\n" + TAIL, 1, "a meaning of its own"),
    ("ALL:\n    REJECT\n" + TAIL, 1, "a meaning of its own"),
    ("1G:\n    REJECT\n" + TAIL, 1, "no name"),
    ("G:\n    ALL\n    REJECT\n" + TAIL, 2, "stands nowhere else"),
    ("G:\n    10. (half\n    REJECT\n" + TAIL, 2, "comment in parentheses"),
    ("G:\n    10. (half) whole\n    REJECT\n" + TAIL, 2, "comment in parentheses"),
    ("G:\n    10. (\x00)\n    REJECT\n" + TAIL, 2, "cannot be shown"),
    ("G:\n    10. 11.\n    REJECT\n" + TAIL, 2, "blank"),
    ('G:\n    dns_host_verification = "a"\n    REJECT\n' + TAIL, 2, "'a' is none of not_exist"),
    ('G:\n    dns_host_verification = "\n    REJECT\n' + TAIL, 2, "needs the form"),
    ("G:\n    dns_host_verification = serv_fail\n    dns_host_verification = serv_fail\n"
     "    REJECT\n" + TAIL, 3, "stands twice"),
    ("a.example\n    $NOPE\n" + TAIL, 2, "there is no policy '$NOPE', and no other in this text"),
    ("$P\n  REJECT\na.example\n    $NOPE\n" + TAIL, 4, "no policy '$NOPE'; there are $P"),
    ("a.example\n    WHATEVER\n" + TAIL, 2, "($NAME), not 'WHATEVER'"),
    ("a.example\n" + TAIL, 1, "missing below"),
    ("a.example\n", 1, "missing below"),
    ("10.2.3.4/16\n    REJECT\n" + TAIL, 1, "write 10.2.0.0/16"),
    ("#" * 9000 + "\n" + TAIL, 1, "longer than 8192"),
    ("\n" * TEXT_LENGTH_MAX + TAIL, 1, "the file is longer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_has_its_line(text: str, line: int, message: str) -> None:
    problems = said(text)
    assert problems
    assert problems[0][0] == line
    assert message in problems[0][1]


def test_a_group_in_full() -> None:
    group = group_of(
        "# above\nG:\n"
        '        dns_host_verification = "not_double_verified, not_exist"\n'
        "        # our own\n"
        "        10.2.3.5-20 (a (nested)  comment)\n"
        "        Mail.Partner.example\n"
        "        REJECT {\n"
        '            smtp_banner_text = "Go \\"away\\"\\nplease"\n'
        "        } (because)\n"
    )
    assert group.remarks == (" above",)
    assert group.dns_host_verification == (NameStatus.NX_DOMAIN, NameStatus.NOT_DOUBLE_VERIFIED)
    assert [(h.form.text, h.comment, h.remarks) for h in group.hosts] == [
        ("10.2.3.5-20", "a (nested) comment", (" our own",)),
        ("mail.partner.example", "", ()),
    ]
    assert not isinstance(group.access, str)
    assert group.access.rule is Rule.REJECT
    assert group.access.parameters == (("smtp_banner_text", 'Go "away"\nplease'),)
    assert group.comment == "because"


def test_duplicates_in_a_group_are_left_out_with_a_warning() -> None:
    read = parse_hat("G:\n  10.2.3.\n  # again\n  10.2.3.0/24\n  a.example\n  REJECT\n" + TAIL)
    assert read.problems == ()
    assert [(w.path, w.message) for w in read.warnings] == [
        ("line 4", "10.2.3.0/24 is in the group already and is left out")
    ]
    (group,) = read.table.entries
    assert isinstance(group, SenderGroup)
    assert [host.form.text for host in group.hosts] == ["10.2.3.", "a.example"]
    assert group.hosts[1].remarks == (" again",)


def test_unknown_keys_are_warnings_and_the_misspelt_one_is_known() -> None:
    read = parse_hat(
        "G:\n    whatever = 5\n    ACCEPT {\n        signficant_bits = 20\n        foo = 1\n    }\n"
        + TAIL
    )
    assert read.problems == ()
    assert [warning.path for warning in read.warnings] == ["line 2", "line 5"]
    assert "significant_bits = 20" in build_hat(read.table)
    assert "sign" not in build_hat(read.table).replace("significant_bits", "")


@pytest.mark.parametrize(
    "text",
    [
        "$A\n\tAccept {TLS_free=1}\n",
        "$A\n    ACCEPT{ tls=on max_concurrency = \"5\",spam_check = off\n}\n",
        "$A\r\n    ACCEPT {\r\n\ttls = \"on\"\r\n    }\r\n",
        "\ufeff$A\n    ACCEPT {}\n",
        "$A\n\n    # inside\n    ACCEPT {\n# and inside\ntls = on\n}  ( why )\n",
    ],
)  # fmt: skip
def test_it_may_be_written_in_other_ways(text: str) -> None:
    read = parse_hat(text + "a.example (here)\n    reject\nG:\n    $A\nAll (too)\n    $A(b)")
    assert read.problems == ()
    again = build_hat(read.table)
    assert table_of(again) == read.table
    assert build_hat(table_of(again)) == again


def test_no_comment_gets_lost() -> None:
    text = (
        "# 1\n$A\n    # 2\n    ACCEPT {\n        # 3\n        tls = on\n        # 4\n    } (5)\n"
        "# 6\nG:\n    # 7\n    a.example (8)\n    # 9\n    dns_host_verification = not_exist\n"
        "    # 10\n    $A (11)\n# 12\nb.example (13)\n    # 14\n    REJECT (15)\n"
        "# 16\nALL (17)\n    # 18\n    REJECT (19)\n# 20\n"
    )
    again = build_hat(table_of(text))
    found = {word.strip("()#") for word in again.split() if word.strip("()#").isdigit()}
    assert found == {str(number) for number in range(1, 21)}
    assert build_hat(table_of(again)) == again


def test_an_ipv6_address_is_no_group() -> None:
    table = table_of("2001:db8::\n    REJECT\nfe80:\n    REJECT\n" + TAIL)
    texts = [e.name if isinstance(e, SenderGroup) else e.host.form.text for e in table.entries]
    assert texts == ["2001:db8::", "fe80"]


def test_too_much_is_not_read_to_its_end() -> None:
    hosts = "".join(f"  {n >> 16 & 255}.{n >> 8 & 255}.{n & 255}.1\n" for n in range(100_010))
    read = parse_hat("G:\n" + hosts + "  REJECT\n" + TAIL)
    assert "more than 100000 hosts" in read.problems[0].message
    many = parse_hat("a b\n" * 20_000)
    assert len(many.problems) == 10_000
    policies = "".join(f"$A{n}\n  REJECT\n" for n in range(1010))
    assert "more than 1000 policies" in said(policies + TAIL)[0][1]


def test_the_example_of_the_guide_is_right() -> None:
    page = (Path(__file__).parents[4] / "docs/guide/host-access.md").read_text(encoding="utf-8")
    example = page.partition('```text title="host access table"\n')[2].partition("```")[0]
    table = table_of(example)
    assert len(table.entries) == 4
    assert build_hat(table) == example
