"""An authority in memory, that is strict about what it is asked (RFC 8555)."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.https import Answer
from mailwarden.services.certificates.acme.proof import Proof
from tests.unit.services.certificates.authority import Authority

BASE = "https://ca.example"
DIRECTORY = f"{BASE}/directory"
MAC_KEY = b"0123456789abcdef0123456789abcdef"


def decode(text: str) -> bytes:
    assert "=" not in text
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Responder:
    """Remembers what it is to answer."""

    def __init__(self) -> None:
        self.shown: dict[str, Proof] = {}
        self.log: list[str] = []

    async def present(self, proof: Proof) -> None:
        self.shown[proof.token] = proof
        self.log.append(f"present {proof.domain}")

    async def clean_up(self, proof: Proof) -> None:
        del self.shown[proof.token]
        self.log.append(f"clean up {proof.domain}")


class AuthorityServer:
    """Signs what it is asked for when challenges are answered. `fail` may answer in its place."""

    def __init__(self, responder: Responder | None = None, *, external: bool = False) -> None:
        self.root = Authority("Root")
        self.middle = Authority("Middle", self.root)
        self.responder = responder or Responder()
        self.external = external
        self.days = 90
        self.refused_nonces = 0
        self.asked: list[str] = []
        self.accounts: dict[str, dict[str, str]] = {}
        self.contacts: list[list[str]] = []
        self.fail: Callable[[str, str], Answer | None] = lambda method, path: None
        self.processing = 1  # how often an order is still under way
        self._nonces: set[str] = set()
        self._count = 0
        self._orders: dict[str, dict[str, Any]] = {}
        self._authorizations: dict[str, dict[str, Any]] = {}
        self._certificates: dict[str, bytes] = {}

    def _number(self) -> int:
        self._count += 1
        return self._count

    async def ask(self, method: str, url: str, body: bytes = b"") -> Answer:
        assert url.startswith(BASE)
        path = url.removeprefix(BASE)
        self.asked.append(f"{method} {path}")
        failed = self.fail(method, path)
        if failed is not None:
            return failed
        if path == "/directory":
            assert (method, body) == ("GET", b"")
            meta = {"externalAccountRequired": self.external}
            names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
            found = {name: f"{BASE}/{place}" for name, place in names.items()}
            return self._answer(200, {**found, "meta": meta})
        if path == "/nonce":
            assert method == "HEAD"
            return self._answer(204, None)
        assert method == "POST"
        return self._signed(url, path, json.loads(body))

    def _answer(self, status: int, document: object, **headers: str) -> Answer:
        nonce = encode(f"nonce {self._number()}".encode())
        self._nonces.add(nonce)
        body = b"" if document is None else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, {"replay-nonce": nonce, **named}, body)

    def problem(self, status: int, kind: str, detail: str, **headers: str) -> Answer:
        document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}
        return self._answer(status, document, **headers)

    def _signed(self, url: str, path: str, jws: dict[str, str]) -> Answer:
        """Check a request as 6.2 to 6.5 say."""
        assert set(jws) == {"protected", "payload", "signature"}
        header = json.loads(decode(jws["protected"]))
        assert header["alg"] == "ES256"
        assert header["url"] == url
        assert ("jwk" in header) != ("kid" in header)
        assert ("jwk" in header) == (path == "/account")
        jwk = header["jwk"] if "jwk" in header else self.accounts[header["kid"]]
        assert set(jwk) == {"kty", "crv", "x", "y"}
        x, y = (int.from_bytes(decode(jwk[name]), "big") for name in "xy")
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        raw = decode(jws["signature"])
        assert len(raw) == 64
        halves = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
        signed = f"{jws['protected']}.{jws['payload']}".encode()
        key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))
        is_known = header["nonce"] in self._nonces
        self._nonces.discard(header["nonce"])
        if not is_known or self.refused_nonces:
            self.refused_nonces = max(0, self.refused_nonces - 1)
            return self.problem(400, "badNonce", "try again")
        payload = decode(jws["payload"])
        return self._serve(path, json.loads(payload) if payload else None, jwk)

    def _serve(self, path: str, payload: Any, jwk: dict[str, str]) -> Answer:
        kind, _, number = path.strip("/").partition("/")
        match kind:
            case "account":
                return self._make_account(payload, jwk)
            case "order" if not number:
                return self._make_order(payload)
            case "order":
                assert payload is None  # POST-as-GET
                order = self._orders[number]
                if order["status"] == "processing":
                    order["left"] -= 1
                    if order["left"] < 0:
                        order["status"] = "valid"
                        order["certificate"] = f"{BASE}/certificate/{number}"
                return self._order(number)
            case "authorization":
                assert payload is None
                return self._answer(200, self._authorizations[number])
            case "challenge":
                assert payload == {}  # 7.5.1
                return self._check(number, jwk)
            case "finalize":
                return self._finalize(number, payload)
            case "certificate":
                assert payload is None
                return Answer(200, {}, self._certificates[number])
        raise AssertionError(path)

    def _make_account(self, payload: dict[str, Any], jwk: dict[str, str]) -> Answer:
        assert payload["termsOfServiceAgreed"] is True
        self.contacts.append(payload.get("contact", []))
        if self.external:
            bound = payload["externalAccountBinding"]
            header = json.loads(decode(bound["protected"]))
            assert header == {"alg": "HS256", "kid": "kid-1", "url": f"{BASE}/account"}
            assert json.loads(decode(bound["payload"])) == jwk
            signed = f"{bound['protected']}.{bound['payload']}".encode()
            assert decode(bound["signature"]) == hmac.digest(MAC_KEY, signed, "sha256")
        url = f"{BASE}/acct/{jwk['x'][:8]}"
        status = 200 if url in self.accounts else 201
        self.accounts[url] = jwk
        return self._answer(status, {"status": "valid"}, location=url)

    def _make_order(self, payload: dict[str, Any]) -> Answer:
        number = str(self._number())
        urls = []
        for identifier in payload["identifiers"]:
            assert identifier["type"] == "dns"
            own = str(self._number())
            bare = identifier["value"].removeprefix("*.")
            challenges = [
                {"type": kind, "url": f"{BASE}/challenge/{own}", "token": f"token-{own}_{kind[0]}"}
                for kind in ("dns-01", "http-01", "tls-alpn-01")
            ]
            self._authorizations[own] = {
                "status": "pending",
                "identifier": {"type": "dns", "value": bare},
                "challenges": challenges,
            }
            urls.append(f"{BASE}/authorization/{own}")
        self._orders[number] = {
            "status": "pending",
            "left": self.processing,
            "authorizations": urls,
            "finalize": f"{BASE}/finalize/{number}",
            "names": [each["value"] for each in payload["identifiers"]],
        }
        return self._order(number, status=201)

    def _order(self, number: str, status: int = 200) -> Answer:
        order = self._orders[number]
        owned = [self._authorizations[url.rpartition("/")[2]] for url in order["authorizations"]]
        if order["status"] == "pending" and all(each["status"] == "valid" for each in owned):
            order["status"] = "ready"
        if order["status"] == "pending" and any(each["status"] == "invalid" for each in owned):
            order["status"] = "invalid"
        url = f"{BASE}/order/{number}"
        return self._answer(status, order, location=url, retry_after="1")

    def _check(self, number: str, jwk: dict[str, str]) -> Answer:
        found = self._authorizations[number]
        canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
        thumbprint = encode(hashlib.sha256(canonical).digest())  # RFC 7638
        shown = [
            proof
            for challenge in found["challenges"]
            if (proof := self.responder.shown.get(challenge["token"])) is not None
        ]
        good = [
            proof
            for proof in shown
            if proof.key_authorization == f"{proof.token}.{thumbprint}"
            and proof.domain == found["identifier"]["value"]
        ]
        found["status"] = "valid" if good else "invalid"
        if not good:
            detail = {"type": "urn:ietf:params:acme:error:unauthorized", "detail": "wrong answer"}
            found["challenges"][1]["error"] = detail
        return self._answer(200, {"status": "processing"})

    def _finalize(self, number: str, payload: dict[str, str]) -> Answer:
        order = self._orders[number]
        assert order["status"] == "ready"
        csr = x509.load_der_x509_csr(decode(payload["csr"]))
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == order["names"]
        pem = csr.public_bytes(Encoding.PEM)
        self._certificates[number] = self.middle.sign(pem, days=self.days) + self.middle.pem
        order["status"] = "processing"
        return self._order(number)


def unreachable(method: str, path: str) -> Answer | None:
    raise AcmeError("ca.example: no address")
