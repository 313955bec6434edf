"""`<autosupport_enabled>`: an element of the old product that is known for certain (admin XML-06).

Here AutoSupport is on where an address for it is set. Off removes the address; on cannot make one.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailwarden.control.xml.document import Element

ELEMENT: Final = "autosupport_enabled"
SECTION: Final = "alerts"
SETTING: Final = "autosupport_address"
NEEDED: Final = (
    f"is on, and there is no address for it yet: set `{SECTION}.{SETTING}` (alertconfig > SETUP)"
)
_VALUES: Final = {"0": False, "off": False, "no": False, "1": True, "on": True, "yes": True}


class Autosupport(NamedTuple):
    """What becomes of the element: other `alerts`, or None; and what is to be told."""

    alerts: dict[str, Any] | None
    remark: str = ""


def read_autosupport(element: Element) -> bool | None:
    """Return whether it is on; None where it does not say."""
    if element.children or element.attributes:
        return None
    return _VALUES.get(element.text.strip().lower())


def apply_autosupport(alerts: object, *, is_on: bool) -> Autosupport:
    """Return what the element makes of `alerts`, a block of settings or nothing."""
    block = dict(alerts) if isinstance(alerts, Mapping) else {}
    has_address = bool(str(block.get(SETTING) or "").strip())
    if is_on:
        return Autosupport(None, "" if has_address else NEEDED)
    if not has_address:
        return Autosupport(None)
    del block[SETTING]
    return Autosupport(block)
