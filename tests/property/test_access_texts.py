"""Texts and packets of users' access: any are something or say why not, and read back."""

import base64
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mailwarden.core.access.access_list import (
    AccessList,
    AccessMode,
    NetworkAccess,
    Origin,
    parse_source,
)
from mailwarden.core.access.account import Account, Change, KnownSource, Lock, SecondFactor
from mailwarden.core.access.account_text import encode_account, parse_account
from mailwarden.core.access.one_time_code import matching_step, use_recovery_code
from mailwarden.core.access.password_hash import (
    Cost,
    PasswordHash,
    Scheme,
    parse_password_hash,
)
from mailwarden.core.access.password_policy import PasswordPolicy, is_variant, password_problems
from mailwarden.core.access.radius import (
    AUTHENTICATOR_BYTES,
    Code,
    Login,
    Method,
    build_request,
    build_response,
    hide_password,
    parse_packet,
    parse_response,
    reveal_password,
)
from mailwarden.core.access.ssh_key import encode_rfc4716, parse_public_key
from mailwarden.core.access.users import parse_external_name, parse_user_name

COSTS = st.builds(Cost, st.just(Scheme.PBKDF2), st.integers(1000, 10_000_000)) | st.builds(
    Cost, st.just(Scheme.ARGON2ID), st.integers(1, 16), st.integers(64, 262_144), st.integers(1, 8)
)
HASHES = st.builds(
    PasswordHash, COSTS, st.binary(min_size=8, max_size=64), st.binary(min_size=32, max_size=32)
)
TIMES = st.floats(0, 1e11)
ACCOUNTS = st.builds(
    Account,
    name=st.text(),
    password=HASHES.map(str) | st.just(""),
    password_at=TIMES,
    change=st.sampled_from([Change.NONE, Change.FIRST_START, Change.RESET]),
    history=st.lists(HASHES.map(str), max_size=15).map(tuple),
    failures=st.integers(0, 10**6),
    lock=st.sampled_from(Lock),
    second_factor=st.none()
    | st.builds(SecondFactor, secret=st.binary(), last_step=st.integers(-1, 10**9)),
    sources=st.lists(st.builds(KnownSource, network=st.text(), at=TIMES), max_size=8).map(tuple),
    generation=st.integers(0, 10**9),
)


def why_not(parse: Callable[[Any], object], value: Any) -> str:
    """Return what `parse` has against it, in a few words that may be shown; "" if nothing."""
    try:
        parse(value)
    except ValueError as error:
        said = str(error)
    else:
        return ""
    assert said
    assert len(said) < 400
    return said


@given(HASHES)
def test_hashes_read_back(hashed: PasswordHash) -> None:
    assert parse_password_hash(str(hashed)) == hashed


@given(st.text() | st.builds("${}${}${}${}".format, *[st.text(max_size=50)] * 4))
def test_any_text_is_a_hash_or_says_why_not(text: str) -> None:
    if not why_not(parse_password_hash, text):
        assert str(parse_password_hash(text)) == text


@given(ACCOUNTS)
def test_accounts_read_back(account: Account) -> None:
    assert parse_account(encode_account(account)) == account


@given(st.binary() | st.tuples(ACCOUNTS.map(encode_account), st.data()).map(lambda pair: pair[0]))
def test_any_bytes_are_an_account_or_say_why_not(text: bytes) -> None:
    if not why_not(parse_account, text):
        account = parse_account(text)
        assert parse_account(encode_account(account)) == account


@given(ACCOUNTS.map(encode_account), st.integers(0, 10**4), st.binary(max_size=3))
def test_damaged_accounts(text: bytes, place: int, put: bytes) -> None:
    at = place % len(text)
    why_not(parse_account, text[:at] + put + text[at + len(put) :])


ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
COMMENTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@given(st.binary(min_size=32, max_size=32), COMMENTS)
def test_keys_read_back_in_both_forms(point: bytes, comment: str) -> None:
    encoded = base64.b64encode(ED25519 + point).decode()
    key = parse_public_key(f"ssh-ed25519 {encoded} {comment}")
    assert parse_public_key(str(key)) == key
    assert parse_public_key(encode_rfc4716(key)) == key


