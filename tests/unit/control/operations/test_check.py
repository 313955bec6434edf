"""What the gateway would do with a configuration."""

from pathlib import Path

import pytest

from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations.check import check_file, summarise
from tests.unit.control.config.sample import SAMPLE, changed, read

ROUTES = [
    ("mail.int.example", "mail.int.example:25"),
    ("USEDNS", "its MX hosts"),
    ("/dev/null", "nowhere: it is dropped"),
    ("'null:'", "nowhere: it is counted"),
    ("maildir:/var/mail/a", "the Maildir /var/mail/a"),
]


@pytest.mark.parametrize(("value", "where"), ROUTES)
def test_routes_in_words(value: str, where: str) -> None:
    config = read(f"{SAMPLE}smtp_routes:\n  a.example: {value}\n")
    assert summarise(config).routes == (("a.example", where),)


def test_listeners() -> None:
    text = changed("[corp.example]", "[corp.example]\n    implicit_tls: on\n    certificate: main")
    config = read(f"{text}certificates: {{main: {{certificate: c, key: k}}}}\n")
    summary = summarise(config)
    assert summary.listeners[0].tls == "implicit"
    assert summary.listeners[1].takes == ("10.0.0.0/8",)
    assert summary.certificates == ("main",)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        check_file(tmp_path / "none.yaml")
