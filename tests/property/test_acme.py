"""Whatever an ACME server sends."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.acme_inputs import one_input

URLS = st.sampled_from(["https://ca.example/x", "http://ca.example", "https://[", "", 7, None])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | URLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["status", "authorizations", "finalize", "certificate", "error", "identifier", "challenges",
     "newNonce", "newAccount", "newOrder", "meta", "type", "detail", "token", "url", "value"]
)  # fmt: skip
DOCUMENTS = st.dictionaries(NAMES, st.one_of(URLS, ANYTHING, st.dictionaries(NAMES, ANYTHING)))


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    one_input(data)


@given(DOCUMENTS)
def test_any_document(document: dict[str, object]) -> None:
    one_input(json.dumps(document).encode())


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_any_answer(header: bytes, body: bytes) -> None:
    one_input(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n" + body)
    one_input(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    one_input(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(header) + body)


@given(st.text(max_size=40))
def test_any_time_to_wait(text: str) -> None:
    one_input(text.encode("utf-8"))
