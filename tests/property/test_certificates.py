"""Whatever somebody pastes as a certificate, a key, a list of authorities or of ciphers."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import parse_certificate_name
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from tests.fuzz.certificate_inputs import NOW, one_input
from tests.unit.services.certificates.authority import Authority

PAIR = sign_self(make_key(KeyType.P_256), Wanted(common_name="mx.example"), NOW)
PKCS12 = PAIR.to_pkcs12("mx", "password")
GOOD = (PAIR.key_pem + PAIR.certificate_pem, Authority("Root").pem, PKCS12)
LABELS = st.sampled_from(
    [b"CERTIFICATE", b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY", b"RSA PRIVATE KEY"]
)


@given(st.binary(max_size=500))
def test_any_bytes(data: bytes) -> None:
    one_input(data)


@given(LABELS, st.binary(max_size=300))
def test_any_bytes_within_a_block(label: bytes, body: bytes) -> None:

    lines = base64.encodebytes(body)
    one_input(b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label, lines, label))


@given(st.sampled_from(GOOD), st.integers(0, 4000), st.binary(min_size=1, max_size=4))
def test_good_files_with_something_wrong(good: bytes, at: int, change: bytes) -> None:
    place = at % len(good)
    one_input(good[:place] + change + good[place + len(change) :])
    one_input(good[:place])


@given(st.from_regex(r"[A-Za-z0-9+\-!:@=.]{1,60}", fullmatch=True))
def test_any_list_of_ciphers(text: str) -> None:
    one_input(text.encode())


@given(st.text(max_size=70))
def test_a_name_is_a_folder(text: str) -> None:
    try:
        name = parse_certificate_name(text)
    except ValueError:
        return
    assert name == text
    assert name.isascii()
    assert len(name) <= 64
