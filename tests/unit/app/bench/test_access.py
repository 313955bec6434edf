"""The large tables of the benchmark are what they claim to be, and let the load in."""

from mailwarden.app.bench.access import FULL_SIZE, QUICK_SIZE, build_hat, build_rat, source
from mailwarden.core.policy.hat_index import HatIndex
from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, Rule
from mailwarden.core.policy.hat_text import parse_hat
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.core.policy.rat import RatAction, RatIndex
from mailwarden.core.policy.rat_text import parse_rat


def test_the_hat_has_its_lines_and_clients_reach_its_end() -> None:
    text = build_hat(FULL_SIZE.hat_lines)
    assert abs(text.count("\n") - FULL_SIZE.hat_lines) < 200
    read = parse_hat(text)
    assert (read.problems, read.warnings) == ((), ())
    index = HatIndex(read.table, PUBLIC_DEFAULTS)
    match = index.find(HostFacts(address=source(12_345)))
    assert (match.entry, match.rule) == ("ALL", Rule.ACCEPT)
    assert match.policy.max_rcpts_per_hour == 1_000_000
    assert index.find(HostFacts(address="10.7.2.135")).rule is Rule.REJECT


def test_the_rat_has_its_entries_and_takes_mail_for_the_sink() -> None:
    read = parse_rat(build_rat(QUICK_SIZE.rat_entries))
    assert read.problems == ()
    assert len(read.table.entries) == QUICK_SIZE.rat_entries
    index = RatIndex(read.table)
    assert index.find("someone@sink.test").action is RatAction.ACCEPT
    assert index.find("someone@else.test").action is RatAction.REJECT


def test_sources_are_loopback_addresses_that_differ() -> None:
    assert source(0) == "127.16.0.0"
    assert source(FULL_SIZE.tracked - 1) == "127.31.66.63"
