"""Signed requests (RFC 7515, RFC 7517, RFC 7638), as far as ACME needs them (RFC 8555, 6.2)."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_NUMBER_BYTES: Final = 32  # of P-256


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class AccountKey:
    """The key of an account: ECDSA P-256, that is ES256, which every server takes."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None) -> None:
        """Take `key`, or make a new one."""
        self._key: Final = key or ec.generate_private_key(ec.SECP256R1())

    @classmethod
    def from_pem(cls, pem: bytes) -> "AccountKey":
        """Return a key that we wrote ourselves; raises ValueError when it is damaged."""
        return cls(cast("ec.EllipticCurvePrivateKey", load_pem_private_key(pem, None)))

    @property
    def pem(self) -> bytes:
        """The key, to be kept."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517), with its members in the order of RFC 7638."""
        numbers = self._key.public_key().public_numbers()
        x, y = (base64url(each.to_bytes(_NUMBER_BYTES, "big")) for each in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    @property
    def thumbprint(self) -> str:
        """What stands for the key in answers to challenges (RFC 7638)."""
        return base64url(hashlib.sha256(_json(self.jwk)).digest())

    def sign(self, url: str, nonce: str, payload: bytes, account: str = "") -> bytes:
        """Return the body of a POST; `payload` is empty for POST-as-GET (RFC 8555, 6.3).

        `account` is the URL of the account; without one the key itself goes along.
        """
        header: dict[str, Any] = {"alg": "ES256", "nonce": nonce, "url": url}
        if account:
            header["kid"] = account
        else:
            header["jwk"] = self.jwk
        signed = f"{base64url(_json(header))}.{base64url(payload)}".encode("ascii")
        r, s = decode_dss_signature(self._key.sign(signed, ec.ECDSA(SHA256())))
        raw = r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")  # RFC 7518, 3.4
        return _flattened(signed, raw)

    def bind(self, key_id: str, mac_key: bytes, url: str) -> dict[str, str]:
        """Return what ties this key to an external account (RFC 8555, 7.3.4)."""
        header = {"alg": "HS256", "kid": key_id, "url": url}
        signed = f"{base64url(_json(header))}.{base64url(_json(self.jwk))}".encode("ascii")
        mac = hmac.new(mac_key, signed, hashlib.sha256).digest()
        return cast("dict[str, str]", json.loads(_flattened(signed, mac)))


def _flattened(signed: bytes, signature: bytes) -> bytes:
    protected, payload = signed.decode("ascii").split(".")
    return _json({"protected": protected, "payload": payload, "signature": base64url(signature)})


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8")
