"""What the commands of a listener have in common: which one it is, and what it holds."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import RefusedError
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option, read_name
from mailwarden.core.patterns import parse_name
from mailwarden.mailflow.listener.settings import Listener, ListenerType

LISTENERS: Final = "listeners"
INTERFACES: Final = "interfaces"


def names(scope: Settings) -> list[str]:
    """Return the names of all listeners."""
    return [str(each.get("name")) for each in scope.draft.members(LISTENERS)]


def has_listeners(scope: Settings) -> bool:
    """Tell whether there is any."""
    return bool(scope.draft.members(LISTENERS))


LISTENER: Final = Choice[str](
    key="listener", prompt="Enter the name or number of the listener.", place=Place.WORD,
    options_from=lambda scope: [Option(name, name) for name in names(scope)], form="a listener",
)  # fmt: skip


def path_of(scope: Settings, *steps: str) -> tuple[str, ...]:
    """Return the path of a setting of the listener that was chosen."""
    return (LISTENERS, scope.draft.name_now(LISTENERS, scope[LISTENER]), *steps)


def section(scope: Settings) -> Mapping[str, Any]:
    """Return the settings of the listener that was chosen, as the draft has them."""
    return scope.draft.section(*path_of(scope)) if scope.has(LISTENER) else {}


def policy_section(scope: Settings) -> Mapping[str, Any]:
    """Return its default policy parameters, as the draft has them."""
    return scope.draft.section(*path_of(scope, "policy"))


def listener_of(scope: Settings) -> Listener:
    """Return the listener that was chosen, with all that it is by default."""
    name = path_of(scope)[-1]
    with refused_as_told():
        config = scope.draft.config()
    for listener in config.listeners:
        if listener.name == name:
            return listener
    raise RefusedError(f"There is no listener {name}.")


def is_public(scope: Settings) -> bool:
    """Tell whether it takes mail from the Internet."""
    return bool(section(scope).get("type") == ListenerType.PUBLIC.value)


def parse_new_name(text: str) -> str:
    """Return the name of a thing, without blanks around it; there may be none within.

    Raises:
        ValueError: it is no name.
    """
    return parse_name(read_name(text))


def check_new_name(scope: Settings, name: str) -> None:
    """Refuse the name of another listener; raises ValueError."""
    if name in names(scope):
        raise ValueError(f"there is a listener {name} already")
