"""Changes of single lines in the text of a table."""

import pytest

from mailwarden.core.policy import table_edit

TEXT = "# first\na ACCEPT\n\n  b ACCEPT  \nALL REJECT"


def test_lines_of_entries() -> None:
    assert [table_edit.entry_line(TEXT, at) for at in range(3)] == [2, 4, 5]
    with pytest.raises(IndexError):
        table_edit.entry_line(TEXT, 3)


def test_a_line_is_replaced_and_keeps_its_indent() -> None:
    assert table_edit.replace_line(TEXT, 4, "c REJECT") == TEXT.replace(
        "  b ACCEPT  ", "  c REJECT"
    )
    assert table_edit.replace_line(TEXT, 5, "ALL ACCEPT").endswith("\nALL ACCEPT")


def test_a_line_goes() -> None:
    assert table_edit.delete_line(TEXT, 1) == TEXT.removeprefix("# first\n")
    assert table_edit.delete_line(TEXT, 5) == TEXT.removesuffix("ALL REJECT")


def test_lines_come() -> None:
    assert table_edit.insert_lines(TEXT, 5, ["x", "y"]) == TEXT.replace("ALL", "x\ny\nALL")
    assert table_edit.append_lines(TEXT, ["x"]) == f"{TEXT}\nx\n"
    assert table_edit.append_lines("", ["x"]) == "x\n"
    assert table_edit.line_at(TEXT, 4) == "  b ACCEPT  "
