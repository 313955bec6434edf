"""Accounts beside the users of the configuration, after each commit."""

import asyncio
import socket
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.administration import Administration
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import ADMIN
from mailwarden.services.accounts.external import ExternalAuthentication
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.radius import RadiusAuthentication
from mailwarden.services.accounts.settings import ExternalMethod


class OwnPasswords:
    """Lets users change their own password, by the policy in force."""

    def __init__(self, administration: Administration) -> None:
        self._administration: Final = administration

    async def change_own(self, user: str, old: str, new: str) -> int:
        """Set another password; return the account's generation after that.

        Raises:
            PasswordError: the old one is wrong, or something is against the new one.
        """
        passwords: Passwords = self._administration.passwords
        policy: PasswordPolicy = self._administration.config.administration.passwords
        return (await passwords.change_own(user, old, new, policy)).generation


def follow_users(administration: Administration) -> None:
    """Let accounts and sign-in be as the configuration in force says.

    Whoever is no longer among the users loses the account, with its password. While a version waits
    for its confirmation, nobody does: the one before may come back.

    Raises:
        AccountStoreError: the accounts cannot be written.
    """
    config = administration.config
    wanted = {ADMIN, *(user.name for user in config.administration.users)}
    for name in sorted(wanted):
        administration.accounts.add(name)
    if administration.versions.store.awaiting() is None:
        for account in administration.accounts.load_all():
            if account.name not in wanted:
                administration.accounts.remove(account.name)
    administration.sign_in.use(config.administration.sign_in, external_of(config))


def external_of(
    config: GatewayConfig,
) -> ExternalAuthentication | None:
    """Return who is asked besides the local users."""
    external = config.administration.external
    if external.method is ExternalMethod.OFF:
        return None
    return RadiusAuthentication(external.radius_servers, config.hostname, _addresses_of)


async def _addresses_of(host: str) -> list[str]:
    """Return the addresses of a RADIUS server, as the machine knows it; raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
