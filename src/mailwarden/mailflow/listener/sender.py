"""Looks up the domain of an envelope sender: MX, then addresses (mailflow 3.8)."""

from mailwarden.core.policy.sender_check import DomainState
from mailwarden.system.dns.resolver import (
    NULL_MX,
    MxHost,
    NameNotFoundError,
    ResolutionError,
    Resolver,
)


def peek_domain(resolver: Resolver, domain: str) -> DomainState | None:
    """Return what is known of `domain` without waiting; None when it has to be asked for."""
    try:
        hosts = resolver.peek_mx(domain)
        if hosts is None:
            return None
        if hosts:
            return _of_hosts(hosts)
        addresses = resolver.peek_addresses(domain)
    except NameNotFoundError:
        return DomainState.MISSING
    except ResolutionError:
        return DomainState.UNKNOWN
    if addresses is None:
        return None
    return DomainState.EXISTS if addresses else DomainState.MISSING


async def look_up_domain(resolver: Resolver, domain: str) -> DomainState:
    """Ask for `domain`; never raises for what DNS says or fails to say."""
    try:
        hosts = await resolver.resolve_mx(domain)
        if hosts:
            return _of_hosts(hosts)
        addresses = await resolver.resolve_addresses(domain)
    except NameNotFoundError:
        return DomainState.MISSING
    except ResolutionError:
        return DomainState.UNKNOWN
    return DomainState.EXISTS if addresses else DomainState.MISSING


def _of_hosts(hosts: tuple[MxHost, ...]) -> DomainState:
    return DomainState.SILENT if hosts == (NULL_MX,) else DomainState.EXISTS
