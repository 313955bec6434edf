"""Where a configuration file is from: the comment and the attributes at its head (admin XML-03)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mailwarden.control.xml.document import COMMENT_LENGTH_MAX

PRODUCT: Final = "Mailwarden"
SCHEMA: Final = "7.3"
ATTRIBUTES: Final = ("schema", "model", "version", "serial", "fips", "secrets", "key")

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_FIELD: Final = re.compile(r"[ \t]*([A-Za-z][A-Za-z /]{0,30}?)[ \t]*:[ \t]*(.*?)[ \t]*\Z")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_VERSION: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What a node says of itself. `model` is its platform profile, such as `GW-VM`."""

    model: str
    version: str
    serial: str
    fips: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a file says of the node that wrote it; "" is nothing."""

    product: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    time: str = ""
    schema: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether another product wrote it. A file that says nothing counts as ours."""
        return bool(self.product) and not self.schema and not self.product.startswith(PRODUCT)

    @property
    def release(self) -> tuple[int, int] | None:
        """Major and minor number of the schema, or else of the version; None is unknown."""
        return release_of(self.schema or self.version)


def release_of(text: str) -> tuple[int, int] | None:
    """Return the first two numbers of a version such as `7.3.0-051`, or None."""
    match = _VERSION.match(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def write_comment(node: NodeFacts, time: datetime) -> str:
    """Return the comment block that follows the DOCTYPE. `time` knows its zone."""
    fields = {
        "Product": PRODUCT,
        "Model Number": node.model,
        "Version": node.version,
        "Serial Number": node.serial,
        "Current Time": write_time(time),
    }
    lines = [f"  {name}: {_for_comment(value)}\n" for name, value in fields.items()]
    return f"<!--\n{''.join(lines)}-->\n"


def write_time(time: datetime) -> str:
    """Return a time as in `Fri Sep 17 11:42:12 2010 GMT`, whatever the locale."""
    at = time.astimezone(UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day} {month} {at.day:2} {at:%H:%M:%S} {at.year} GMT"


def read_origin(comment: str, attributes: Mapping[str, str]) -> Origin:
    """Return what the head of a file says; the attributes count more than the comment."""
    fields: dict[str, str] = {}
    for line in comment[:COMMENT_LENGTH_MAX].splitlines():
        if match := _FIELD.match(line):
            fields.setdefault(match[1].lower(), match[2])
    return Origin(
        product=fields.get("product", ""),
        model=attributes.get("model") or fields.get("model number", ""),
        version=attributes.get("version") or fields.get("version", ""),
        serial=attributes.get("serial") or fields.get("serial number", ""),
        time=fields.get("current time", ""),
        schema=attributes.get("schema", ""),
    )


def file_name(node: NodeFacts, time: datetime) -> str:
    """Return the name of a saved file: `<Model>-<Serial>-<YYYYMMDDThhmmss>.xml` (XML-22)."""
    model, serial = (_UNSAFE.sub("_", text) for text in (node.model, node.serial))
    return f"{model}-{serial}-{time:%Y%m%dT%H%M%S}.xml"


def _for_comment(text: str) -> str:
    """Return text that can stand in a comment, which knows no references and no `--`."""
    line = " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")
    printable = "".join(c if c.isprintable() else "?" for c in line)
    return re.sub(r"-(?=-)", "- ", f"{printable} ").rstrip()
