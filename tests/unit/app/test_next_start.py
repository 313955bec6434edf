"""Which settings wait for the next start, and that nobody has to guess them."""

import dataclasses
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.next_start import NEXT_START_SETTINGS, in_words, waiting_for_start
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.stores.spool.settings import SpoolSettings

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "reload.md"
AT_ONCE = {"spool.inline_size_max_bytes", "spool.size_max_bytes"}  # the listeners look at these


def changed(config: Any, path: str) -> Any:
    """Return `config` with another value at `path`."""
    name, _, rest = path.partition(".")
    value = getattr(config, name)
    other = changed(value, rest) if rest else (f"{value}x" if isinstance(value, str) else value + 1)
    return dataclasses.replace(config, **{name: other})


@pytest.fixture
def config() -> GatewayConfig:
    return parse_config(demo_text(), "demo", Path("/tmp"), look_at_files=False)


@pytest.mark.parametrize("name", NEXT_START_SETTINGS)
def test_each_is_noticed_and_documented(config: GatewayConfig, name: str) -> None:
    assert waiting_for_start(config, changed(config, name)) == [name]
    assert f"`{name}`" in GUIDE.read_text()


@pytest.mark.parametrize("name", [*sorted(AT_ONCE), "hostname", "logs.keep_files"])
def test_others_are_not(config: GatewayConfig, name: str) -> None:
    assert attrgetter(name)(config) != attrgetter(name)(changed(config, name))
    assert waiting_for_start(config, changed(config, name)) == []


def test_a_setting_of_the_spool_is_one_or_the_other() -> None:
    names = {f"spool.{field.name}" for field in dataclasses.fields(SpoolSettings)}
    assert names == AT_ONCE | {name for name in NEXT_START_SETTINGS if name.startswith("spool.")}


def test_in_words() -> None:
    assert in_words(["workers"]) == "the change of `workers` takes effect at the next start"
    assert (
        in_words(["user", "workers"])
        == "the changes of `user` and `workers` take effect at the next start"
    )
