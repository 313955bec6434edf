"""The names of the machine's own accounts, which no user of ours may have (ROLE-01)."""

import pwd


def system_accounts() -> frozenset[str]:
    """Return the names of all accounts of the system."""
    return frozenset(entry.pw_name for entry in pwd.getpwall())
