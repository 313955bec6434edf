"""XML configuration files for tests of commands, and what they are put into."""

from collections.abc import Mapping
from typing import Any

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from mailwarden.stores.configuration.record import Author, Source
from tests.unit.control.commands.counter import Counter, Sitting, run_line

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE config SYSTEM "config.dtd">\n'


SECRET = "s3cret of the RADIUS server"


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


PEM_KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


RADIUS = {
    "method": "radius",
    "radius_servers": [{"host": "192.0.2.9", "secret": SECRET}],
    "all_are_administrators": True,
}


def part(inside: str, attributes: str = "") -> str:
    return f"{HEAD}<config{attributes}>{inside}</config>\n"


def put(counter: Counter, name: str, text: str) -> None:
    (counter.administration.files / name).write_text(text, encoding="iso-8859-1")


def got(counter: Counter, name: str) -> str:
    return (counter.administration.files / name).read_text(encoding="iso-8859-1")


def load(counter: Counter, text: str, *words: str, role: Role = Role.ADMINISTRATOR) -> Sitting:
    put(counter, "some.xml", text)
    return run_line(counter.desk("ann", role), " ".join(("loadconfig", *words, "some.xml")))


def commit(counter: Counter, changes: Mapping[tuple[str, ...], Any]) -> None:
    """Put settings in force."""
    versions = counter.administration.versions
    candidate = Candidate.of(versions.last())
    for path, value in changes.items():
        candidate = candidate.put(path, value, MODEL)
    proposal = versions.prepare(candidate, Author("ann", "", Source.CLI), "before")
    versions.store.finish(proposal.prepared)
    counter.administration.take(proposal.tree)


FOREIGN = part(
    "<hostname>c660.example.com</hostname><interfaces>"
    '<interface name="Loopback"><address>192.0.2.1</address></interface></interfaces>',
    ' schema="7.3" model="C660"',
)
