"""Plain trees and the nodes that the builder of configurations reads: there and back."""

from typing import Any, Final

import yaml

from mailwarden.control.candidate.model import Model
from mailwarden.control.candidate.tidy import tidy
from mailwarden.control.config.tree import (
    NODES_MAX,
    Items,
    Node,
    Place,
    Report,
    Scalar,
    Table,
    TreeError,
    parse_tree,
)
from mailwarden.stores.configuration.tree import Tree, Value

NOWHERE: Final = Place(0, 0)
_LINE_WIDTH: Final = 100
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yaml(text: str, report: Report, model: Model) -> Tree:
    """Return the tree of a configuration file, tidied; `report` is told what was passed over.

    Raises:
        TreeError: that of `control.config.tree`: it is not YAML, or beyond the limits.
    """
    root = parse_tree(text, report)
    tree = tidy(tree_of(root), model.root)
    if tree is None:  # nothing but comments
        return {}
    if not isinstance(tree, dict):
        raise TreeError(root.place, "a configuration is names with values, as in `hostname: ...`")
    return tree


def write_yaml(tree: Tree) -> str:
    """Return `tree` as YAML that `read_yaml` reads back; texts of several lines as blocks."""
    return str(
        yaml.dump(tree, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=_LINE_WIDTH)
    )


class _PlainDumper(_Dumper):  # type: ignore[misc]  # either of two classes
    """Writes each value where it stands, be it the same as another."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:  # noqa: ANN401  nodes of the library
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_PlainDumper.add_representer(str, _represent_text)


def tree_of(node: Node) -> Value:
    """Return a plain tree; every value in it is text, or None for nothing.

    Raises:
        TreeError: aliases repeat too many values.
    """
    return _Reader().value(node)


def node_of(value: Value) -> Node:
    """Return what the builder reads; it stands nowhere in a file."""
    if isinstance(value, dict):
        entries: dict[str, tuple[Place, Node]] = {
            name: (NOWHERE, node_of(each)) for name, each in value.items()
        }
        return Table(NOWHERE, entries)
    if isinstance(value, list):
        return Items(NOWHERE, [node_of(each) for each in value])
    if isinstance(value, str):
        return Scalar(NOWHERE, value, plain=False)
    if isinstance(value, bool):
        return Scalar(NOWHERE, "on" if value else "off", plain=True)
    return Scalar(NOWHERE, "" if value is None else str(value), plain=True)


class _Reader:
    """Counts what it reads: behind aliases, a short text can be a large tree."""

    def __init__(self) -> None:
        self._count = 0

    def value(self, node: Node) -> Value:
        self._count += 1
        if self._count > NODES_MAX:
            raise TreeError(node.place, f"aliases repeat more than {NODES_MAX} values")
        if isinstance(node, Scalar):
            return None if node.is_nothing else node.text
        if isinstance(node, Items):
            return [self.value(each) for each in node.items]
        return {name: self.value(each) for name, (_, each) in node.entries.items()}
