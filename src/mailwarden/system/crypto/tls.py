"""TLS contexts for listeners and for delivery (RFC 8446, RFC 5246, RFC 9325).

TLS 1.2 and 1.3 unless the administrator says otherwise, no compression, and no renegotiation asked
for by a client, which would let it make the server work. Of renegotiation only the secure kind is
known (RFC 5746): who has not heard of it may connect, but nothing more. The usual ciphers have
forward secrecy; a few that are only fair stay at the end of the list, as a mail server that finds
none in common sends in the clear.
"""

import ssl
import warnings
from base64 import b64decode
from typing import Final

from mailwarden.system.crypto.settings import (
    DEFAULT_PROTOCOL,
    SYSTEM_AUTHORITIES,
    AuthoritySettings,
    CertificateFiles,
    TlsProtocol,
    TlsVersion,
)

_OPTIONS: Final = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
# SSL_OP_LEGACY_SERVER_CONNECT and SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION of openssl/ssl.h: what
# the system's configuration may have switched on.
_INSECURE_OPTIONS: Final = 0x4 | 0x40000
_VERSIONS: Final = {
    TlsVersion.TLS_1_0: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS_1_1: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}


class CertificateError(Exception):
    """Certificate, key or authorities cannot be used; the message names the file and why."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting  # the field at fault, of CertificateFiles or AuthoritySettings


class _EncryptedKeyError(Exception):
    pass


def server_context(
    files: CertificateFiles, *, verify_client: bool, protocol: TlsProtocol = DEFAULT_PROTOCOL
) -> ssl.SSLContext:
    """Return the context of a listener, or of the web interface.

    With `verify_client` a handshake succeeds only for clients with a certificate that one of
    `files.client_ca` signed. TLS 1.3 gives out no tickets: the next connection of the client may
    reach another worker, which could not read them. TLS 1.2 does, as OpenSSL else keeps a
    thousand bytes of each session.

    Raises:
        CertificateError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    apply_protocol(context, protocol, is_verifying=verify_client)
    context.num_tickets = 0
    load_certificate(context, files)
    if verify_client:
        if not files.client_ca:
            raise CertificateError(
                "client_ca", "`client_ca` has to name those who sign client certificates"
            )
        load_authorities(context, files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    ca_file: str,
    *,
    verify: bool,
    certificate: CertificateFiles | None = None,
    authorities: AuthoritySettings = SYSTEM_AUTHORITIES,
    protocol: TlsProtocol = DEFAULT_PROTOCOL,
) -> ssl.SSLContext:
    """Return the context of a connection to another mail server.

    `certificate` is shown to servers that ask for one.

    With `verify` the handshake succeeds only for certificates that lead to an authority of
    `ca_file` (PEM), or of `authorities` where that is `""`. Whom the certificate is for is not
    checked: several names may be right, see `peer_names.is_for`. Without `verify` any certificate
    and weak ones too are taken, as the alternative is to send in the clear (RFC 7435, 3).

    Raises:
        CertificateError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    if certificate is not None:
        load_certificate(context, certificate)
    apply_protocol(context, protocol, is_verifying=verify)
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    elif ca_file:
        load_authorities(context, ca_file)
    else:
        trust(context, authorities)
    return context


def apply_protocol(context: ssl.SSLContext, protocol: TlsProtocol, *, is_verifying: bool) -> None:
    """Let `context` speak the versions and ciphers of `protocol`.

    `is_verifying` says that the peer's certificate counts. Where it does not, weak ones are no
    worse than none; and TLS before 1.2, whose signatures are all weak, only works there.
    """
    ciphers = protocol.ciphers
    if not is_verifying and protocol.minimum_version.is_deprecated:
        ciphers = f"{ciphers}:@SECLEVEL=0"
    elif not is_verifying and context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        ciphers = f"{ciphers}:@SECLEVEL=1"
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():  # Python warns of versions that the administrator wants
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
        context.minimum_version = _VERSIONS[protocol.minimum_version]
        context.maximum_version = _VERSIONS[protocol.maximum_version]


def trust(context: ssl.SSLContext, authorities: AuthoritySettings) -> None:
    """Let `context` trust the authorities of the lists that are on.

    Raises:
        CertificateError: OpenSSL does not take one of them.
    """
    if authorities.system:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    for number, text in enumerate(authorities.custom):
        try:
            context.load_verify_locations(cadata=b64decode(text))
        except (ssl.SSLError, ValueError) as error:
            message = "OpenSSL cannot read the certificate"
            raise CertificateError(f"custom[{number}]", message) from error


def load_certificate(context: ssl.SSLContext, files: CertificateFiles) -> None:
    """Give `context` a certificate with its chain and key.

    Raises:
        CertificateError: a file cannot be used.
    """
    # Whether the certificate is one is found out apart, as OpenSSL does not say which file is bad.
    probe = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load_locations(probe, files.certificate, "certificate", "certificate")
    _open(files.key, "key", "private key")
    try:
        context.load_cert_chain(files.certificate, files.key, password=_refuse_password)
    except _EncryptedKeyError:
        raise CertificateError(
            "key",
            f"the private key {files.key} is encrypted; remove its passphrase (openssl pkey) and "
            "let only the gateway's user read it",
        ) from None
    except (ssl.SSLError, OSError, ValueError) as error:
        raise _explain_key(error, files) from error


def load_authorities(context: ssl.SSLContext, ca_file: str) -> None:
    """Let `context` trust the certificates of a PEM file.

    Raises:
        CertificateError: the file cannot be used.
    """
    _load_locations(context, ca_file, "client_ca", "file of authorities")


def _harden(context: ssl.SSLContext) -> None:
    context.options = (context.options | _OPTIONS) & ~_INSECURE_OPTIONS


def _load_locations(context: ssl.SSLContext, path: str, setting: str, what: str) -> None:
    _open(path, setting, what)
    try:
        context.load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError, ValueError) as error:
        text = f"the {what} {path} has no certificate in PEM form"
        raise CertificateError(setting, text) from error


def _open(path: str, setting: str, what: str) -> None:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CertificateError(setting, f"the {what} {path} cannot be read: {reason}") from error


def _refuse_password() -> str:
    """Stand in for the terminal, where OpenSSL would ask else."""
    raise _EncryptedKeyError


def _explain_key(error: Exception, files: CertificateFiles) -> CertificateError:
    match getattr(error, "reason", None):
        case "KEY_VALUES_MISMATCH" | "NO_CERTIFICATE_ASSIGNED":  # the second: not even its type
            text = f"the private key {files.key} does not belong to {files.certificate}"
            return CertificateError("key", text)
        case "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" | "CA_MD_TOO_WEAK":
            text = f"the certificate {files.certificate} is too weak: {error}"
            return CertificateError("certificate", text)
        case _:
            text = f"the private key {files.key} has no private key in PEM form"
            return CertificateError("key", text)
