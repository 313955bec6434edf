"""The list of updates that a server offers: a small XML file, signed as a whole.

<?xml version="1.0" encoding="UTF-8"?>
<updates serial="17" expires="2011-02-09">
  <component name="reputation" version="2010.11.9">
    <file name="scores.txt" path="reputation/2010.11.9/scores.txt" size="31" sha256="9f86..."/>
  </component>
</updates>

`serial` rises with each list; an older one is refused, so that nobody can go back by playing one
again. `expires`, a day in UTC, may be missing; later than that the list counts as withheld.
`path` is relative to the folder of the images. The signature is checked before this is parsed.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

MANIFEST_NAME: Final = "updates.xml"
SIGNATURE_SUFFIX: Final = ".sig"
MANIFEST_BYTES_MAX: Final = 1024 * 1024
COMPONENTS_MAX: Final = 200
FILES_MAX: Final = 32  # of one component
PATH_LENGTH_MAX: Final = 500
SIZE_MAX: Final = 1 << 40

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}\Z")
FILE_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}\Z")
_PATH: Final = re.compile(r"[0-9A-Za-z._+~-]+(?:/[0-9A-Za-z._+~-]+)*\Z")
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,15}\Z")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

_ELEMENTS: Final[Mapping[str, tuple[str, frozenset[str], frozenset[str]]]] = {
    # name: what it stands in, attributes that it has, and may have
    "updates": ("", frozenset({"serial"}), frozenset({"expires"})),
    "component": ("updates", frozenset({"name", "version"}), frozenset()),
    "file": ("component", frozenset({"name", "path", "size", "sha256"}), frozenset()),
}


class ManifestError(ValueError):
    """A list of updates that cannot be used; the message says why."""


class ImageFile(NamedTuple):
    """A file of an update."""

    name: str  # under which it is kept
    path: str  # on the server, relative to its folder
    size: int
    sha256: str  # in lower case


class Offer(NamedTuple):
    """What there is for a component."""

    version: str
    files: tuple[ImageFile, ...]


class Manifest(NamedTuple):
    """A list of updates."""

    serial: int
    offers: Mapping[str, Offer]  # by component
    expires: dt.date | None = None  # the last day on which it is good

    def check_fresh(self, serial_min: int, now: float) -> None:
        """Return if the list may be used at `now`, after one of `serial_min`.

        Raises:
            ManifestError: it is an old one.
        """
        if self.serial < serial_min:
            raise ManifestError(
                f"the list of updates is an old one: serial {self.serial}, {serial_min} was seen"
            )
        today = dt.datetime.fromtimestamp(now, dt.UTC).date()
        if self.expires is not None and today > self.expires:
            raise ManifestError(f"the list of updates is good until {self.expires} only")


def parse_manifest(content: bytes) -> Manifest:
    """Return the list in `content`, whatever bytes these are.

    Raises:
        ManifestError: it is none.
    """
    if len(content) > MANIFEST_BYTES_MAX:
        raise ManifestError(f"the list of updates is larger than {MANIFEST_BYTES_MAX} bytes")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ManifestError(f"the list of updates is not XML: {error}") from None
    except (ValueError, LookupError) as error:  # an encoding that expat asks Python for
        if isinstance(error, ManifestError):
            raise
        raise ManifestError("the list of updates is not in UTF-8") from None
    return reader.manifest()


def build_manifest(manifest: Manifest) -> bytes:
    """Return the file of a list; what `parse_manifest` reads."""
    expires = "" if manifest.expires is None else f' expires="{manifest.expires}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<updates serial="{manifest.serial}"{expires}>')
    for name, offer in manifest.offers.items():
        lines.append(f"  <component name={quoteattr(name)} version={quoteattr(offer.version)}>")
        lines += [
            f"    <file name={quoteattr(file.name)} path={quoteattr(file.path)} "
            f'size="{file.size}" sha256="{file.sha256}"/>'
            for file in offer.files
        ]
        lines.append("  </component>")
    lines.append("</updates>")
    return "\n".join([*lines, ""]).encode("utf-8")


class _Reader:
    """Takes the elements of one list."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("UTF-8", None)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[str] = []
        self._root: Mapping[str, str] = {}
        self._offers: dict[str, Offer] = {}
        self._component: Mapping[str, str] = {}
        self._files: list[ImageFile] = []

    def manifest(self) -> Manifest:
        return Manifest(
            _number(self._root["serial"], "serial"), self._offers, _day(self._root.get("expires"))
        )

    def _doctype(self, *_: Any) -> None:  # noqa: ANN401  what expat calls with
        raise ManifestError("the list of updates has a DOCTYPE, which no list needs")

    def _text(self, data: str) -> None:
        if data.strip():
            raise ManifestError(f"text in the list of updates: {data.strip()[:40]!r}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        known = _ELEMENTS.get(name)
        if known is None or known[0] != (self._open[-1] if self._open else ""):
            raise ManifestError(f"the list of updates has a misplaced <{name[:40]}>")
        _, needed, possible = known
        given = attributes.keys()
        if not needed <= given or not given <= needed | possible:
            wants = ", ".join(sorted(needed))
            raise ManifestError(f"<{name}> has to have {wants} and nothing else")
        self._open.append(name)
        if name == "file":
            self._add_file(attributes)
        elif name == "component":
            self._component, self._files = attributes, []
        else:
            self._root = attributes

    def _end(self, name: str) -> None:
        self._open.pop()
        if name == "component":
            self._add_component(self._component["name"], self._component["version"])

    def _add_component(self, name: str, version: str) -> None:
        _match(NAME, name, "name of a component")
        _match(VERSION, version, "version")
        if name in self._offers:
            raise ManifestError(f"the list of updates has {name} twice")
        if not self._files:
            raise ManifestError(f"the list of updates has no file for {name}")
        if len(self._offers) >= COMPONENTS_MAX:
            raise ManifestError(f"the list of updates has more than {COMPONENTS_MAX} components")
        self._offers[name] = Offer(version, tuple(self._files))

    def _add_file(self, attributes: Mapping[str, str]) -> None:
        name = _match(FILE_NAME, attributes["name"], "name of a file")
        path = attributes["path"]
        if len(path) > PATH_LENGTH_MAX or {".", ".."} & set(path.split("/")):
            raise ManifestError(f"{path[:80]!r} is not a path below the server's folder")
        _match(_PATH, path, "path")
        if len(self._files) >= FILES_MAX:
            raise ManifestError(f"a component has more than {FILES_MAX} files")
        if name in [each.name for each in self._files]:
            raise ManifestError(f"the list of updates has the file {name} twice")
        size = _number(attributes["size"], "size")
        digest = _match(_SHA256, attributes["sha256"], "hash")
        self._files.append(ImageFile(name, path, size, digest))


def _match(form: re.Pattern[str], text: str, what: str) -> str:
    if not form.match(text):
        raise ManifestError(f"{text[:80]!r} is no {what}")
    return text


def _number(text: str, what: str) -> int:
    number = int(_match(_NUMBER, text, what))
    if number > SIZE_MAX:
        raise ManifestError(f"{what} {number} is too large")
    return number


def _day(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(_match(_DAY, text, "day"))
    except ValueError:
        raise ManifestError(f"{text[:80]!r} is no day; write 2011-02-09") from None
