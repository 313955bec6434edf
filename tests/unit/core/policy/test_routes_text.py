"""The SMTP routes as a text."""

from mailwarden.core.policy.routes_text import build_routes, parse_routes

TEXT = """\
corp.example        mail1.int.example/pri=0, mail2.int.example/pri=0, dr.int.example/pri=10
# sub-domains
.Corp.Example       USEDNS

[192.0.2.1]\t/dev/null
ALL                 smarthost.isp.example
"""


def test_the_manuals_example() -> None:
    read = parse_routes(TEXT)
    assert (read.problems, read.warnings) == ((), ())
    assert read.table == {
        "corp.example": "mail1.int.example/pri=0, mail2.int.example/pri=0, dr.int.example/pri=10",
        ".corp.example": "USEDNS",
        "192.0.2.1": "/dev/null",
        "ALL": "smarthost.isp.example",
    }
    assert parse_routes(build_routes(read.table)).table == read.table


def test_everything_wrong_is_told_with_its_line() -> None:
    read = parse_routes("a.example\nb.example x/pri=\n\nc.example h\nC.example h\n..d h\n")
    assert [each.path for each in read.problems] == ["line 1", "line 2", "line 5", "line 6"]
    assert read.problems[2].message == "c.example has a route already, in line 4"


def test_there_are_not_too_many() -> None:
    read = parse_routes("a h\nb h\nc h\n", entries_max=2)
    assert [each.message for each in read.problems] == ["there are more than 2 routes"]
