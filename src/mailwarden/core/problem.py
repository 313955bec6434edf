"""What can be wrong: with a configuration, with a peer, with outside help."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration, in the administrator's words.

    `path` names the setting in dotted form, relative to the value that was checked
    (`listeners[0].port`); `message` says what is wrong and what would be right. `line` is that of
    the setting's text, where it is a table and one line of it is wrong; 0 is the whole setting.
    """

    path: str
    message: str
    line: int = 0

    def under(self, prefix: str) -> "Problem":
        """Return the same problem as seen from one level further up."""
        if not self.path:
            return Problem(prefix, self.message, self.line)
        joint = "" if self.path.startswith("[") else "."
        return Problem(f"{prefix}{joint}{self.path}", self.message, self.line)


class TemporaryFailureError(Exception):
    """Outside help failed in a way that may pass: answer 4yz, try again."""


class PermanentFailureError(Exception):
    """Outside help failed for good: answer 5yz, do not try again."""
