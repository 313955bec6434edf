"""Looks at the files, folders and users that a configuration names."""

import dataclasses
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import join
from mailwarden.core.mail.bounce_tag import TagKeys
from mailwarden.core.patterns import DEFAULT
from mailwarden.core.policy.bounce_keys import FILE_SIZE_MAX
from mailwarden.core.policy.destinations_text import find_value
from mailwarden.core.problem import Problem
from mailwarden.core.routes import RouteKind, parse_route
from mailwarden.services.bounce_tags import load_keys
from mailwarden.services.directory.local import CREDENTIALS_SIZE_MAX, parse_credentials
from mailwarden.services.engines.reputation.signature import KEY_BYTES_MAX
from mailwarden.system.crypto.settings import AuthoritySettings, CertificateFiles

BOUNCE_KEYS: Final = "bounce-keys"  # in the state directory
LINE_END_BYTES: Final = 2  # behind the key of a feed
PEM_SIZE_MAX: Final = 4 * 1024 * 1024  # the bundles of all public authorities are 250 KB


def file_problems(config: GatewayConfig) -> Iterator[Problem]:
    """Yield what is wrong with the files that `config` names. Reads them."""
    for name, files in config.certificates.items():
        if files.is_kept:  # in the store, which is not looked at here
            if files.client_ca:
                yield from _authorities(f"{join('certificates', name)}.client_ca", files.client_ca)
            continue
        for problem in _certificate(files):
            yield problem.under(join("certificates", name))
    if config.delivery.ca_file:
        yield from _authorities("delivery.ca_file", config.delivery.ca_file)
    if config.authorities.custom:
        yield from _custom_authorities(config.authorities)
    if config.inbound.credentials:
        yield from _credentials("inbound.credentials", config.inbound.credentials)
    yield from _bounce_keys(config)
    yield from _feed_keys(config)
    yield from _updates(config)
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
    """Yield why a listener could not use `files`."""
    unreadable = [
        problem
        for name, path in (("certificate", files.certificate), ("key", files.key))
        for problem in _file(name, path, PEM_SIZE_MAX)
    ]
    yield from unreadable
    if not unreadable:
        from mailwarden.system.crypto.tls import (  # noqa: PLC0415  20 ms, only for certificates
            CertificateError,
            server_context,
        )

        try:
            server_context(dataclasses.replace(files, client_ca=""), verify_client=False)
        except CertificateError as error:
            yield Problem(error.setting, str(error))
    if files.client_ca:
        yield from _authorities("client_ca", files.client_ca)


def _authorities(path: str, name: str) -> Iterator[Problem]:
    unreadable = list(_file(path, name, PEM_SIZE_MAX))
    yield from unreadable
    if not unreadable:
        from mailwarden.system.crypto.tls import (  # noqa: PLC0415  20 ms, only for certificates
            CertificateError,
            client_context,
        )

        try:
            client_context(name, verify=True)
        except CertificateError as error:
            yield Problem(path, str(error))


def _custom_authorities(authorities: AuthoritySettings) -> Iterator[Problem]:
    """Yield why a certificate cannot be trusted that looks like one."""
    from mailwarden.system.crypto.tls import (  # noqa: PLC0415  20 ms, only for certificates
        CertificateError,
        client_context,
    )

    try:
        client_context("", verify=True, authorities=dataclasses.replace(authorities, system=False))
    except CertificateError as error:
        yield Problem(f"authorities.{error.setting}", str(error))


def _credentials(path: str, name: str) -> Iterator[Problem]:
    unreadable = list(_file(path, name, CREDENTIALS_SIZE_MAX))
    yield from unreadable
    if unreadable:
        return
    try:
        parse_credentials(Path(name).read_bytes())
    except ValueError as error:
        yield Problem(path, f"{name}: {error}")


def bounce_keys_file(config: GatewayConfig) -> Path:
    """Return where the keys of bounce verification are, or would be."""
    named = config.bounce_verification.keys_file
    return Path(named or os.path.join(config.state_directory, BOUNCE_KEYS))


def _bounce_keys(config: GatewayConfig) -> Iterator[Problem]:
    """Yield why keys cannot be used, and where they are missing."""
    path = bounce_keys_file(config)
    keys = TagKeys()
    if os.path.exists(path):  # also where the path itself cannot be
        unreadable = list(_file("bounce_verification.keys_file", str(path), FILE_SIZE_MAX))
        yield from unreadable
        if unreadable:
            return
        try:
            keys = load_keys(path)
        except ValueError as error:
            yield Problem("bounce_verification.keys_file", f"{path}: {error}")
            return
    if keys.keys or not config.bounce_verification.enabled:
        return
    wants = f"needs a key to tag with, and {path} has none; `mailwarden bounce-keys new` makes one"
    for domain, row in config.destinations.items():
        if row.bounce_validation:
            yield Problem(f"{join('destinations', domain)}.bounce_validation", wants)
    controls = config.destination_controls
    for domain, written in ((DEFAULT, controls.table.default), *controls.table.rows):
        if written.bounce_validation:
            line = find_value(controls.text, domain, "bounce_validation")
            yield Problem("destination_controls", f"bounce_validation {wants}", line)


def _feed_keys(config: GatewayConfig) -> Iterator[Problem]:
    """Yield keys without which a feed is never taken. The feed itself may come later."""
    for index, feed in enumerate(config.reputation.feeds):
        path = f"{join('reputation.feeds', index)}.key_file"
        yield from _file(path, feed.key_file, KEY_BYTES_MAX + LINE_END_BYTES)


def _updates(config: GatewayConfig) -> Iterator[Problem]:
    """Yield a key without which no update is ever taken, and authorities that are none."""
    if config.updates.ca_file:
        yield from _authorities("updates.ca_file", config.updates.ca_file)
    name = config.updates.key_file
    if not name:
        return
    unreadable = list(_file("updates.key_file", name, KEY_BYTES_MAX))
    yield from unreadable
    if not unreadable:
        from mailwarden.system.crypto.ed25519 import Verifier  # noqa: PLC0415  only for updates

        try:
            Verifier(Path(name).read_bytes())
        except ValueError as error:
            yield Problem("updates.key_file", f"{name} {error}")


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
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):
        yield Problem(path, f"there is no user {name!r} on this machine; create it with useradd")


def _reason(name: str, error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"{name[:200]}: {text or error}"
