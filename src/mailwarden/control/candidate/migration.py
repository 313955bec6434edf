"""Brings a tree from the form of one version of the gateway to that of another, up or down.

The form has a number. Each step from one number to the next is declared once, both ways, with what
it does in words; going down says what gets lost.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mailwarden.stores.configuration.tree import Tree, TreeError, check_tree

FIRST: Final = 1

Convert = Callable[[Tree], Tree]  # returns another tree, and leaves its own as it is


class Step(NamedTuple):
    """From `number - 1` to `number`, and back."""

    number: int
    up: Convert
    down: Convert
    up_words: str  # `certificates are named`, shown to the administrator
    down_words: str


class Migrated(NamedTuple):
    """A tree in its new form, and what was done to it, step by step."""

    tree: Tree
    notes: tuple[str, ...]


class MigrationError(Exception):
    """The tree cannot be brought to that form; the text says why."""


class Migrations:
    """All steps that this version of the gateway knows."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """Take the steps in their order; the first leads to 2.

        Raises:
            ValueError: one is missing, or stands in the wrong place.
        """
        expected = range(FIRST + 1, FIRST + 1 + len(steps))
        if [step.number for step in steps] != list(expected):
            raise ValueError(f"the steps have to be numbered from {FIRST + 1} on, without gaps")
        self._steps: Final = tuple(steps)

    @property
    def latest(self) -> int:
        """The number of the form that this version of the gateway works by."""
        return FIRST + len(self._steps)

    def migrate(self, tree: Tree, number: int, target: int | None = None) -> Migrated:
        """Return `tree`, which has the form `number`, in the form `target`, or in the latest.

        Raises:
            MigrationError: a form is not known, or a step fails.
        """
        target = self.latest if target is None else target
        for each in (number, target):
            if not FIRST <= each <= self.latest:
                raise MigrationError(
                    f"form {each} of the configuration is not known: this version of the gateway "
                    f"knows {FIRST} to {self.latest}"
                )
        notes = []
        if target > number:
            for step in self._steps[number - FIRST : target - FIRST]:
                tree = _converted(step.up, tree, step.number)
                notes.append(step.up_words)
        else:
            for step in reversed(self._steps[target - FIRST : number - FIRST]):
                tree = _converted(step.down, tree, step.number - 1)
                notes.append(step.down_words)
        return Migrated(tree, tuple(notes))


def _converted(convert: Convert, tree: Tree, number: int) -> Tree:
    try:
        tree = convert(tree)
        check_tree(tree)
    except (KeyError, TypeError, ValueError, AttributeError, TreeError) as error:
        what = f"the configuration cannot be brought to form {number}: {error!r}"
        raise MigrationError(what) from error
    return tree


MIGRATIONS: Final = Migrations(())
