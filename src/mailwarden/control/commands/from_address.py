"""The question for the From of mail that the gateway writes itself."""

from typing import Any, Final

from mailwarden.control.dialogue.questions import Text
from mailwarden.control.dialogue.setting_questions import Present
from mailwarden.core.mail.from_field import parse_from

DEFAULT_WORD: Final = "DEFAULT"  # how it is called when none is set


def ask_from(name: str, *, prompt: str, present: Present) -> Text[str]:
    """Return the question for the setting `name`, of the section that `present` has."""

    def default(scope: Any) -> str:  # noqa: ANN401  the scope of any command
        held = (present(scope) or {}).get(name)
        return held if isinstance(held, str) else ""

    return Text[str](
        key=name,
        prompt=f"{prompt}\n{DEFAULT_WORD} is the one that the gateway makes of its own name.",
        of=_parse,
        as_text=lambda value: value or DEFAULT_WORD,
        default_from=default,
        form=f"an address, Name <user@dom.example>, or {DEFAULT_WORD}",
    )


def _parse(text: str) -> str:
    """Return a From; "" is none; raises ValueError."""
    return "" if text.strip().upper() == DEFAULT_WORD else parse_from(text)
