"""What the administrator sets of SSH, and which algorithms there are to choose from (ACC-06).

Only protocol 2 is spoken. What is too weak today is not among the choices: SHA-1, MD5, DSA, CBC,
RC4, and keys of RSA under 2048 bits.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting

CIPHERS: Final = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
KEY_EXCHANGES: Final = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
)
HOST_KEYS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
# What users may sign with; their keys are chosen in core/access/ssh_key.py.
SIGNATURES: Final = (
    *HOST_KEYS,
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
# Costs a stranger little and us much: to be asked for by name.
_COSTLY: Final = ("diffie-hellman-group18-sha512",)
# admin 5.8. A provider may have the others validated; ours does not say so.
_NOT_FIPS: Final = frozenset(
    {
        "chacha20-poly1305@openssh.com",
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ssh-ed25519",
        "sk-ssh-ed25519@openssh.com",
    }
)


def fips_subset(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Return those that FIPS mode allows."""
    return tuple(each for each in algorithms if each not in _NOT_FIPS)


def _one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise ValueError(f"is not taken; there are {', '.join(known)}")
        return text

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """The way in by SSH."""

    ciphers: tuple[str, ...] = setting(
        CIPHERS, "Ciphers, the preferred one first.", parse=_one_of(CIPHERS), entries_max=32
    )
    macs: tuple[str, ...] = setting(
        MACS, "Message authentication codes.", parse=_one_of(MACS), entries_max=32
    )
    key_exchanges: tuple[str, ...] = setting(
        tuple(each for each in KEY_EXCHANGES if each not in _COSTLY),
        "Ways to agree on keys.",
        parse=_one_of(KEY_EXCHANGES),
        entries_max=32,
    )
    host_keys: tuple[str, ...] = setting(
        HOST_KEYS,
        "With which keys the gateway proves who it is.",
        parse=_one_of(HOST_KEYS),
        entries_max=32,
    )
    login_seconds: float = setting(
        60.0,
        "Time to log in, from the connection on.",
        minimum=5,
        maximum=600,
        unit=Unit.SECONDS,
    )
    login_attempts: int = setting(
        6, "Wrong passwords or keys in one connection.", minimum=1, maximum=100
    )
    keepalive_seconds: float = setting(
        30.0,
        "A client that is silent for so long is asked whether it is there; at the third time "
        "without an answer it is gone.",
        minimum=5,
        maximum=3600,
        unit=Unit.SECONDS,
    )
    connections_max: int = setting(
        100, "Connections of those who are logged in.", minimum=1, maximum=10_000
    )
    unauthenticated_max: int = setting(
        30,
        "Connections of those who are not logged in yet. Beyond it, the oldest one of the address "
        "that has most of them is cut.",
        minimum=2,
        maximum=1000,
    )
    unauthenticated_per_address: int = setting(
        5, "How many of these one address may have.", minimum=1, maximum=1000
    )
    sessions_per_connection: int = setting(
        10, "Sessions that share one connection.", minimum=1, maximum=100
    )

    def problems(self) -> Iterator[Problem]:
        """Yield lists in which nothing is left to agree on."""
        for name in ("ciphers", "macs", "key_exchanges", "host_keys"):
            if not getattr(self, name):
                yield Problem(name, "is empty: nobody could connect")

    def for_fips(self) -> "SshSettings":
        """Return the same with the algorithms of FIPS mode only; all of them if none is left."""
        return dataclasses.replace(
            self,
            ciphers=fips_subset(self.ciphers) or fips_subset(CIPHERS),
            macs=fips_subset(self.macs) or fips_subset(MACS),
            key_exchanges=fips_subset(self.key_exchanges) or fips_subset(KEY_EXCHANGES),
            host_keys=fips_subset(self.host_keys) or fips_subset(HOST_KEYS),
        )
