"""Which certificates a configuration uses, and what for."""

from collections.abc import Iterator

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.model import GatewayConfig
from mailwarden.system.crypto.settings import CertificateFiles


def certificate_users(config: GatewayConfig) -> dict[str, list[str]]:
    """Return who uses each certificate, in words; those that nobody uses are left out."""
    users: dict[str, list[str]] = {}
    for name, user in _uses(config):
        if name:
            users.setdefault(name, []).append(user)
    return users


def kept_in_use(config: GatewayConfig) -> dict[str, CertificateFiles]:
    """Return the certificates that are used and that the gateway keeps itself."""
    known = ((name, config.certificates[name]) for name in certificate_users(config))
    return {name: files for name, files in known if files.is_kept}


def _uses(config: GatewayConfig) -> Iterator[tuple[str, str]]:
    for listener in config.listeners:
        yield listener.certificate, f'Listener "{listener.name}"'
    yield destination_table(config).certificate, "Delivery"
