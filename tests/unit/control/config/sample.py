"""A small configuration to change in tests."""

from pathlib import Path

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError, parse_config

BASE = Path("/etc/mailwarden")

SAMPLE = """\
hostname: gw1.corp.example
interfaces:
  Data1: {address: 203.0.113.5}
  Data2: {address: 10.0.0.5}
listeners:
  - name: In
    type: public
    interface: Data1
    accepted_domains: [corp.example]
  - name: Out
    type: private
    interface: Data2
    relay_hosts: [10.0.0.0/8]
"""


def read(text: str, base: Path = BASE, *, look_at_files: bool = False) -> GatewayConfig:
    """Return the configuration in `text`."""
    return parse_config(text, "test.yaml", base, look_at_files=look_at_files)


def wrong(text: str, base: Path = BASE, *, look_at_files: bool = False) -> list[str]:
    """Return all that is wrong with `text`, as the administrator sees it, without the file."""
    try:
        read(text, base, look_at_files=look_at_files)
    except ConfigError as error:
        return [str(problem).removeprefix("test.yaml:") for problem in error.problems]
    return []


def changed(old: str, new: str, more: str = "") -> str:
    """Return the sample with `old` changed to `new`, and `more` behind it."""
    assert SAMPLE.count(old) == 1, old
    return SAMPLE.replace(old, new) + more
