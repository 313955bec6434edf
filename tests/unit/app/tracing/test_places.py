"""Where the entry of a table stands."""

import pytest

from mailwarden.app.tracing.places import entry_place, host_place
from mailwarden.core.policy.hat_index import HatIndex
from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS
from mailwarden.core.policy.host_forms import HostFacts, NameStatus
from mailwarden.core.policy.text_table import TextTable
from mailwarden.mailflow.listener.tables import DOMAIN_MAP, HOST_ACCESS

TEXT = """\
# ours
$A
    ACCEPT
10.0.0.1
    $A
IN:
    10.0.0.1
    10.0.0.0/8 (all (of it))
    2001:db8::/32
    sbrs[-3.0:-1]

    # ours
    .Partner.Example
    $A
UNKNOWN:
    dns_host_verification = not_exist
    $A
2001:db9::1
    $A
ALL
    $A
"""


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (HostFacts("10.0.0.1"), 4),
        (HostFacts("10.0.0.2"), 8),
        (HostFacts("2001:db8::2"), 9),
        (HostFacts("192.0.2.1", "", NameStatus.EXISTS, -2.0), 10),
        (HostFacts("192.0.2.1", "mx.partner.example", NameStatus.EXISTS), 13),
        (HostFacts("192.0.2.1", "", NameStatus.NX_DOMAIN), 15),
        (HostFacts("2001:db9::1", "", NameStatus.EXISTS), 18),
        (HostFacts("192.0.2.1", "", NameStatus.EXISTS), 20),
    ],
)
def test_hosts(facts: HostFacts, line: int) -> None:
    table = HOST_ACCESS.of(TEXT)
    match = HatIndex(table.table, PUBLIC_DEFAULTS).find(facts)
    assert host_place(table, "host_access of In", match) == f"host_access of In, line {line}"


def test_entries() -> None:
    table = DOMAIN_MAP.of("# one\n@a.example @b.example\n\n@c.example @d.example # two\n")
    assert entry_place(table, "domain_map", 1) == "domain_map, line 4"
    assert entry_place(table, "domain_map", -1) == "domain_map, line 4"
    assert entry_place(table, "domain_map", 7) == "domain_map"
    named = TextTable(table.text, table.read, "/etc/map")
    assert entry_place(named, "domain_map", 0) == "domain_map (/etc/map), line 2"
