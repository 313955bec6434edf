"""Reads elements as settings by the declarations: our validation against `config.dtd` (XML-02).

What is wrong with the form is found here, all of it, with its lines. Whether a value is right for
its setting is asked of the tree, as always; `places` says where in the file each setting stands.
"""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.config.build import nearest
from mailwarden.control.config.problems import join
from mailwarden.control.config.shape import Field, Form, Kind, Value, fields_of
from mailwarden.control.xml.document import Element, is_blank
from mailwarden.control.xml.faults import Fault, Problems, shown
from mailwarden.control.xml.fields import scalar_of
from mailwarden.control.xml.key_material import Ignored, KeyStore, has_material, holds_material
from mailwarden.control.xml.names import ENCRYPTED, FILE, NAME, NONE, item_name
from mailwarden.control.xml.protection import Seal, is_masked
from mailwarden.core.setting import Setting

MASKED: Final = "Configuration contains masked passwords and cannot be loaded"


class SettingsReader:
    """Reads one file's elements. `seal` opens its secrets; None where none are encrypted."""

    def __init__(self, problems: Problems, seal: Seal | None, key_store: KeyStore) -> None:
        self.places: dict[str, int] = {}  # lines, by the path of the setting
        self.ignored = Ignored()
        self._problems = problems
        self._seal = seal
        self._key_store = key_store

    def settings(self, section: type, element: Element, path: str, place: str) -> dict[str, Any]:
        """Return the settings of a section from the elements in `element`."""
        self._no_text(element, path)
        fields = fields_of(section)
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for child in element.children:
            inside = join(path, child.name)
            field = fields.get(child.name)
            if field is None:
                self._unknown(child, fields, inside)
            elif child.name in lines:
                what = f"stands here again; it is in line {lines[child.name]} already"
                self._problems.add(Fault.TWICE, child.line, inside, what)
            else:
                lines[child.name] = child.line
                inner = f"{place}.{child.name}" if place else child.name
                value = self.setting(field, child, inside, inner)
                if value is not IGNORED:
                    values[child.name] = value
        return values

    def setting(self, field: Field, element: Element, path: str, place: str) -> Value:
        """Return the value of a setting from its element, or IGNORED when it does not count."""
        if field.kind.optional and NONE in element.attributes:
            self._attributes(element, path, NONE)
            self.places[path] = element.line
            if element.children or not is_blank(element.text):
                self._problems.add(Fault.STRUCTURE, element.line, path, "has no value and one")
            return None
        return self._value(field.kind, field.setting, element, path, place)

    def _value(
        self, kind: Kind, about: Setting, element: Element, path: str, place: str, mark: str = ""
    ) -> Value:
        """Return a value of any kind; `mark` is an attribute that has been read already."""
        self.places[path] = element.line
        match kind.form:
            case Form.SECTION:
                assert kind.section is not None
                self._attributes(element, path, mark)
                return self.settings(kind.section, element, path, place)
            case Form.LIST:
                self._attributes(element, path, mark)
                return self._items(kind.inner, about, element, path, place)
            case Form.TABLE:
                self._attributes(element, path, mark)
                return self._entries(kind.inner, about, element, path, place)
            case Form.LINES:
                return self._table(element, path, mark)
        return self._scalar(kind, about, element, path, place, mark)

    def _items(
        self, kind: Kind, about: Setting, element: Element, path: str, place: str
    ) -> list[Value]:
        name = item_name(element.name)
        children = self._children_named(element, name, path)
        values = [
            self._value(kind, about, child, join(path, index), f"{place}.{name}")
            for index, child in enumerate(children)
        ]
        return [value for value in values if value is not IGNORED]

    def _entries(
        self, kind: Kind, about: Setting, element: Element, path: str, place: str
    ) -> dict[str, Value]:
        item = item_name(element.name)
        values: dict[str, Value] = {}
        lines: dict[str, int] = {}
        for child in self._children_named(element, item, path):
            name = child.attributes.get(NAME)
            if name is None:
                what = f'needs a name, as in <{item} {NAME}="...">'
                self._problems.add(Fault.STRUCTURE, child.line, path, what)
                continue
            inside = join(path, name)
            if name in values:
                what = f"stands here again; it is in line {lines[name]} already"
                self._problems.add(Fault.TWICE, child.line, inside, what)
                continue
            lines[name] = child.line
            values[name] = self._value(kind, about, child, inside, f"{place}.{item}", NAME)
        return {name: value for name, value in values.items() if value is not IGNORED}

    def _table(self, element: Element, path: str, mark: str) -> Value:
        self._attributes(element, path, FILE, mark)
        self._no_children(element, path)
        file = element.attributes.get(FILE)
        if file is None:
            return "" if is_blank(element.text) else self._unless_material(element)
        if not is_blank(element.text):
            what = "has both lines and the name of a file; one is enough"
            self._problems.add(Fault.STRUCTURE, element.line, path, what)
        return {FILE: file}

    def _scalar(
        self, kind: Kind, about: Setting, element: Element, path: str, place: str, mark: str
    ) -> Value:
        self._attributes(element, path, mark, ENCRYPTED if about.secret else "")
        self._no_children(element, path)
        if about.secret:
            return self.secret(element, path, place)
        text = self._unless_material(element)
        return text if text is IGNORED else scalar_of(kind, about, text)

    def secret(self, element: Element, path: str, place: str) -> str:
        """Return a secret in plain text, from whatever form it has in the file."""
        if ENCRYPTED in element.attributes:
            return self._decrypted(element, path, place)
        if is_masked(element.text):
            self._problems.add(Fault.MASKED, element.line, path, MASKED)
        return element.text

    def _decrypted(self, element: Element, path: str, place: str) -> str:
        if self._seal is None:
            what = "is encrypted, but <config> does not say with which key"
            self._problems.add(Fault.SECRET, element.line, path, what)
            return ""
        try:
            return self._seal.decrypt(element.text, place)
        except ValueError as error:
            self._problems.add(Fault.SECRET, element.line, path, str(error))
            return ""

    def _unless_material(self, element: Element) -> Any:  # noqa: ANN401  a text, or IGNORED
        if self._key_store is KeyStore.HSM and has_material(element.text):
            self.ignored.count(element)
            return IGNORED
        return element.text

    def _unknown(self, element: Element, known: Mapping[str, Field], path: str) -> None:
        if holds_material(element):
            self.ignored.count(element)
            return
        what = f"is not an element here{nearest(element.name, known)}"
        self._problems.add(Fault.ELEMENT, element.line, path, what)

    def _children_named(self, element: Element, name: str, path: str) -> list[Element]:
        """Return what is in a list or table; report what does not belong there."""
        self._no_text(element, path)
        children = []
        for child in element.children:
            if child.name == name:
                children.append(child)
            elif holds_material(child):
                self.ignored.count(child)
            else:
                what = f"<{shown(child.name)}> is not an element here; <{name}> is"
                self._problems.add(Fault.ELEMENT, child.line, path, what)
        return children

    def _no_text(self, element: Element, path: str) -> None:
        line = element.stray_line
        if not element.children and not is_blank(element.text):
            line = element.line
        if line:
            what = f"takes elements, not the text in <{shown(element.name)}>"
            self._problems.add(Fault.STRUCTURE, line, path, what)

    def _no_children(self, element: Element, path: str) -> None:
        for child in element.children:
            what = f"takes text, not elements such as <{shown(child.name)}>"
            self._problems.add(Fault.STRUCTURE, child.line, path, what)

    def _attributes(self, element: Element, path: str, *known: str) -> None:
        for name in element.attributes:
            if name not in known:
                what = f"has the attribute {shown(name)}, which is not known here"
                self._problems.add(Fault.STRUCTURE, element.line, path, what)


IGNORED: Final = object()  # the value of an element that does not count
