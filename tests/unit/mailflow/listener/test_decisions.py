"""Decisions about recipients that a whole session would need long tables for."""

from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.core.policy.aliases import Expansion
from mailwarden.mailflow.listener import decisions


@pytest.mark.interpreted  # the session is a stand-in
@pytest.mark.parametrize(
    "expansion",
    [
        Expansion(("all@corp.example",), False, "all@", is_too_large=True),
        Expansion(("x@corp.example",) * (decisions.EXPANDED_RECIPIENTS_MAX + 1), False, "all@"),
    ],
)
def test_an_alias_that_stands_for_too_many_adds_nobody(expansion: Expansion) -> None:
    warnings: list[str] = []
    session: Any = SimpleNamespace(
        icid=1, parts=SimpleNamespace(log=SimpleNamespace(warning=warnings.append))
    )
    transaction: Any = SimpleNamespace(mid=7, recipients=[])
    aliases: Any = SimpleNamespace(expand=lambda _address: expansion)
    event: Any = SimpleNamespace(address="all@corp.example")
    assert not decisions._add_expanded(session, transaction, event, event.address, aliases)
    assert warnings == ["MID 7 alias all@ stands for too many: all@corp.example refused"]
    assert transaction.recipients == []
