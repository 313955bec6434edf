"""Looks at the files, folders and users that a configuration names."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import join
from mailwarden.core.problem import Problem
from mailwarden.core.routes import RouteKind, parse_route
from mailwarden.services.directory.local import CREDENTIALS_SIZE_MAX, parse_credentials
from mailwarden.system.crypto.settings import CertificateFiles

PEM_SIZE_MAX: Final = 4 * 1024 * 1024  # the bundles of all public authorities are 250 KB


def file_problems(config: GatewayConfig) -> Iterator[Problem]:
    """Yield what is wrong with the files that `config` names. Reads them."""
    for name, files in config.certificates.items():
        for problem in _certificate(files):
            yield problem.under(join("certificates", name))
    if config.delivery.ca_file:
        yield from _authorities("delivery.ca_file", config.delivery.ca_file)
    if config.inbound.credentials:
        yield from _credentials("inbound.credentials", config.inbound.credentials)
    yield from _folder("state_directory", config.state_directory)
    if config.logs.directory:
        yield from _folder("logs.directory", config.logs.directory)
    for domain, value in config.smtp_routes.items():
        route = parse_route(value)
        if route.kind is RouteKind.MAILDIR:
            yield from _folder(join("smtp_routes", domain), route.path)
    if config.user:
        yield from _user("user", config.user)


def _certificate(files: CertificateFiles) -> Iterator[Problem]:
    unreadable = [
        problem
        for name, path in (("certificate", files.certificate), ("key", files.key))
        for problem in _file(name, path, PEM_SIZE_MAX)
    ]
    yield from unreadable
    if not unreadable:
        yield from _pair(files)
    if files.client_ca:
        yield from _authorities("client_ca", files.client_ca)


def _pair(files: CertificateFiles) -> Iterator[Problem]:
    """Yield why certificate and key cannot be used together."""
    import ssl  # noqa: PLC0415  20 ms that a configuration without certificates does not pay

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except _PasswordError:
        yield Problem("key", f"{files.key} has a password; a gateway that starts alone needs none")
    except ssl.SSLError as error:
        yield _explain_pair(files, error.reason or "", str(error))


def _explain_pair(files: CertificateFiles, reason: str, text: str) -> Problem:
    if reason == "KEY_VALUES_MISMATCH":
        return Problem("key", f"{files.key} is not the key of {files.certificate}")
    content = Path(files.certificate).read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in content:
        return Problem("certificate", f"{files.certificate} holds no certificate in PEM form")
    if b"PRIVATE KEY-----" not in Path(files.key).read_bytes():
        return Problem("key", f"{files.key} holds no private key in PEM form")
    return Problem("certificate", f"{files.certificate} with {files.key} cannot be used: {text}")


class _PasswordError(Exception):
    """OpenSSL asked for a password; without this it would ask on the terminal."""


def _no_password() -> str:
    raise _PasswordError


def _authorities(path: str, name: str) -> Iterator[Problem]:
    unreadable = list(_file(path, name, PEM_SIZE_MAX))
    yield from unreadable
    if unreadable:
        return
    import ssl  # noqa: PLC0415  20 ms that a configuration without certificates does not pay

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError as error:
        yield Problem(path, f"{name} holds no certificates in PEM form ({error.reason})")


def _credentials(path: str, name: str) -> Iterator[Problem]:
    unreadable = list(_file(path, name, CREDENTIALS_SIZE_MAX))
    yield from unreadable
    if unreadable:
        return
    try:
        parse_credentials(Path(name).read_bytes())
    except ValueError as error:
        yield Problem(path, f"{name}: {error}")


def _file(path: str, name: str, size_max: int) -> Iterator[Problem]:
    """Yield why `name` is no file to read. Opens nothing that could hang, such as a FIFO."""
    try:
        status = Path(name).stat()
        if not stat.S_ISREG(status.st_mode):
            yield Problem(path, f"{name} is not a file")
        elif status.st_size > size_max:
            yield Problem(path, f"{name} is larger than {size_max} bytes")
        else:
            with Path(name).open("rb"):
                pass
    except (OSError, ValueError) as error:
        yield Problem(path, _reason(name, error))


def _folder(path: str, name: str) -> Iterator[Problem]:
    """Yield why `name` is no folder and cannot become one."""
    try:
        existing = next(p for p in (Path(name), *Path(name).absolute().parents) if p.exists())
        if not existing.is_dir():
            yield Problem(path, f"{name} cannot be a folder: {existing} is a file")
    except (OSError, ValueError) as error:
        yield Problem(path, _reason(name, error))


def _user(path: str, name: str) -> Iterator[Problem]:
    import pwd  # noqa: PLC0415  only where a user is set

    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):
        yield Problem(path, f"there is no user {name!r} on this machine; create it with useradd")


def _reason(name: str, error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"{name[:200]}: {text or error}"
