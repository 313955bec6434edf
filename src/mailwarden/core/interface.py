"""An IP interface of the gateway; each one is also a virtual gateway (mailflow 7.4)."""

from dataclasses import dataclass

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.patterns import parse_ip_address
from mailwarden.core.setting import REQUIRED, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A named address with the host name that it greets with."""

    address: str = setting(
        REQUIRED,
        "IPv4 or IPv6 address to listen on and to send from.",
        examples=("203.0.113.5",),
        parse=parse_ip_address,
    )
    hostname: str = setting(
        "",
        "Name used in banner, Received and EHLO; empty is the gateway's `hostname`.",
        parse=parse_hostname,
    )
    ssh_port: int | None = setting(
        None,
        "Port of SSH, SFTP and SCP for administrators on this address; 0 is none. Left out, it is "
        "22 on the interface named `Management`, and none on others.",
        minimum=0,
        maximum=65535,
    )
