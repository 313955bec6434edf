"""Reports posted to a real web server on loopback."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.services.transport_security.http import HttpError, StatusReader
from mailwarden.services.transport_security.https_fetcher import policy_context
from mailwarden.services.transport_security.report_poster import HttpsPoster, PostError
from mailwarden.system.crypto.tls import server_context
from mailwarden.system.dns.fake import FakeResolver
from tests.certificates import CertificateAuthority
from tests.end_to_end.web import Web


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def serve(authority: CertificateAuthority, *names: str) -> Iterator[tuple[Web, HttpsPoster]]:
    resolver = FakeResolver({"web.example": {"A": ["127.0.0.1"]}})
    context = server_context(authority.issue(*names), verify_client=False)
    with Web(context) as web:
        yield web, HttpsPoster(resolver, policy_context(authority.file), timeout_seconds=10)


async def test_a_report(authority: CertificateAuthority) -> None:
    with serve(authority, "web.example") as (web, poster):
        await poster.post(f"https://web.example:{web.port}/in?a=b", b"packed")
        await poster.post(f"https://WEB.example:{web.port}", b"packed")
        assert [place for place, _, _ in web.posted] == ["web.example/in?a=b", "WEB.example/"]
        assert web.posted[0][1:] == ("application/tlsrpt+gzip", b"packed")


async def test_an_address_has_to_be_certified_too(authority: CertificateAuthority) -> None:
    with serve(authority, "web.example") as (web, poster):
        with pytest.raises(PostError, match="IP address mismatch"):
            await poster.post(f"https://127.0.0.1:{web.port}/", b"packed")
        assert web.posted == []


async def test_a_certificate_for_somebody_else(authority: CertificateAuthority) -> None:
    """Whoever writes a record must not point us at a server that is none of his."""
    with serve(authority, "inside.example") as (web, poster):
        with pytest.raises(PostError, match="mismatch"):
            await poster.post(f"https://web.example:{web.port}/", b"packed")
        assert web.posted == []


@pytest.mark.parametrize("status", [301, 404, 503])
async def test_an_answer_that_is_no_success(authority: CertificateAuthority, status: int) -> None:
    with serve(authority, "web.example") as (web, poster):
        web.post_status = status
        with pytest.raises(PostError, match=f"answers {status}"):
            await poster.post(f"https://web.example:{web.port}/", b"packed")


@pytest.mark.parametrize("uri", ["https://", "https://a:b/", "https://[::1/", "https://x:0:0/"])
async def test_what_is_no_address(authority: CertificateAuthority, uri: str) -> None:
    poster = HttpsPoster(FakeResolver({}), policy_context(authority.file))
    with pytest.raises(PostError):
        await poster.post(uri, b"packed")


async def test_nobody_there(authority: CertificateAuthority, tmp_path: Path) -> None:
    poster = HttpsPoster(FakeResolver({}), policy_context(authority.file))
    with pytest.raises(PostError, match="NXDomain"):
        await poster.post("https://nowhere.example/", b"packed")


def test_the_status_comes_in_pieces() -> None:
    reader = StatusReader()
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nA: b\r\n\r\n"
    told = [reader.feed(answer[at : at + 1]) for at in range(len(answer))]
    assert [status for status in told if status] == [201]


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"x" * 20_000, b"HTTP/1.1 9\r\n\r\n"])
def test_what_is_no_answer(answer: bytes) -> None:
    with pytest.raises(HttpError):
        StatusReader().feed(answer)
