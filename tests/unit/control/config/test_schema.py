"""The JSON Schema agrees with the reader about what a file may hold."""

from typing import Any

import jsonschema
import pytest
import yaml

from mailwarden.control.config.dump import dump_config
from mailwarden.control.config.reader import demo_text
from mailwarden.control.config.schema import build_schema
from tests.unit.control.config.sample import SAMPLE, changed, read, wrong

VALIDATOR = jsonschema.Draft202012Validator(build_schema())


def errors(text: str) -> list[Any]:
    return list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(build_schema())


@pytest.mark.parametrize("text", [SAMPLE, demo_text(), f"{SAMPLE}dns:\nlogs: {{json: yes}}\n"])
def test_right_files_pass(text: str) -> None:
    assert errors(text) == []
    assert errors(dump_config(read(text), with_defaults=True)) == []


WRONG = [
    changed("hostname: gw1.corp.example\n", ""),
    changed("hostname:", "hostnam:"),
    changed("type: public", "type: publik"),
    changed("[corp.example]", "corp.example"),
    changed("name: In\n", "name: In\n    port: 70000\n"),
    changed("name: In\n", "name: In\n    reverse_dns: perhaps\n"),
    changed("name: In\n", "name: In\n    policy: {max_message_size: 20X}\n"),
    f"{SAMPLE}workers: 65\n",
    f"{SAMPLE}dns: {{timeout_seconds: 5M}}\n",
    f"{SAMPLE}destinations: {{a.example: {{tls: maybe}}}}\n",
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_wrong_files_fail_in_both(text: str) -> None:
    assert errors(text)
    assert wrong(text)
