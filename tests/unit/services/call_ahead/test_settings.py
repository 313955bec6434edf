"""Actions and servers as an administrator writes them."""

import pytest

from mailwarden.core.smtp.reply import Reply
from mailwarden.services.call_ahead.settings import (
    CallAheadProfile,
    action_reply,
    parse_action,
    parse_server,
)


def test_actions() -> None:
    assert parse_action(" Accept ") == "accept"
    assert action_reply("accept") is None
    assert action_reply(parse_action("550 #5.1.1 No such user")) == Reply(
        550, "#5.1.1 No such user"
    )


@pytest.mark.parametrize("text", ["", "reject", "550", "250 ok", "421 bye", "999 x", "550 \u00fc"])
def test_what_is_no_action_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_action(text)


def test_defaults_are_actions() -> None:
    profile = CallAheadProfile()
    for name in ("failure_action", "temporary_failure_action", "permanent_failure_action"):
        action = getattr(profile, name)
        assert parse_action(action) == action


def test_servers() -> None:
    for text in ("mail.int.example", "mail.int.example:2525", "192.0.2.1", "[2001:db8::1]:26"):
        assert parse_server(f" {text} ") == text
    with pytest.raises(ValueError, match="port"):
        parse_server("mail.int.example:0")
