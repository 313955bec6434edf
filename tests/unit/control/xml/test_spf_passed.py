"""The rule `spf-passed` of content filters becomes `spf-status` (row X-12; filters 7.4, P9)."""

import pytest

from mailwarden.control.xml.spf_passed import convert_spf_passed

YES = 'spf-status == "Pass"'
NO = 'spf-status != "Pass"'
CASES = [
    ("spf-passed", YES),
    ("not spf-passed", NO),
    ("NOT spf-passed", NO),
    ("not not spf-passed", YES),
    ("not\n\tnot not spf-passed", NO),
    ("spf-passed()", YES),
    ("not spf-passed ( )", NO),
    ("(spf-passed)", f"({YES})"),
    ("not (spf-passed)", NO),
    ("not ((spf-passed))", NO),
    ("not (not (spf-passed))", YES),
    ("(not (spf-passed))", f"({NO})"),
    ("if (spf-passed) { drop(); }", f"if ({YES}) {{ drop(); }}"),
    ("f: if not (spf-passed()) { drop(); }", f"f: if {NO} {{ drop(); }}"),
    ("f: if (not spf-passed) { drop(); }", f"f: if ({NO}) {{ drop(); }}"),
    ("not (spf-passed and true)", f"not ({YES} and true)"),
    ("not (spf-passed) and spf-passed", f"{NO} and {YES}"),
    ("not (spf-passed or not spf-passed)", f"not ({YES} or {NO})"),
    ("SPF-Passed", YES),
    ("not # really\n spf-passed # spf-passed", f"{NO} # spf-passed"),
    ("((spf-passed)", f"(({YES})"),
]
SAME = [
    "",
    'spf-status == "Pass"',
    'subject == "spf-passed"',
    r'subject == "a\"spf-passed" and body == ' + r"'it\'s spf-passed'",
    "subject == 'not spf-passed",
    r'"spf-passed\\" and "spf-passed',
    "# spf-passed",
    "spf-passed-too == 1 and x-spf-passed == 1",
    "no-spf-passed",
    '"\\',
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_x_12_the_rule_is_rewritten(before: str, after: str) -> None:
    converted = convert_spf_passed(before)
    assert converted.text == after
    assert converted.changes
    assert convert_spf_passed(after).changes == ()


@pytest.mark.parametrize("text", SAME)
def test_all_else_stays(text: str) -> None:
    converted = convert_spf_passed(text)
    assert (converted.text, converted.changes) == (text, ())


def test_each_change_is_told() -> None:
    converted = convert_spf_passed("not (spf-passed) and spf-passed()")
    assert converted.changes == (("not (spf-passed)", NO), ("spf-passed()", YES))


@pytest.mark.parametrize("text", ['"\\' * 100_000, "(" * 100_000 + "spf-passed" + ")" * 100_000])
def test_long_filters(text: str) -> None:
    assert convert_spf_passed(text).text.count("spf-status") == text.count("spf-passed")
