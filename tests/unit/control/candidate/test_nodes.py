"""Plain trees, YAML, and what the builder of configurations reads."""

from pathlib import Path
from typing import Any

import pytest

from mailwarden.control.candidate.nodes import node_of, read_yaml, tree_of
from mailwarden.control.config.build import Builder
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import Findings
from mailwarden.control.config.reader import parse_config
from mailwarden.control.config.tables import Tables
from mailwarden.control.config.tree import TreeError, parse_tree
from tests.unit.control.candidate.values import GATEWAY, gateway

EXAMPLES = sorted((Path(__file__).parents[4] / "docs" / "examples").glob("*.yaml"))


def read(text: str) -> Any:
    said: list[str] = []
    tree = read_yaml(text, lambda _, message: said.append(message), GATEWAY)
    assert said == []
    return tree


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_tree_is_built_as_its_file_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    findings = Findings("x.yaml")
    built = Builder(findings, "/x", Tables()).section(GatewayConfig, node_of(read(text)), "")
    assert not findings
    expected = parse_config(text, "x.yaml", Path("/x"), look_at_files=False)
    assert {**vars_of(built), "smtp_routes": None} == {**vars_of(expected), "smtp_routes": None}


def vars_of(config: GatewayConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_values_have_the_types_of_their_settings() -> None:
    tree = read(
        "hostname: '12'\nworkers: 2\nlisteners:\n"
        "- {name: In, implicit_tls: on, port: 25, policy: {tls: off, max_message_size: 20M}}\n"
        "spool:\ndelivery: {idle_timeout_seconds: 1.5}\n"
    )
    assert tree == {
        "hostname": "12",
        "workers": 2,
        "listeners": [
            {
                "name": "In",
                "implicit_tls": True,
                "port": 25,
                "policy": {"tls": "off", "max_message_size": "20M"},
            }
        ],
        "spool": None,
        "delivery": {"idle_timeout_seconds": 1.5},
    }


def test_there_and_back() -> None:
    tree: Any = {**gateway(), "spool": None, "workers": 3, "x": [1.5, True, "null"]}
    texts: Any = tree_of(node_of(tree))
    assert texts["x"] == ["1.5", "on", "null"]
    assert texts["spool"] is None
    assert texts["listeners"] == tree["listeners"]


def test_texts_without_a_tree() -> None:
    assert read("") == {}
    assert read("# nothing\n") == {}
    with pytest.raises(TreeError, match="names with values"):
        read("- a\n")


def test_aliases_cannot_multiply_without_end() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    root = parse_tree("\n".join(lines), lambda *_: None)
    with pytest.raises(TreeError, match="aliases repeat"):
        tree_of(root)
