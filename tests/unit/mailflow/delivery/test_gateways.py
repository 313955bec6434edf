"""Which interface mail leaves from."""

from mailwarden.mailflow.delivery.gateways import USUAL, Gateways, Source

NAMES = ("Data1", "vg2", "vg3")
GROUPS = {"Brands": ("vg2", "vg3"), "One": ("vg2",)}


def test_nothing_said_leaves_it_to_the_settings() -> None:
    assert Gateways().choose("") is USUAL
    assert Gateways(NAMES, GROUPS, "Data1").choose("") is USUAL
    assert Gateways(NAMES, GROUPS, "Data1").choose("gone") is USUAL
    assert Gateways(NAMES, GROUPS, "Data1").choose("Data1") is USUAL
    assert Gateways(NAMES, GROUPS).choose("Data1") == Source("Data1", "Data1")


def test_members_of_a_group_take_turns_and_count_as_one() -> None:
    gateways = Gateways(NAMES, GROUPS)
    chosen = [gateways.choose("Brands") for _ in range(5)]
    assert [source.interface for source in chosen] == ["vg2", "vg3", "vg2", "vg3", "vg2"]
    assert {source.gateway for source in chosen} == {"Brands"}
    assert gateways.peek("Brands") == gateways.peek("Brands") == Source("Brands", "vg3")
    assert gateways.choose("One") == Source("One", "vg2")
    assert gateways.choose("vg2") == Source("vg2", "vg2")


def test_a_group_may_be_what_all_mail_leaves_from() -> None:
    gateways = Gateways(NAMES, GROUPS, "Brands")
    assert gateways.is_rotating
    assert not Gateways(NAMES, GROUPS, "vg2").is_rotating
    chosen = [gateways.choose(name).interface for name in ("", "gone", "")]
    assert chosen == ["vg2", "vg3", "vg2"]


def test_all_that_mail_can_leave_from() -> None:
    assert list(Gateways().all()) == [USUAL]
    assert set(Gateways(NAMES, GROUPS, "Data1").all()) == {
        USUAL,
        Source("vg2", "vg2"),
        Source("vg3", "vg3"),
        Source("Brands", "vg2"),
        Source("Brands", "vg3"),
        Source("One", "vg2"),
    }
