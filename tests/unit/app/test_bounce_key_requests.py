"""Requests about the keys of bounce verification."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.app.bounce_key_requests import handle
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.services.bounce_tags import load_keys

SECRET = "Zk3vTq1X0p9sLw8d"


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    config = parse_config(demo_text(), "demo", tmp_path, look_at_files=False)
    return replace(config, state_directory=str(tmp_path))


def test_keys_come_and_go(config: GatewayConfig, tmp_path: Path) -> None:
    assert handle({"action": "list"}, config).answer == {"keys": [], "done": ""}
    first = handle({"action": "new", "secret": SECRET}, config)
    assert load_keys(tmp_path / "bounce-keys").keys[0].secret == SECRET.encode()
    assert SECRET not in str(first)
    second = handle({"action": "new", "secret": ""}, config)
    assert [key["digit"] for key in second.answer["keys"]] == [1, 0]
    assert second.done.endswith("is the current one")
    assert second.answer["keys"][1]["replaced_at"] is not None
    assert handle({"action": "purge", "unused": "YEAR"}, config).done == ""
    purged = handle({"action": "purge", "unused": "ALL"}, config)
    assert (len(purged.answer["keys"]), purged.done[-7:]) == (1, "removed")
    assert handle({"action": "clear"}, config).done == "all keys removed"
    assert handle({"action": "clear"}, config) == ({"keys": [], "done": ""}, "")
    assert (tmp_path / "bounce-keys").stat().st_mode & 0o777 == 0o600


def test_keys_stay_while_destinations_ask_for_tags(config: GatewayConfig) -> None:
    handle({"action": "new"}, config)
    config = replace(config, destinations={"a.example": DestinationRow(bounce_validation=True)})
    with pytest.raises(ValueError, match=r"need a key: a\.example$"):
        handle({"action": "clear"}, config)
    off = replace(config.bounce_verification, enabled=False)
    assert handle({"action": "clear"}, replace(config, bounce_verification=off)).done


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"action": "burn"},
        {"action": "new", "secret": "short"},
        {"action": "new", "secret": ["x"]},
        {"action": "purge"},
        {"action": "purge", "unused": "CENTURY"},
        {"action": "purge", "unused": ["YEAR"]},
    ],
)
def test_what_cannot_be_done(config: GatewayConfig, request_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is one of|a key"):
        handle(request_, config)
