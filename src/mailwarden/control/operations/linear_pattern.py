"""Regular expressions that take time linear in the text, whoever wrote them: RE2.

Back-references and looking ahead or behind are what RE2 does not have; they are refused.
"""

from collections.abc import Callable
from typing import Final

PATTERN_LENGTH_MAX: Final = 1000  # letters
MEMORY_MAX: Final = 2 * 1024 * 1024  # bytes of a compiled pattern and its automaton

Search = Callable[[bytes], bool]


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Search:
    """Return what tells whether the pattern is found in a line of UTF-8; other bytes may be in it.

    Raises:
        ValueError: it is no pattern; the message says why.
    """
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  a package without types; rarely used

    if len(pattern) > PATTERN_LENGTH_MAX:
        raise ValueError(f"the regular expression is longer than {PATTERN_LENGTH_MAX} letters")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False  # it would write to standard error
    options.max_mem = MEMORY_MAX
    try:
        search = re2.compile(pattern.encode(), options).search
    except (re2.error, UnicodeError) as error:
        raise ValueError(f"{pattern[:40]!r} is not a regular expression: {_why(error)}") from None
    return lambda line: search(line) is not None


def _why(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
