"""What tests of limits by the hour need: hosts at any address, and an hour that does not end."""

import time
from pathlib import Path
from typing import Any

from tests.end_to_end.gateway import Client, Gateway, base_config

HOST, NEIGHBOUR, STRANGER = "192.0.2.25", "192.0.2.26", "198.51.100.7"
_HOURS = (86_400, 80_000, 70_000)  # seconds, for `reset_seconds`
_MARGIN = 900


def long_hour() -> int:
    """Return the length of an hour that began long before now, and ends long after."""
    now = time.time()
    return next(hour for hour in _HOURS if _MARGIN < now % hour < hour - _MARGIN)


def limits_config(directory: Path, policy: str, **changes: Any) -> dict[str, Any]:
    """Return a gateway whose hosts all have the parameters of `policy`, as the HAT writes them."""
    config = base_config(directory, **changes)
    config.setdefault("rates", {"reset_seconds": long_hour()})
    for listener in config["listeners"]:
        listener.pop("relay_hosts", None)
        listener["host_access"] = (
            f"$LIMITED\n    ACCEPT {{\n        {policy}\n    }}\nALL\n    $LIMITED\n"
        )
        listener["proxy_protocol_from"] = ["127.0.0.1"]
        listener["max_connections"] = 100
    return config


def connect(gateway: Gateway, address: str = HOST, listener: str = "In") -> Client:
    """Return a client that connects from `address`, as a trusted proxy says; it has said EHLO."""
    client = Client(gateway.port(listener), greet=False)
    client.send(f"PROXY TCP4 {address} 203.0.113.5 4711 25\r\n")
    client.banner = client.reply()
    client.command("EHLO mail.partner.example")
    return client


def begin(client: Client, sender: str = "ann@partner.example") -> Client:
    """Begin a message."""
    assert client.command(f"MAIL FROM:<{sender}>").startswith("250")
    return client


def rcpt(client: Client, name: str = "bob", domain: str = "corp.example") -> str:
    """Return the reply to a recipient."""
    return client.command(f"RCPT TO:<{name}@{domain}>")


def counted(gateway: Gateway, address: str = HOST, **request: Any) -> dict[str, Any]:
    """Return what the gateway counts for `address`: recipients and invalid ones, by host."""
    answer = gateway.ask("reputation", address=address, **request)["workers"][0]
    return {row["of"]: (row["recipients"], row["invalid"]) for row in answer["counts"]}
