"""Loads an XML configuration file, whole or in part, over a tree of settings (admin 4.1 to 4.3).

A section is an element directly in `<config>`. One that is there takes the place of the whole
section; an empty one erases it; one that is absent leaves the section as it is. Nothing is put to
use: what comes out is a tree, to be checked as any other and committed or not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Field, Form, Value, fields_of
from mailwarden.control.xml.acceptance import HARDWARE_SECTIONS, check_model, check_release
from mailwarden.control.xml.autosupport import ELEMENT as AUTOSUPPORT
from mailwarden.control.xml.autosupport import SECTION as ALERTS
from mailwarden.control.xml.autosupport import apply_autosupport, read_autosupport
from mailwarden.control.xml.document import Document, Element, parse_document
from mailwarden.control.xml.faults import EnoughError, Fault, Problems, XmlError, XmlProblem, shown
from mailwarden.control.xml.fields import MISSING
from mailwarden.control.xml.key_material import SECTION as KEY_MATERIAL
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.migrate import NotTaken, Taken, take_over
from mailwarden.control.xml.origin import ATTRIBUTES, NodeFacts, Origin, read_origin
from mailwarden.control.xml.pairs import read_pairs
from mailwarden.control.xml.protection import Seal, seal_for
from mailwarden.control.xml.read import SettingsReader
from mailwarden.control.xml.spelling import is_same, kept

CLUSTER: Final = "cluster"


class Effect(Enum):
    """What a file does to a section."""

    REPLACED = "replaced"
    EMPTIED = "emptied"
    UNCHANGED = "unchanged"  # the file says what held already


@dataclass(frozen=True, slots=True)
class LoadedSection:
    """A section that the file has."""

    name: str
    line: int
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a file is read. `node_key` is the node's export key, where there is one."""

    convert: bool = False
    skip_hardware: bool = False
    key_store: KeyStore = KeyStore.FILES
    node_key: bytes | None = None
    passphrase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of a file. `places` are lines of it, by the path of the setting."""

    tree: dict[str, Any]
    origin: Origin
    sections: tuple[LoadedSection, ...]
    warnings: tuple[XmlProblem, ...] = ()
    taken: tuple[Taken, ...] = ()  # from another product
    not_taken: tuple[NotTaken, ...] = ()
    skipped: tuple[str, ...] = ()  # sections of the hardware
    pairs: tuple[KeyPair, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the sections that are no longer as they were."""
        return tuple(s.name for s in self.sections if s.effect is not Effect.UNCHANGED)

    def line_of(self, path: str) -> int:
        """Return the line of a setting, or of what it belongs to; 0 when the file has neither."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, 0) if path else 0


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says at its beginning: what the dialogue has to know before it loads it."""

    origin: Origin
    secrets: str
    key: str  # as `protection.needs_passphrase` takes it


def read_head(content: bytes, name: str) -> Head:
    """Return what the file says of itself; `name` is for messages.

    Raises:
        XmlError: it is no configuration file.
    """
    problems = Problems(name)
    document = parse_document(content, problems)
    problems.raise_if_any()
    assert document is not None
    attributes = document.root.attributes
    origin = read_origin(document.comment, attributes)
    return Head(origin, attributes.get("secrets", ""), attributes.get("key", ""))


def load_configuration(
    content: bytes,
    name: str,
    base: Mapping[str, Any],
    node: NodeFacts,
    options: LoadOptions,
    section: type = GatewayConfig,
) -> Loaded:
    """Return `base` with the sections of a file in the place of its own; `name` is for messages.

    Raises:
        XmlError: all that is wrong with the file; nothing of it counts.
    """
    problems = Problems(name)
    loader = _Loader(problems, node, options, section)
    document = parse_document(content, problems)
    if document is not None:
        try:
            return loader.load(document, base)
        except EnoughError:
            pass  # those found so far are enough to go on with
    problems.raise_if_any()
    raise XmlError([XmlProblem(Fault.SYNTAX, name, 1, "", "holds no configuration")])


