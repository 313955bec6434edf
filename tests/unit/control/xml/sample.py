"""Settings of every kind, a file made of them, and what tests do with files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from mailwarden.control.xml.faults import Fault, XmlError
from mailwarden.control.xml.load import Loaded, LoadOptions, load_configuration
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.control.xml.write import SaveOptions, write_configuration
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.setting import REQUIRED, Unit, setting
from mailwarden.mailflow.listener.tables import RECIPIENT_ACCESS

NODE = NodeFacts(model="GW-VM", version="0.4.0", serial="4711")
TIME = datetime(2010, 9, 17, 11, 42, 12, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE config SYSTEM "config.dtd">\n'
PEM_KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"
PEM_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class Colour(Enum):
    """A choice."""

    RED = "red"
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server with a password."""

    name: str = setting("", "Name.")
    password: str = setting("", "Password.", secret=True)
    ports: tuple[int, ...] = setting((), "Ports.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A block in a block."""

    size: int = setting(1024, "Size.", unit=Unit.BYTES)
    wait: float | None = setting(2.5, "Wait.", unit=Unit.SECONDS)
    rate: float | None = setting(None, "Rate.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A configuration that has settings of every kind, secrets among them."""

    hostname: str = setting(REQUIRED, "Host name.")
    note: str = setting("", "Note.", has_lines=True)
    is_on: bool = setting(False, "Switch.")
    colour: Colour = setting(Colour.RED, "Colour.")
    servers: tuple[Server, ...] = setting((), "Servers.")
    users: Mapping[str, Server] = setting(dict, "Users.")
    keys: Mapping[str, str] = setting(dict, "Keys.", secret=True)
    routes: Mapping[str, str] = setting(dict, "Routes.")
    texts: Mapping[str, Mapping[str, Server]] = setting(dict, "Texts.")
    access: TextTable[Any] = setting(RECIPIENT_ACCESS.empty(), "Access.", table=RECIPIENT_ACCESS)
    limits: Limits = setting(Limits, "Limits.")


TREE: dict[str, Any] = {
    "hostname": "mail3.example.com",
    "note": " one\n\ttwo & <three> é€ \x85\n",
    "is_on": True,
    "colour": "on",
    "servers": [
        {"name": "a", "password": "s3cr<t", "ports": [25, 587]},
        {"name": "b", "password": "", "ports": []},
    ],
    "users": {"Data 1": {"password": "hidden"}, "bücher.example": {}},
    "keys": {"k": "very hidden"},
    "routes": {".dom.example": "mx.example", 'a"<&\n\t>': ""},
    "texts": {"t": {"de": {"name": "x"}}},
    "access": "# a comment\ncorp.example ACCEPT\n",
    "limits": {"size": "20M", "wait": None, "rate": 0.5},
}


def save(
    tree: Mapping[str, Any] = TREE, options: SaveOptions | None = None, section: type = Sample
) -> bytes:
    return write_configuration(tree, NODE, TIME, options or SaveOptions(), section)


def load(
    content: bytes | str,
    base: Mapping[str, Any] = TREE,
    options: LoadOptions | None = None,
    section: type = Sample,
    node: NodeFacts = NODE,
) -> Loaded:
    data = content.encode("latin-1") if isinstance(content, str) else content
    return load_configuration(data, "a.xml", base, node, options or LoadOptions(), section)


def part(inside: str, attributes: str = "") -> str:
    """Return a file that holds only `inside`."""
    return f"{HEAD}<config{attributes}>\n{inside}\n</config>\n"


def refused(
    content: bytes | str,
    *faults: Fault,
    options: LoadOptions | None = None,
    section: type = Sample,
    base: Mapping[str, Any] = TREE,
) -> str:
    """Load a file that must be refused, just for `faults`; return what is said of it."""
    with pytest.raises(XmlError) as caught:
        load(content, base, options, section)
    assert caught.value.faults == set(faults), str(caught.value)
    return str(caught.value)
