"""Mail policy tables: which policy a recipient falls under (mailflow 1.3)."""

import pytest

from mailwarden.mailflow.workqueue.policy import AddressList, PolicyTable
from mailwarden.mailflow.workqueue.settings import MailPolicy

FORMS = [
    ("bob@corp.example", "bob@corp.example", True),
    ("bob@corp.example", "BOB@Corp.Example", True),
    ("bob@corp.example", "rob@corp.example", False),
    ("bob@", "bob@anywhere.example", True),
    ("bob@", "rob@anywhere.example", False),
    ("@corp.example", "x@corp.example", True),
    ("@corp.example", "x@eu.corp.example", False),
    ("@.corp.example", "x@eu.corp.example", True),
    ("@.corp.example", "x@a.b.corp.example", True),
    ("@.corp.example", "x@corp.example", False),
    ("@.corp.example", "x@notcorp.example", False),
]


@pytest.mark.parametrize(("entry", "address", "expected"), FORMS)
def test_forms(entry: str, address: str, expected: bool) -> None:
    assert AddressList([entry]).matches(address) is expected


def test_empty_list_is_everybody() -> None:
    assert AddressList([]).matches("anybody@at.all")


def test_first_matching_policy_wins() -> None:
    table = PolicyTable(
        [
            MailPolicy(name="Sales", recipients=("@sales.corp.example",)),
            MailPolicy(name="Partners", senders=("@partner.example",)),
            MailPolicy(name="All of sales", recipients=("@sales.corp.example",)),
        ]
    )
    assert table.match("ann@partner.example", "x@sales.corp.example") == "Sales"
    assert table.match("ann@partner.example", "x@corp.example") == "Partners"
    assert table.match("eve@else.example", "x@corp.example") == "DEFAULT"
    assert table.names == ("Sales", "Partners", "All of sales", "DEFAULT")