class _Loader:
    """Loads one file."""

    def __init__(
        self, problems: Problems, node: NodeFacts, options: LoadOptions, section: type
    ) -> None:
        self._problems = problems
        self._node = node
        self._options = options
        self._section = section
        self._warnings: list[XmlProblem] = []

    def load(self, document: Document, base: Mapping[str, Any]) -> Loaded:
        root, options = document.root, self._options
        origin = read_origin(document.comment, root.attributes)
        is_import = origin.is_foreign or (options.convert and not origin.schema)
        check_release(origin, root.line, self._problems, convert=options.convert)
        present = {child.name for child in root.children}
        if not options.skip_hardware:
            is_whole = all(name in present for name in fields_of(self._section))
            check_model(origin, self._node, present, self._problems, is_whole=is_whole)
        skipped, root = self._without_hardware(root)
        reader = SettingsReader(self._problems, self._seal(root), options.key_store)
        taken: tuple[Taken, ...] = ()
        not_taken: tuple[NotTaken, ...] = ()
        pairs: tuple[KeyPair, ...] = ()
        if is_import:
            settings, taken, not_taken = self._import(root, reader)
        else:
            settings, pairs = self._read(root, reader)
        self._take_autosupport(root, settings, base, reader.places)
        self._problems.raise_if_any()
        if reader.ignored:
            self._warn(0, "", reader.ignored.warning(options.key_store))
        tree, sections = self._merge(base, settings, reader.places)
        return Loaded(
            tree=tree, origin=origin, sections=sections, warnings=tuple(self._warnings),
            taken=taken, not_taken=not_taken, skipped=skipped, pairs=pairs, places=reader.places,
        )  # fmt: skip

    def _seal(self, root: Element) -> Seal | None:
        """Return what opens the file's secrets, None when it names no key or a wrong one."""
        for name in root.attributes:
            if name not in ATTRIBUTES:
                what = f"has the attribute {shown(name)}, which is not known here"
                self._problems.add(Fault.STRUCTURE, root.line, "", what)
        key = root.attributes.get("key", "")
        if not key:
            return None
        options = self._options
        try:
            return seal_for(key, node_key=options.node_key, passphrase=options.passphrase)
        except ValueError as error:
            self._problems.add(Fault.SECRET, root.line, "", str(error))
            self._problems.raise_if_any()  # without the key, each secret would be wrong as well
            return None

    def _without_hardware(self, root: Element) -> tuple[tuple[str, ...], Element]:
        if not self._options.skip_hardware:
            return (), root
        names = (child.name for child in root.children if child.name in HARDWARE_SECTIONS)
        skipped = tuple(dict.fromkeys(names))
        return skipped, _with_children(root, [c for c in root.children if c.name not in skipped])

    def _import(
        self, root: Element, reader: SettingsReader
    ) -> tuple[dict[str, Any], tuple[Taken, ...], tuple[NotTaken, ...]]:
        taken: dict[str, Taken] = {}
        not_taken: list[NotTaken] = []
        for child in root.children:
            if self._is_autosupport(child):
                continue
            outcome = take_over(child)
            if isinstance(outcome, Taken) and outcome.setting in fields_of(self._section):
                reader.places[outcome.setting] = outcome.line
                taken[outcome.setting] = outcome
            elif isinstance(outcome, NotTaken):
                reader.ignored.count(child)
                not_taken.append(outcome)
        settings = {each.setting: each.value for each in taken.values()}
        return settings, tuple(taken.values()), tuple(not_taken)

    def _read(
        self, root: Element, reader: SettingsReader
    ) -> tuple[dict[str, Any], tuple[KeyPair, ...]]:
        for child in root.children:
            if child.name == CLUSTER:
                what = "is of a cluster, and this node is in none; load the file of a machine"
                self._problems.add(Fault.ELEMENT, child.line, CLUSTER, what)
        special = (KEY_MATERIAL, CLUSTER)
        ours = [
            child
            for child in root.children
            if child.name not in special and not self._is_autosupport(child)
        ]
        settings = reader.settings(self._section, _with_children(root, ours), "", "")
        material = [child for child in root.children if child.name == KEY_MATERIAL]
        return settings, read_pairs(material, reader, self._problems, self._options.key_store)

    def _is_autosupport(self, element: Element) -> bool:
        return element.name == AUTOSUPPORT and ALERTS in fields_of(self._section)

    def _take_autosupport(
        self,
        root: Element,
        settings: dict[str, Any],
        base: Mapping[str, Any],
        places: dict[str, int],
    ) -> None:
        """Let the element of the old product say something of `alerts`."""
        elements = [child for child in root.children if self._is_autosupport(child)]
        for again in elements[1:]:
            what = f"stands here again; it is in line {elements[0].line} already"
            self._problems.add(Fault.TWICE, again.line, AUTOSUPPORT, what)
        for element in elements[:1]:
            is_on = read_autosupport(element)
            if is_on is None:
                self._problems.add(Fault.STRUCTURE, element.line, AUTOSUPPORT, "takes 0 or 1")
                continue
            applied = apply_autosupport(settings.get(ALERTS, base.get(ALERTS)), is_on=is_on)
            if applied.alerts is not None:
                settings[ALERTS] = applied.alerts
                places.setdefault(ALERTS, element.line)
            if applied.remark:
                self._warn(element.line, AUTOSUPPORT, applied.remark)

    def _merge(
        self, base: Mapping[str, Any], settings: Mapping[str, Any], places: Mapping[str, int]
    ) -> tuple[dict[str, Any], tuple[LoadedSection, ...]]:
        fields = fields_of(self._section)
        tree = dict(base)
        sections = []
        for name, value in settings.items():
            old = base.get(name, MISSING)
            effect = _effect(old, value, fields[name])
            line = places.get(name, 0)
            sections.append(LoadedSection(name, line, effect))
            self._tell(name, line, effect, list(_set_back(old, value, fields[name], name)))
            new = kept(old, value, fields[name])
            if new is MISSING:
                tree.pop(name, None)
            else:
                tree[name] = new
        return tree, tuple(sections)

    def _tell(self, name: str, line: int, effect: Effect, set_back: list[str]) -> None:
        if effect is Effect.EMPTIED:
            self._warn(line, name, f"removes all {name.replace('_', ' ')}")
        elif set_back:
            what = f"does not name {', '.join(set_back)}, which go back to their defaults"
            self._warn(line, name, what)

    def _warn(self, line: int, path: str, message: str) -> None:
        self._warnings.append(XmlProblem(None, self._problems.file, line, path, message))


def _with_children(root: Element, children: list[Element]) -> Element:
    return Element(root.name, root.line, root.attributes, children, root.text, root.stray_line)


def _effect(old: Value, new: Value, about: Field) -> Effect:
    if is_same(old, new, about):
        return Effect.UNCHANGED
    holds_many = about.kind.form in (Form.LIST, Form.TABLE, Form.LINES)
    return Effect.EMPTIED if holds_many and not new else Effect.REPLACED


def _set_back(old: Value, new: Value, about: Field, path: str) -> Iterator[str]:
    """Yield the settings of a block that the file passes over although they were set."""
    if about.kind.form is not Form.SECTION or not isinstance(old, Mapping) or new is None:
        return
    for name, inner in about.kind.fields.items():
        before = old.get(name, MISSING)
        after = new.get(name, MISSING)
        if after is not MISSING:
            yield from _set_back(before, after, inner, f"{path}.{name}")
        elif not is_same(before, MISSING, inner):
            yield f"{path}.{name}"
