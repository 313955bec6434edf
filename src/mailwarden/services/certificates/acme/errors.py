"""What can go wrong with an authority."""

from typing import Final

PREFIX: Final = "urn:ietf:params:acme:error:"


class AcmeError(Exception):
    """An authority cannot be reached, or does not do what it is asked; the message says why.

    `kind` is the error of RFC 8555, 6.7, such as `rateLimited`; "" is none of these.
    `retry_after_seconds` is when the authority wants to be asked again; 0 when it does not say.
    """

    def __init__(self, message: str, kind: str = "", retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.kind: Final = kind
        self.retry_after_seconds: Final = retry_after_seconds
