"""Any bytes give a policy, record, key or report, or a named error.

Run: `fuzz_transport_security.py [corpus]`.
"""

import sys
from typing import Final

from mailwarden.core.policy.dane import match_chain, parse_tlsa, usable_records
from mailwarden.core.policy.dane_certificate import CertificateError, find_public_key
from mailwarden.core.policy.mta_sts import (
    MAX_AGE_SECONDS_MAX,
    MX_PATTERNS_MAX,
    REPORT_LINES_MAX,
    PolicyError,
    broken_policy_lines,
    build_policy,
    matches_mx,
    parse_policy,
    parse_record,
)
from mailwarden.core.policy.tls_report import (
    DESTINATIONS_MAX,
    ReportCollector,
    parse_destinations,
)
from mailwarden.core.policy.tls_report_state import absorb_results, encode_results
from mailwarden.services.transport_security.cache import PolicyCache
from mailwarden.services.transport_security.http import HttpError, ResponseReader, StatusReader
from mailwarden.services.transport_security.report_store import ReportBatch
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import SimulatedDisk

BODY_MAX: Final = 1000


def check_policy(data: bytes) -> None:
    """A policy reads back as itself."""
    assert len(broken_policy_lines(data)) <= REPORT_LINES_MAX
    try:
        policy = parse_policy(data)
    except PolicyError:
        return
    assert 0 <= policy.max_age_seconds <= MAX_AGE_SECONDS_MAX
    assert len(policy.mx) <= MX_PATTERNS_MAX
    assert parse_policy(build_policy(policy).encode("ascii")) == policy
    for pattern in policy.mx:
        assert matches_mx(policy, pattern.replace("*", "any", 1))


def check_records(data: bytes) -> None:
    """Records of TXT and TLSA."""
    record = parse_record([data])
    assert not (record.id and record.defect)
    assert len(record.id) <= 32
    found = parse_destinations([data])
    assert len(found.mail) + len(found.https) <= DESTINATIONS_MAX
    assert all("\r" not in place and "\n" not in place for place in found.mail + found.https)
    records = usable_records([parse_tlsa(data), parse_tlsa(data[1:])])
    assert all(each.usage in (2, 3) for each in records)
    match_chain(records, [data, data[3:]])


def check_certificate(data: bytes) -> bytes:
    """A key is a part of its certificate."""
    try:
        key = find_public_key(data)
    except CertificateError:
        return b""
    assert key in data
    return key


def check_response(data: bytes, step: int) -> tuple[bytes, str]:
    """Read `data` as an answer in pieces of `step`; return the body, or what is wrong."""
    reader = ResponseReader(BODY_MAX)
    try:
        for at in range(0, len(data), step):
            reader.feed(data[at : at + step])
            if reader.is_complete:
                break
    except HttpError as error:
        return b"", str(error)
    assert len(reader.body) <= BODY_MAX
    return (bytes(reader.body), "complete") if reader.is_complete else (b"", "incomplete")


def check_status(data: bytes, step: int) -> int | str:
    """Read `data` as an answer in pieces of `step`; return its status, or what is wrong."""
    reader = StatusReader()
    try:
        for at in range(0, len(data), step):
            status = reader.feed(data[at : at + step])
            if status:
                assert 100 <= status <= 999
                return status
    except HttpError as error:
        return str(error)
    return 0


def check_files(data: bytes) -> None:
    """Files of ours that were damaged."""
    clock = SimulatedClock()
    cache = PolicyCache(clock)
    cache.absorb(data)
    again = PolicyCache(clock)
    assert again.absorb(b"".join(cache.encode())) == 0
    assert list(again.encode()) == list(cache.encode())
    collector = ReportCollector()
    absorb_results(collector, data)
    other = ReportCollector()
    for day in collector.days():
        assert absorb_results(other, encode_results(collector.results(day))) == 0
        assert other.results(day) == collector.results(day)


def check_journal(data: bytes) -> None:
    """A journal of sent reports that was damaged, or torn by a crash, can be gone on with."""
    disk = SimulatedDisk()
    disk.make_directory("/batch")
    fd = disk.open("/batch/journal", create=True)
    disk.pwritev(fd, [data], 0)
    disk.close(fd)
    ReportBatch("/batch", 1, "t", (), 0, disk).note_done("a.example", "mailto:a@b.example")
    assert ReportBatch("/batch", 1, "t", (), 0, disk).is_done("a.example", "mailto:a@b.example")


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    check_policy(data)
    check_records(data)
    check_certificate(data)
    whole = check_response(data, len(data) or 1)
    assert check_response(data, 1) == whole
    assert check_status(data, 1) == check_status(data, len(data) or 1)
    check_journal(data)
    check_files(data)


def main() -> None:
    """Fuzz until stopped."""
    import atheris  # noqa: PLC0415  it patches the interpreter when imported

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
