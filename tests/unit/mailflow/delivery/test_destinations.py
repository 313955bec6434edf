"""Which row of the destination controls applies."""

from mailwarden.mailflow.delivery.destinations import DestinationTable, Limits
from mailwarden.mailflow.delivery.settings import Destination, DestinationTls


def test_no_rows() -> None:
    limits = DestinationTable({}).find("partner.example")
    assert limits == Limits("", 500, 50, DestinationTls.NONE, "")


def test_the_most_specific_row_wins() -> None:
    table = DestinationTable(
        {
            ".example": Destination(max_host_concurrency=1),
            ".partner.example": Destination(max_host_concurrency=2),
            "Partner.example": Destination(max_host_concurrency=3),
            "DEFAULT": Destination(max_host_concurrency=4),
        }
    )
    found = {
        "partner.example": 3,
        "eu.partner.example": 2,
        "a.eu.partner.example": 2,
        "other.example": 1,
        "example": 4,
        "": 4,
        "[192.0.2.1]": 4,
    }
    for domain, connections in found.items():
        assert table.find(domain).connections == connections


def test_what_a_row_leaves_open_comes_from_default() -> None:
    table = DestinationTable(
        {
            "DEFAULT": Destination(
                tls=DestinationTls.PREFERRED, max_messages_per_connection=7, bounce_profile="x"
            ),
            "partner.example": Destination(max_host_concurrency=2, bounce_profile="vip"),
        }
    )
    assert table.find("partner.example") == Limits(
        "partner.example", 2, 7, DestinationTls.PREFERRED, "vip"
    )
    # A profile in the DEFAULT row is not applied.
    assert table.find("other.example") == Limits("", 500, 7, DestinationTls.PREFERRED, "")
