"""One-time codes: the published values, the window, replays, recovery codes."""

import pytest

from mailwarden.core.access.one_time_code import (
    RECOVERY_BYTES,
    STEP_SECONDS,
    enrolment_uri,
    hash_recovery_code,
    make_code,
    make_recovery_code,
    matching_step,
    use_recovery_code,
)

SECRET = b"12345678901234567890"
# RFC 4226, appendix D, and RFC 6238, appendix B (SHA-1).
HOTP = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871"]
TOTP = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]
NOW = 1_289_297_702.0
STEP = int(NOW // STEP_SECONDS)


@pytest.mark.parametrize(("counter", "code"), list(enumerate(HOTP)))
def test_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert make_code(SECRET, counter) == code


@pytest.mark.parametrize(("at", "code"), TOTP)
def test_rfc_6238_appendix_b(at: int, code: str) -> None:
    assert make_code(SECRET, at // STEP_SECONDS, digits=8) == code


@pytest.mark.parametrize(
    ("off", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_the_window(off: int, is_taken: bool) -> None:
    found = matching_step(SECRET, make_code(SECRET, STEP + off), NOW, -1)
    assert found == (STEP + off if is_taken else None)


def test_a_code_is_good_once_and_none_before_it() -> None:
    for off in (-1, 0):
        assert matching_step(SECRET, make_code(SECRET, STEP + off), NOW, STEP) is None
    assert matching_step(SECRET, make_code(SECRET, STEP + 1), NOW, STEP) == STEP + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "\udcff", "é" * 6, "0" * 10**5])
def test_what_is_no_code(code: str) -> None:
    assert matching_step(SECRET, code, NOW, -1) is None


def test_blanks_in_a_code_say_nothing() -> None:
    code = make_code(SECRET, STEP)
    assert matching_step(SECRET, f" {code[:3]} {code[3:]}", NOW, -1) == STEP


def test_what_an_app_reads() -> None:
    assert enrolment_uri(SECRET, "ann", "gw1.corp.example") == (
        "otpauth://totp/Mailwarden:ann@gw1.corp.example"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Mailwarden"
        "&algorithm=SHA1&digits=6&period=30"
    )


def test_recovery_codes_are_good_once_however_they_are_typed() -> None:
    codes = [make_recovery_code(bytes([n]) * RECOVERY_BYTES) for n in (0x5A, 0xFF)]
    assert codes[0] == "ljnf-uws2-ljnf-uws2"
    hashes = tuple(map(hash_recovery_code, codes))
    remaining = use_recovery_code(hashes, " 1JNF UWS2 ljnfuws2")
    assert remaining == hashes[1:]
    assert use_recovery_code(remaining, codes[0]) is None
    assert use_recovery_code((), "") is None
    assert use_recovery_code(hashes, "\udcff" * 1000) is None
