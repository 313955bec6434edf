"""Fuzzes Host Access Tables: `python -m tests.fuzz.fuzz_hat_text -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.policy"]):
    from mailwarden.core.policy.hat_edit import clear_entries, set_access
    from mailwarden.core.policy.hat_index import HatIndex
    from mailwarden.core.policy.hat_places import find_places
    from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, Rule
    from mailwarden.core.policy.hat_text import build_hat, parse_hat
    from mailwarden.core.policy.host_forms import HostFacts


FACTS = HostFacts("192.0.2.1", "mail.partner.example", score=1.0)


def test_one_input(data: bytes) -> None:
    """What is read without a problem is written and read again as the same."""
    text = data.decode("utf-8", "replace")
    read = parse_hat(text)
    lines = text.count("\n") + 1
    find_places(text)  # of any text at all
    for problem in read.problems + read.warnings:
        assert 1 <= int(problem.path.removeprefix("line ")) <= lines
    if read.problems:
        return
    assert list(read.table.problems()) == []
    again = parse_hat(build_hat(read.table))
    assert (again.table, again.problems, again.warnings) == (read.table, (), ())
    assert parse_hat(clear_entries(text)).table.policies == read.table.policies
    changed = parse_hat(set_access(text, "ALL", Rule.ACCEPT, "", {"smtp_banner_code": None}))
    assert (changed.problems, changed.table.entries) == ((), read.table.entries)
    HatIndex(read.table, PUBLIC_DEFAULTS).find(FACTS)


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
