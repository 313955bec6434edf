"""Certificates with their private keys, read from a file of a node that keeps them in files."""

from collections.abc import Iterable

from mailwarden.control.config.problems import join
from mailwarden.control.xml.document import Element
from mailwarden.control.xml.faults import Fault, Problems, shown
from mailwarden.control.xml.key_material import (
    CERTIFICATE,
    PAIR,
    PRIVATE_KEY,
    SECRET_PATH,
    SECTION,
    KeyPair,
    KeyStore,
)
from mailwarden.control.xml.names import NAME
from mailwarden.control.xml.read import SettingsReader


def read_pairs(
    sections: Iterable[Element], reader: SettingsReader, problems: Problems, store: KeyStore
) -> tuple[KeyPair, ...]:
    """Return the pairs in a file. Where keys are kept in an HSM, all are counted and ignored."""
    elements = [element for section in sections for element in section.children]
    if store is KeyStore.HSM:
        for element in elements:
            reader.ignored.count(element)
        return ()
    pairs: dict[str, KeyPair] = {}
    for element in elements:
        pair = _read_pair(element, reader, problems)
        if pair is None:
            continue
        if pair.name in pairs:
            path = join(SECTION, pair.name)
            problems.add(Fault.TWICE, element.line, path, "stands here again")
        pairs[pair.name] = pair
    return tuple(pairs.values())


def _read_pair(element: Element, reader: SettingsReader, problems: Problems) -> KeyPair | None:
    name = element.attributes.get(NAME, "")
    path = join(SECTION, name)
    inside = {child.name: child for child in element.children}
    is_right = (
        element.name == PAIR
        and name
        and len(element.children) == len(inside)
        and inside.keys() == {CERTIFICATE, PRIVATE_KEY}
    )
    if not is_right:
        what = (
            f"<{shown(element.name)}> is no certificate with its key: "
            f'<{PAIR} {NAME}="..."><{CERTIFICATE}>...<{PRIVATE_KEY}>...'
        )
        problems.add(Fault.STRUCTURE, element.line, SECTION, what)
        return None
    key = reader.secret(inside[PRIVATE_KEY], path, SECRET_PATH)
    return KeyPair(name, inside[CERTIFICATE].text, key)
