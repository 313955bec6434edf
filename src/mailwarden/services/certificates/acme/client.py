"""Talks to an authority: nonces, the account, and one order at a time (RFC 8555)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailwarden.services.certificates.acme.documents import (
    Authorization,
    Challenge,
    Directory,
    Order,
    parse_authorization,
    parse_directory,
    parse_order,
    parse_problem,
    retry_after,
)
from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.https import Answer
from mailwarden.services.certificates.acme.jws import AccountKey, base64url
from mailwarden.services.certificates.acme.proof import Proof, Responder
from mailwarden.services.certificates.acme.settings import (
    AcmeSettings,
    ChallengeType,
    decode_mac_key,
    parse_url,
)
from mailwarden.system.clock.clock import Clock

NONCE_TRIES_MAX: Final = 10
NONCES_KEPT_MAX: Final = 10
NONCE_LENGTH_MAX: Final = 500
POLL_SECONDS: Final = 2.0
POLL_SECONDS_MAX: Final = 60.0

_PENDING: Final = ("pending", "processing")

Sleep = Callable[[float], Awaitable[None]]


class Asker(Protocol):
    """Who carries requests; see `HttpsClient`."""

    async def ask(self, method: str, url: str, body: bytes = b"") -> Answer:
        """Return the answer to a request; raises AcmeError when there is none."""
        ...


class AcmeClient:
    """One account with one authority."""

    def __init__(
        self,
        settings: AcmeSettings,
        key: AccountKey,
        asker: Asker,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings: Final = settings
        self._key: Final = key
        self._asker: Final = asker
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._nonces: Final[list[str]] = []
        self._directory: Directory | None = None
        self._account = ""  # its URL

    async def order(
        self, domains: Sequence[str], request: bytes, kind: ChallengeType, responder: Responder
    ) -> bytes:
        """Return the certificate for a request (PEM), with its chain (PEM).

        Raises:
            AcmeError: the authority does not give one.
        """
        directory = await self._find_account()
        identifiers = [{"type": "dns", "value": domain} for domain in domains]
        answer = await self._post(directory.new_order, {"identifiers": identifiers})
        url = _location(answer)
        order = parse_order(answer.body)
        for each in order.authorizations:
            await self._authorize(each, kind, responder)
        der = x509.load_pem_x509_csr(request).public_bytes(Encoding.DER)
        order = await self._wait_for(url, "ready")
        await self._post(order.finalize, {"csr": base64url(der)})
        order = await self._wait_for(url, "valid")
        if not order.certificate:
            raise AcmeError("the authority has no certificate for an order that is done")
        return (await self._post(order.certificate, None)).body

    # The account (7.3).

    async def _find_account(self) -> Directory:
        """Make the account if it is not there yet; asking for it anew changes nothing (7.3.1)."""
        if self._directory is None:
            answer = await self._asker.ask("GET", self._settings.directory)
            if answer.status != 200:
                raise self._problem(answer)
            self._directory = parse_directory(answer.body)
        directory = self._directory
        if self._account:
            return directory
        wanted: dict[str, Any] = {"termsOfServiceAgreed": self._settings.terms_agreed}
        if self._settings.contact:
            wanted["contact"] = [f"mailto:{address}" for address in self._settings.contact]
        external = self._settings.external_account
        if external.key_id:
            mac_key = decode_mac_key(external.mac_key)
            wanted["externalAccountBinding"] = self._key.bind(
                external.key_id, mac_key, directory.new_account
            )
        elif directory.needs_external_account:
            raise AcmeError(
                "the authority asks for an account with it; set acme.external_account",
                "externalAccountRequired",
            )
        answer = await self._post(directory.new_account, wanted)
        self._account = _location(answer)
        return directory

    # Orders (7.4, 7.5).

    async def _authorize(self, url: str, kind: ChallengeType, responder: Responder) -> None:
        found = parse_authorization((await self._post(url, None)).body)
        if found.status == "valid":
            return
        challenge = _choose(found, kind)
        answer = f"{challenge.token}.{self._key.thumbprint}"  # 8.1
        proof = Proof(found.domain, challenge.token, answer)
        try:
            await responder.present(proof)
            await self._post(challenge.url, {})
            await self._wait_for_authorization(url)
        finally:
            await responder.clean_up(proof)

    async def _wait_for_authorization(self, url: str) -> None:
        while True:
            answer = await self._post(url, None)
            found = parse_authorization(answer.body)
            if found.status == "valid":
                return
            if found.status != "pending":
                reason = found.error or f"the authorization is {found.status}"
                raise AcmeError(f"{found.domain} could not be verified: {reason}")
            await self._pause(answer)

    async def _wait_for(self, url: str, status: str) -> Order:
        while True:
            answer = await self._post(url, None)
            order = parse_order(answer.body)
            if order.status in (status, "valid"):
                return order
            is_under_way = order.status in _PENDING or (order.status, status) == ("ready", "valid")
            if not is_under_way:
                raise AcmeError(order.error or f"the order is {order.status[:40]}")
            await self._pause(answer)

    async def _pause(self, answer: Answer) -> None:
        wanted = retry_after(answer.headers, self._clock.time())
        await self._sleep(min(wanted or POLL_SECONDS, POLL_SECONDS_MAX))

    # Requests (6).

    async def _post(self, url: str, payload: dict[str, Any] | None) -> Answer:
        """Return the answer to a signed request; without a payload it only reads (6.3)."""
        content = b"" if payload is None else json.dumps(payload).encode("utf-8")
        for _ in range(NONCE_TRIES_MAX):
            nonce = await self._nonce()
            signed = self._key.sign(url, nonce, content, self._account)
            answer = await self._asker.ask("POST", url, signed)
            self._keep_nonce(answer)
            if 200 <= answer.status < 300:
                return answer
            problem = self._problem(answer)
            if problem.kind != "badNonce":  # 6.5: anything else is an answer
                raise problem
        raise AcmeError("the authority takes none of its own nonces", "badNonce")

    async def _nonce(self) -> str:
        if not self._nonces:
            assert self._directory is not None  # asked for first
            answer = await self._asker.ask("HEAD", self._directory.new_nonce)
            if answer.status not in (200, 204):
                raise self._problem(answer)
            self._keep_nonce(answer)
        if not self._nonces:
            raise AcmeError("the authority gave no nonce")
        return self._nonces.pop()

    def _keep_nonce(self, answer: Answer) -> None:
        nonce = answer.headers.get("replay-nonce", "")
        plain = nonce.replace("-", "").replace("_", "")
        is_good = plain.isascii() and plain.isalnum() and len(nonce) <= NONCE_LENGTH_MAX
        if is_good and len(self._nonces) < NONCES_KEPT_MAX:  # 6.5.1: others are ignored
            self._nonces.append(nonce)

    def _problem(self, answer: Answer) -> AcmeError:
        return parse_problem(answer.status, answer.headers, answer.body, self._clock.time())


def _choose(found: Authorization, kind: ChallengeType) -> Challenge:
    for challenge in found.challenges:
        if challenge.kind == kind.value:
            return challenge
    if found.status != "pending":
        raise AcmeError(f"the authorization is {found.status[:40]}")
    raise AcmeError(f"the authority offers no {kind.value} challenge for {found.domain[:80]}")


def _location(answer: Answer) -> str:
    try:
        return parse_url(answer.headers.get("location", ""))
    except ValueError:
        raise AcmeError("the authority does not say where the new resource is") from None
