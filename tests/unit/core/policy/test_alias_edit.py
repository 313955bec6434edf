"""Single entries in the text of an alias table."""

from mailwarden.core.policy.alias_edit import (
    NO_CONTEXT,
    add_context,
    add_entry,
    remove_entry,
    replace_entry,
)
from mailwarden.core.policy.aliases import AliasEntry
from mailwarden.core.policy.aliases_text import parse_aliases

TEXT = """\
# Ours, all of them.
admin:            ops@corp.example   # who is on duty
root, abuse:      admin,
                  # and somebody else
                  eve@corp.example
"odd: name":      admin

# The shop.
[ corp.example, .eu.corp.example ]
sales:            ann@corp.example

[ empty.example ]
# nobody so far
"""
NEW = AliasEntry(("new",), ("a@b.example",))
LINE = "new:              a@b.example\n"


def test_an_entry_is_added_behind_the_others_of_its_context() -> None:
    assert parse_aliases(TEXT).problems == ()
    whole = '"odd: name":      admin\n'
    assert add_entry(TEXT, NEW) == TEXT.replace(whole, whole + LINE)
    whole = "sales:            ann@corp.example\n"
    assert add_entry(TEXT, NEW, 0) == TEXT.replace(whole, whole + LINE)
    assert add_entry(TEXT, NEW, 1) == TEXT.replace(
        "[ empty.example ]\n", f"[ empty.example ]\n{LINE}"
    )


def test_an_entry_is_added_where_none_was() -> None:
    assert add_entry("", NEW) == LINE
    assert add_entry("# x", NEW) == f"# x\n{LINE}"
    context = "\n# The shop.\n[ a.example ]\nb: c@d\n"
    assert add_entry(context, NEW, NO_CONTEXT) == f"\n{LINE}{context[1:]}"


def test_a_context_is_added_at_the_end() -> None:
    added = f"\n[ a.example, .b.example ]\n{LINE}"
    assert add_context(TEXT, ("a.example", ".b.example"), NEW) == TEXT + added
    assert add_context("", ("a.example",), NEW) == f"[ a.example ]\n{LINE}"


def test_an_entry_is_replaced_and_its_comments_stay() -> None:
    other = AliasEntry(("admin",), ("kate@corp.example",))
    assert replace_entry(TEXT, 0, other) == TEXT.replace(
        "ops@corp.example   #", "kate@corp.example  #"
    )
    other = AliasEntry(("root", "abuse"), ("admin",))
    old = TEXT[TEXT.index("root") : TEXT.index('"odd')]
    changed = replace_entry(TEXT, 1, other)
    assert changed == TEXT.replace(old, "root, abuse:      admin  # and somebody else\n")
    assert parse_aliases(changed).problems == ()


def test_an_entry_is_removed() -> None:
    old = TEXT[TEXT.index("root") : TEXT.index('"odd')]
    assert remove_entry(TEXT, 1) == TEXT.replace(old, "")
    assert remove_entry(TEXT, 2) == TEXT.replace('"odd: name":      admin\n', "")
    assert remove_entry(TEXT, 3) == TEXT.replace("sales:            ann@corp.example\n", "")
