"""Pebble, Let's Encrypt's small ACME server for tests, with a DNS server that it asks."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailwarden.app.bench.target import free_port
from mailwarden.system.crypto.settings import AuthoritySettings, parse_authority
from tests.certificates import CertificateAuthority
from tests.end_to_end.gateway import wait_until

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@dataclass(frozen=True)
class Pebble:
    """A running server: all names are at 127.0.0.1, and http-01 is asked for at `http_port`."""

    directory: str
    http_port: int
    dns_management: int  # port to set TXT records at
    authorities: AuthoritySettings


@contextlib.contextmanager
def pebble(folder: Path, *, external: bool = False, refused_nonces: int = 30) -> Iterator[Pebble]:
    """Run one that refuses so many of a hundred good nonces."""
    authority = CertificateAuthority(folder)
    files = authority.issue("localhost", "IP:127.0.0.1")
    port, management, http, dns, dns_management = (free_port() for _ in range(5))
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": files.certificate,
        "privateKey": files.key,
        "httpPort": http,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": external,
        "externalAccountMACKeys": {"kid-1": MAC_KEY},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    names = [
        "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
        "-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{dns_management}",
        "-http01", "", "-https01", "", "-tlsalpn01", "",
    ]  # fmt: skip
    server = [
        "pebble", "-config", str(folder / "pebble.json"), "-strict",
        "-dnsserver", f"127.0.0.1:{dns}",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": str(refused_nonces),
        "PEBBLE_AUTHZREUSE": "0",
    }
    with (folder / "pebble.out").open("wb") as output, contextlib.ExitStack() as started:
        for command in (names, server):
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
            started.callback(process.wait)
            started.callback(process.terminate)
        for each in (port, dns_management):
            wait_until(lambda each=each: _listens(each), f"port {each} of pebble")
        pem = Path(authority.file).read_text(encoding="ascii")
        trusted = AuthoritySettings(system=False, custom=(parse_authority(pem),))
        yield Pebble(f"https://127.0.0.1:{port}/dir", http, dns_management, trusted)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
