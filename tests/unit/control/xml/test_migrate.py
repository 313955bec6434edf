"""What comes along from the old product, and that all else is told with its line."""

from mailwarden.control.xml.faults import Fault
from mailwarden.control.xml.load import Loaded, LoadOptions
from mailwarden.control.xml.migrate import RULES
from tests.unit.control.xml.sample import HEAD, PEM_CERTIFICATE, PEM_KEY, TREE, load, part, refused

OPTIONS = LoadOptions(convert=True, skip_hardware=True)
COMMENT = "<!-- Product: IronPort\n Model Number: C660\n Version: 7.1.2-020 -->\n"


def migrated(inside: str) -> Loaded:
    return load(f"{HEAD}{COMMENT}<config>\n{inside}\n</config>\n", TREE, OPTIONS)


def test_one_command_takes_over_what_it_can_and_tells_the_rest() -> None:
    loaded = migrated(
        "<hostname> mail4.example.com </hostname>\n"
        "<autosupport_enabled>0</autosupport_enabled>\n"
        "<interfaces><interface/></interfaces>\n"
        "<listeners>\n<listener><a/></listener>\n</listeners>\n"
        "<ldap><b>*****</b></ldap>\n"
        "<rat/>"
    )
    assert loaded.tree == {**TREE, "hostname": "mail4.example.com"}
    assert loaded.changed == ("hostname",)
    assert loaded.line_of("hostname") == 7
    assert loaded.skipped == ("interfaces",)
    assert [str(each) for each in loaded.taken] == [
        "line 7: <hostname> is taken over as `hostname`"
    ]
    assert [(each.line, each.element, each.count) for each in loaded.not_taken] == [
        (8, "autosupport_enabled", 1),
        (10, "listeners", 3),
        (13, "ldap", 2),
        (14, "rat", 1),
    ]
    assert str(loaded.not_taken[0]) == (
        "line 8: <autosupport_enabled> is not taken over: set an address of your own for it "
        "(alertconfig > SETUP)"
    )
    assert str(loaded.not_taken[2]) == (
        "line 13: <ldap> with 1 elements in it is not taken over: its form is not documented; "
        "set it here by hand"
    )
    assert "several listeners" in str(loaded.not_taken[3])
    assert "HOSTACCESS > EXPORT" in str(loaded.not_taken[1])


def test_values_that_are_none() -> None:
    for inside, reason in (
        ("<hostname> </hostname>", "it is empty"),
        ("<hostname><b>a</b></hostname>", "it should hold text and holds elements"),
        ("<hostname>*****</hostname>", "its value is masked"),
    ):
        loaded = migrated(inside)
        assert loaded.tree == TREE
        assert [each.reason for each in loaded.not_taken] == [reason]


def test_keys_of_the_old_product_are_ignored_and_counted() -> None:
    keys = f"<certs><c>{PEM_CERTIFICATE}{PEM_CERTIFICATE}</c><k>{PEM_KEY}</k></certs>"
    loaded = migrated(keys)
    assert "(2 certificates, 1 keys)" in str(loaded.warnings[0])
    assert loaded.not_taken[0].element == "certs"


def test_a_part_without_its_comment() -> None:
    loaded = load(part("<hostname>a.example</hostname><x/>"), TREE, LoadOptions(convert=True))
    assert loaded.tree["hostname"] == "a.example"
    assert [each.element for each in loaded.not_taken] == ["x"]


def test_hostile_files_are_refused_as_ours_are() -> None:
    refused(f"{HEAD}{COMMENT}<config>&x;</config>", Fault.ENTITY, options=OPTIONS)


def test_every_rule_says_what_becomes_of_its_element() -> None:
    for element, rule in RULES.items():
        assert rule.element == element
        assert bool(rule.target) != bool(rule.reason)
