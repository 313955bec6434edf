"""A recipient access table of which some lines have changed reads as the whole text does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.core.policy.rat_reread import reread_rat
from mailwarden.core.policy.rat_text import parse_rat

LINES = st.sampled_from(
    [
        "a.example ACCEPT", ".a.example ACCEPT", "x@a.example REJECT", "x@ ACCEPT",
        "b.example REJECT", ".example ACCEPT", "\ufeff# comment",
        "y@b.a.example ACCEPT", "b.a.example REJECT", "  b.a.example  ACCEPT ",
        "# comment", "", "   ", "c.example ACCEPT bypass_ldap", "c.example ACCEPT what", "nonsense",
        "ALL REJECT", "ALL ACCEPT", "[192.0.2.1] ACCEPT", "x@[192.0.2.1] ACCEPT", "xx@ REJECT",
        'd.example REJECT (554 "Gone")', "\u00fc.example ACCEPT", "\ufeffe.example ACCEPT",
        "f.example ACCEPT\r", '"x"@a.example ACCEPT',
    ]
)  # fmt: skip
TEXTS = st.tuples(st.lists(LINES, max_size=12), st.sampled_from(["", "\n"])).map(
    lambda parts: "\n".join(parts[0]) + parts[1]
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str]:
    """A text without problems as often as not, and the same with a line or two changed."""
    names = draw(st.lists(st.sampled_from("abcdefghij"), max_size=8, unique=True))
    lines = [f"{name}.example ACCEPT" for name in names]
    for line in draw(st.lists(LINES, max_size=2)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    if draw(st.booleans()):
        lines.append("ALL REJECT")
    changed = list(lines)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(changed)))
        match draw(st.sampled_from(["insert", "delete", "replace"])):
            case "insert":
                changed.insert(at, draw(LINES))
            case "delete" if changed:
                del changed[at % len(changed)]
            case "replace" if changed:
                changed[at % len(changed)] = draw(LINES)
    end = draw(st.sampled_from(["", "\n"]))
    return "\n".join(lines) + end, "\n".join(changed) + draw(st.sampled_from([end, "\n"]))


@given(edits())
@settings(max_examples=1000)
def test_a_change_reads_as_the_whole(texts: tuple[str, str]) -> None:
    before, after = texts
    assert reread_rat(before, parse_rat(before), after) == parse_rat(after)


def test_what_has_not_changed_is_not_read_again() -> None:
    """Entries are the same objects; what is read anew are others."""
    before = "# ours\na.example ACCEPT\n\nb.example ACCEPT\nc.example ACCEPT\nALL REJECT\n"
    read = parse_rat(before)
    first = read.table.entries[0]
    for after in (
        before.replace("b.example ACCEPT", "b.example REJECT"),
        before.replace("ALL", "x.example ACCEPT\nALL"),
        before.replace("# ours", "# mine\n\nx.example REJECT\n#"),
        before.replace("b.example ACCEPT\n", ""),
        before.replace("# ours", "# mine"),
    ):
        changed = reread_rat(before, read, after)
        assert any(each is first for each in changed.table.entries)
        assert changed == parse_rat(after)


@given(TEXTS, TEXTS)
def test_any_two_texts(before: str, after: str) -> None:
    assert reread_rat(before, parse_rat(before), after) == parse_rat(after)


@given(st.text(), st.text())
def test_any_text(before: str, after: str) -> None:
    assert reread_rat(before, parse_rat(before), after) == parse_rat(after)
