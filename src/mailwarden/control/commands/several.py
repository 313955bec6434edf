"""The question for some of a numbered list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from mailwarden.control.dialogue.question import AnyScope, Question
from mailwarden.control.dialogue.questions import Choice, Option

ALL: Final = "All"


@dataclass(frozen=True, kw_only=True, eq=False)
class Several(Question[tuple[str, ...]]):
    """Some of a numbered list, with commas: by number or by name; an empty answer is all."""

    names_from: Callable[[Any], Sequence[str]]
    form: str  # what the names are, for the manual
    choice: Choice[str] = Choice(key="one", prompt="", options=(Option(ALL, ""),))

    def at(self, scope: AnyScope, /) -> Self:
        """Return the question with the names that there are."""
        named = (Option(name, name) for name in self.names_from(scope))
        options = (*self.choice.options[:1], *named)
        return replace(self, choice=replace(self.choice, options=options))

    def parse(self, text: str) -> tuple[str, ...]:
        chosen = [self.choice.parse(part) for part in text.split(",")]
        return () if "" in chosen else tuple(dict.fromkeys(chosen))

    def write(self, value: tuple[str, ...]) -> str:
        return ", ".join(map(self.choice.write, value or ("",)))

    def describe(self) -> str:
        return f"{self.form} with commas, or {ALL}"

    def lines(self) -> Sequence[str]:
        return self.choice.lines()

    def candidates(self) -> Sequence[str]:
        return self.choice.candidates()