FIELDS = st.lists(
    st.binary(max_size=40) | st.sampled_from([b"ssh-rsa", b"nistp256", b"\x04" + bytes(64)]),
    max_size=5,
)
KINDS = ["ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "ssh-dss"]


def blob(kind: str, fields: list[bytes]) -> str:
    return base64.b64encode(b"".join(map(field, [kind.encode(), *fields]))).decode()


@given(
    st.text()
    | st.builds("{} {} {}".format, st.sampled_from(KINDS), st.text(), st.text())
    | st.builds(lambda k, f: f"{k} {blob(k, f)}", st.sampled_from(KINDS), FIELDS)
    | st.builds(
        "---- BEGIN SSH2 PUBLIC KEY ----\n{}\n---- END SSH2 PUBLIC KEY ----".format, st.text()
    )
)
def test_any_text_is_a_key_or_says_why_not(text: str) -> None:
    said = why_not(parse_public_key, text)
    assert said.isprintable()
    if not said:
        key = parse_public_key(text)
        assert parse_public_key(str(key)) == key


ADDRESSES = st.ip_addresses().map(str)
NETWORKS = st.one_of(ADDRESSES, st.builds("{}/{}".format, ADDRESSES, st.integers(0, 128)))


@given(st.text() | NETWORKS | st.builds("{}-{}".format, ADDRESSES, ADDRESSES))
def test_any_text_is_a_source_or_says_why_not(text: str) -> None:
    if not why_not(parse_source, text):
        kept = parse_source(text)
        assert parse_source(kept) == kept


def sources() -> st.SearchStrategy[tuple[str, ...]]:
    low = st.integers(0, 300)
    ranges = st.tuples(low, low).map(lambda ends: (min(ends), max(ends)))
    texts = ranges.map(lambda e: f"10.0.{e[0] // 256}.{e[0] % 256}-10.0.{e[1] // 256}.{e[1] % 256}")
    return st.lists(texts.map(parse_source), max_size=6).map(tuple)


@given(sources(), st.integers(0, 300))
def test_a_list_matches_what_one_of_its_entries_does(entries: tuple[str, ...], n: int) -> None:
    origin = Origin(f"10.0.{n // 256}.{n % 256}")

    def is_allowed(addresses: tuple[str, ...]) -> bool:
        settings = NetworkAccess(mode=AccessMode.DIRECT, addresses=addresses)
        return AccessList(settings).decide(origin).is_allowed

    assert is_allowed(entries) is any(is_allowed((each,)) for each in entries)


@given(
    st.sampled_from(AccessMode),
    st.text() | ADDRESSES | st.just("192.0.2.1"),
    st.none() | st.lists(st.text() | ADDRESSES, max_size=5),
)
def test_any_origin_is_decided(mode: AccessMode, peer: str, forwarded: list[str] | None) -> None:
    settings = NetworkAccess(mode=mode, addresses=("10.0.0.0/8",), proxies=("192.0.2.1",))
    decision = AccessList(settings).decide(Origin(peer, forwarded))
    is_ten = decision.client.startswith(("10.", "::ffff:"))
    assert mode is AccessMode.ANY or not decision.is_allowed or is_ten


SECRETS = st.binary(min_size=1, max_size=48)
AUTHENTICATORS = st.binary(min_size=AUTHENTICATOR_BYTES, max_size=AUTHENTICATOR_BYTES)
TEXTS = st.binary(min_size=1, max_size=128).filter(lambda data: b"\0" not in data)


@given(TEXTS, SECRETS, AUTHENTICATORS)
def test_hidden_passwords_are_revealed(password: bytes, secret: bytes, random: bytes) -> None:
    assert reveal_password(hide_password(password, secret, random), secret, random) == password


@given(
    TEXTS, TEXTS, SECRETS, AUTHENTICATORS, st.sampled_from(Method), st.integers(0, 255),
    st.lists(st.tuples(st.integers(1, 79), st.binary(max_size=253)), max_size=10),
)  # fmt: skip
def test_answers_read_back(
    user: bytes,
    password: bytes,
    secret: bytes,
    random: bytes,
    method: Method,
    identifier: int,
    attributes: list[tuple[int, bytes]],
) -> None:
    request = build_request(Login(user, password, b"gw"), secret, method, identifier, random)
    answer = build_response(Code.ACCESS_ACCEPT, parse_packet(request), attributes, secret)
    packet = parse_response(answer, request, secret)
    assert packet.attributes[1:] == tuple(attributes)


REQUEST = build_request(Login(b"ann", b"x", b"gw"), b"s", Method.PAP, 1, bytes(16))


@example(b"\x02\x01\x00\x14" + bytes(16))
@given(st.binary(max_size=200) | st.binary(max_size=80).map(
    lambda rest: b"\x02\x01" + (20 + len(rest)).to_bytes(2, "big") + bytes(16) + rest
))  # fmt: skip
def test_no_bytes_pass_for_an_answer(data: bytes) -> None:
    assert why_not(lambda answer: parse_response(answer, REQUEST, b"s"), data)


@given(st.text(), st.text())
def test_any_password_is_judged(user: str, password: str) -> None:
    strict = PasswordPolicy(upper_and_lower=True, digit=True, special=True)
    assert all(isinstance(each, str) for each in password_problems(strict, user, password))


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
    st.from_regex(r"[0-9!?. -]{0,5}", fullmatch=True),
)
def test_variants_are_found_whatever_stands_around(user: str, around: str) -> None:
    for form in (user, user.upper(), user[::-1]):
        assert is_variant(form, user)
    if user.isalpha():
        assert is_variant(f"{around}{user}{around[::-1]}", user)


@given(st.binary(max_size=64), st.text(), TIMES, st.integers(-1, 10**9))
def test_any_code_is_judged(secret: bytes, code: str, now: float, last: int) -> None:
    step = matching_step(secret, code, now, last)
    assert step is None or step > last
    assert use_recovery_code(("0" * 64,), code) is None


@given(st.text())
def test_any_text_is_a_name_or_says_why_not(text: str) -> None:
    for parse in (parse_user_name, parse_external_name):
        assert why_not(parse, text) or parse(text)
