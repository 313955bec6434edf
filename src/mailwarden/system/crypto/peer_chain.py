"""The certificates that a peer showed in the handshake, as DANE needs them (RFC 7671, 5.2).

`getpeercert()` only returns that of the peer itself. From Python 3.13 on there is a public
method for the others; before that, the object which the public one wraps has it. Nothing else
looks behind the public one.
"""

import ssl
from typing import Any, Final

_DER: Final = 2  # _ssl.ENCODING_DER


def peer_chain(session: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return what the peer showed, in DER, its own certificate first; not checked, nor sorted.

    `session` is past its handshake.
    """
    public = getattr(session, "get_unverified_chain", None)
    if public is not None:
        return tuple(public() or ())
    inner: Any = session._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  see above
    return tuple(certificate.public_bytes(_DER) for certificate in inner.get_unverified_chain())
