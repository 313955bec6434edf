"""What shows that a domain is ours (RFC 8555, 8.1)."""

import hashlib
from typing import NamedTuple, Protocol

from mailwarden.services.certificates.acme.jws import base64url


class Proof(NamedTuple):
    """The answer to one challenge."""

    domain: str  # without `*.`
    token: str  # base64url
    key_authorization: str

    @property
    def record_name(self) -> str:
        """Where dns-01 looks for a TXT record (8.4)."""
        return f"_acme-challenge.{self.domain}"

    @property
    def record_value(self) -> str:
        """What it looks for."""
        return base64url(hashlib.sha256(self.key_authorization.encode("ascii")).digest())


class Responder(Protocol):
    """Who gives the answer to the authority."""

    async def present(self, proof: Proof) -> None:
        """Give it from now on.

        Raises:
            AcmeError: that does not work.
        """
        ...

    async def clean_up(self, proof: Proof) -> None:
        """Give it no more. Does not raise for what goes wrong."""
        ...
