"""The example configurations are right: for the reader, and for the schema."""

import getpass
from pathlib import Path

import jsonschema
import pytest
import yaml

from mailwarden.control.config.reader import load_config
from mailwarden.control.config.schema import build_schema
from mailwarden.control.operations.credentials import add_user
from tests.unit.control.pem import CERTIFICATE, KEY

EXAMPLES = sorted((Path(__file__).parents[4] / "docs" / "examples").glob("*.yaml"))


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """What stands for /etc/mailwarden."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "mx1.pem").write_text(CERTIFICATE, encoding="ascii")
    (tmp_path / "tls" / "mx1.key").write_text(KEY, encoding="ascii")
    add_user(tmp_path / "users", "ann", "secret", iterations=1000)
    return tmp_path


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["internet-edge.yaml", "small-office.yaml"]


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_examples_pass_the_check(path: Path, etc: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("/etc/mailwarden", str(etc))
    text = text.replace("user: mailwarden", f"user: {getpass.getuser()}")
    copy = etc / path.name
    copy.write_text(text, encoding="utf-8")
    assert load_config(copy).listeners


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_examples_agree_with_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), build_schema())
