"""TLS contexts for listeners and for delivery (RFC 8446, RFC 5246, RFC 9325).

TLS 1.2 and 1.3 only, no compression, and no renegotiation asked for by a client, which would let
it make the server work. Ciphers have forward secrecy; a few that are only fair stay at the end of
the list, as a mail server that finds none in common sends in the clear.
"""

import ssl
from typing import Final

from mailwarden.system.crypto.settings import CertificateFiles

CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES"
    ":!aNULL:!eNULL:!aDSS:!PSK:!SRP:!AESCCM"
)

_OPTIONS: Final = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE


class CertificateError(Exception):
    """Certificate, key or authorities cannot be used; the message names the file and why."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting  # the field of CertificateFiles that is at fault


class _EncryptedKeyError(Exception):
    pass


def server_context(files: CertificateFiles, *, verify_client: bool) -> ssl.SSLContext:
    """Return the context of a listener.

    With `verify_client` a handshake succeeds only for clients with a certificate that one of
    `files.client_ca` signed. TLS 1.3 gives out no tickets: the next connection of the client may
    reach another worker, which could not read them. TLS 1.2 does, as OpenSSL else keeps a
    thousand bytes of each session.

    Raises:
        CertificateError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
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
    ca_file: str, *, verify: bool, certificate: CertificateFiles | None = None
) -> ssl.SSLContext:
    """Return the context of a connection to another mail server.

    `certificate` is shown to servers that ask for one.

    With `verify` the handshake succeeds only for certificates that lead to an authority of
    `ca_file` (PEM; `""` is those of the system). Whom the certificate is for is not checked:
    several names may be right, see `peer_names.is_for`. Without `verify` any certificate and
    weak ones too are taken, as the alternative is to send in the clear (RFC 7435, 3).

    Raises:
        CertificateError: a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    if certificate is not None:
        load_certificate(context, certificate)
    if not verify:
        context.set_ciphers(f"{CIPHERS}:@SECLEVEL=1")
        context.verify_mode = ssl.CERT_NONE
    elif ca_file:
        load_authorities(context, ca_file)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


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
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= _OPTIONS
    context.set_ciphers(CIPHERS)


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
