"""The question for one of the entries of a table, which may have very many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from mailwarden.control.dialogue.question import AnyScope, Question
from mailwarden.control.dialogue.questions import CANDIDATES_MAX, SHOWN_LENGTH_MAX
from mailwarden.system.log.escape import escape

LISTED_MAX: Final = 20  # fits a page


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryName(Question[str]):
    """Answered by name, or by number as far as they are listed.

    `of` brings what is typed into the form that the table has; it raises ValueError.
    """

    names_from: Callable[[Any], Sequence[str]]
    of: Callable[[str], str] = str.strip
    form: str = "an entry of the table"
    names: Sequence[str] = ()

    def at(self, scope: AnyScope, /) -> Self:
        """Return the question with the entries that there are."""
        return replace(self, names=self.names_from(scope))

    def parse(self, text: str) -> str:
        word = text.strip()
        if word in self.names:
            return word
        if word.isascii() and word.isdecimal() and len(word) < 10:
            place = int(word)
            if 1 <= place <= min(len(self.names), LISTED_MAX):
                return self.names[place - 1]
        name = self.of(word)
        if name in self.names:
            return name
        folded = [each for each in self.names if each.casefold() == name.casefold()]
        if len(folded) == 1:
            return folded[0]
        raise ValueError(f"{word[:SHOWN_LENGTH_MAX]!r} is not in the table")

    def write(self, value: str) -> str:
        return value

    def lines(self) -> Sequence[str]:
        shown = [
            f"{at}. {escape(name)}" for at, name in enumerate(self.names[:LISTED_MAX], start=1)
        ]
        more = len(self.names) - LISTED_MAX
        return [*shown, f"and {more} more, to be entered by name"] if more > 0 else shown

    def candidates(self) -> Sequence[str]:
        return self.names[:CANDIDATES_MAX]

    def describe(self) -> str:
        return self.form
