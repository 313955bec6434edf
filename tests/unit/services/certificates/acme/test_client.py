"""Parts of the ACME client: signatures, documents, answers over HTTP, the responder."""

import asyncio
import json
import socket

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mailwarden.services.certificates.acme.documents import (
    parse_authorization,
    parse_directory,
    parse_order,
    parse_problem,
    retry_after,
)
from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.https import parse_answer
from mailwarden.services.certificates.acme.jws import AccountKey, base64url
from mailwarden.services.certificates.acme.proof import Proof
from mailwarden.services.certificates.acme.responders import HEADER_BYTES_MAX, Http01Responder
from mailwarden.services.certificates.acme.settings import (
    parse_domain,
    parse_key_id,
    parse_mac_key,
    parse_url,
)
from tests.unit.services.certificates.authority import NOW


def test_rfc_7515_a_3_the_key_of_the_example() -> None:
    """The public key that belongs to the private one of RFC 7515, A.3."""
    private = 0x8E9B109E719098BF980487DF1F5D77E9CB29606EBED2263B5F57C213DF84F4B2
    jwk = AccountKey(ec.derive_private_key(private, ec.SECP256R1())).jwk
    assert jwk == {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }


def test_a_key_is_kept() -> None:
    key = AccountKey()
    assert AccountKey.from_pem(key.pem).thumbprint == key.thumbprint
    assert len(key.thumbprint) == 43
    assert base64url(b"\xff\xfe\xfd\xfc") == "__79_A"


ORDER = {"status": "pending", "authorizations": [], "finalize": "https://ca.example/f"}


@pytest.mark.parametrize(
    ("parse", "document"),
    [
        (parse_directory, {}),
        (parse_directory, {"newNonce": "http://ca.example/n"}),
        (parse_directory, []),
        (parse_order, {}),
        (parse_order, {**ORDER, "authorizations": ["ftp://x"]}),
        (parse_order, {**ORDER, "authorizations": [7]}),
        (parse_order, {**ORDER, "authorizations": ["https://ca.example/a"] * 201}),
        (parse_order, {**ORDER, "status": None}),
        (parse_order, {**ORDER, "finalize": "https://u@ca.example/"}),
        (parse_order, {**ORDER, "finalize": "https://ca.example/ x"}),
        (parse_order, {**ORDER, "finalize": "https://ca.example:99999/"}),
        (parse_authorization, {"status": "valid", "identifier": "x", "challenges": []}),
        (
            parse_authorization,
            {
                "status": "pending",
                "identifier": {"type": "dns", "value": "a.example"},
                "challenges": [{"type": "x", "url": "https://ca.example/", "token": "../x"}],
            },
        ),
    ],
)
def test_documents_of_unknown_form(parse, document) -> None:
    with pytest.raises(AcmeError, match="the authority sent"):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"7"])
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(AcmeError, match="something else than JSON"):
        parse_order(body)


def test_a_problem_is_told_in_one_line() -> None:
    kind = "urn:ietf:params:acme:error:rateLimited"
    body = json.dumps({"type": kind, "detail": "slow\n\x1b[0mdown"}).encode()
    error = parse_problem(429, {"retry-after": "7"}, body, NOW)
    assert (error.kind, error.retry_after_seconds) == ("rateLimited", 7.0)
    assert str(error) == r"rateLimited: slow\u000a\u001b[0mdown"
    assert str(parse_problem(503, {}, b"<html>", NOW)) == "the authority answers 503"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("99999999999999", 604_800),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("Fri, 15 Jan 2010 08:01:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("\u0661", 0),
    ],
)
def test_when_to_ask_again(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


ANSWERS = [
    (b"HTTP/1.1 201 Created\r\nReplay-Nonce: a\r\nContent-Length: 2\r\n\r\nok", 201, b"ok"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
    (b"HTTP/1.1 204 None\r\n\r\n", 204, b""),
    (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
]


@pytest.mark.parametrize(("received", "status", "body"), ANSWERS)
def test_answers(received: bytes, status: int, body: bytes) -> None:
    answer = parse_answer(received, "POST")
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000,
    ],
)
def test_answers_that_are_cut_off_or_no_http(received: bytes) -> None:
    with pytest.raises(ValueError, match=r"not HTTP|how long"):
        parse_answer(received, "POST")


PROOF = Proof("corp.example", "tok-en_1", "tok-en_1.thumb")


async def talk(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_the_responder_answers_for_tokens_and_nothing_else() -> None:
    responder = Http01Responder()
    with pytest.raises(AcmeError, match="nobody listens"):
        await responder.present(PROOF)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        await responder.start(listening)
        await responder.present(PROOF)
        path = b"/.well-known/acme-challenge/tok-en_1"
        head = b"GET %b HTTP/1.1\r\nHost: corp.example\r\n"
        good = await talk(port, (head % path)[:20], (head % path)[20:] + b"\r\n")
        assert good.startswith(b"HTTP/1.1 200 OK\r\n")
        assert good.endswith(b"\r\n\r\ntok-en_1.thumb")
        for line in (
            head % b"/.well-known/acme-challenge/",
            head % b"/.well-known/acme-challenge/other",
            head % b"/.well-known/acme-challenge/../tok-en_1",
            head % b"/",
            head.replace(b"GET", b"POST") % path,
            b"rubbish\r\n",
            b"\xff\xfe\x00 \xff \xff\r\n",
        ):
            answer = await talk(port, line + b"\r\n")
            assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
            assert b"thumb" not in answer
        assert await talk(port, b"x" * (HEADER_BYTES_MAX + 100)) == b""
        await responder.clean_up(PROOF)
        assert b" 404 " in await talk(port, head % path + b"\r\n")
        await responder.close()


def test_where_dns_01_is_looked_for() -> None:
    assert PROOF.record_name == "_acme-challenge.corp.example"
    assert len(PROOF.record_value) == 43


@pytest.mark.parametrize(
    "url",
    ["", "http://ca.example/", "https://", "https://a b/", "https://[::1/", "x" * 3000,
     "https://u:p@ca.example/", "https://ca.example:0/", "https://ca.example/\n"],
)  # fmt: skip
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


def test_values_of_settings() -> None:
    assert parse_url("https://ca.example:14000/dir?x=1") == "https://ca.example:14000/dir?x=1"
    assert parse_domain("*.B\u00fccher.example") == "*.xn--bcher-kva.example"
    assert parse_mac_key("A" * 22) == "A" * 22
    assert parse_key_id("kid-1") == "kid-1"
    for parse, text in (
        (parse_domain, "*."),
        (parse_domain, "a..b"),
        (parse_domain, "*.*.example"),
        (parse_mac_key, "A"),
        (parse_mac_key, "A" * 10),
        (parse_mac_key, "+" * 30),
        (parse_key_id, "a b"),
        (parse_key_id, ""),
    ):
        with pytest.raises(ValueError):
            parse(text)
