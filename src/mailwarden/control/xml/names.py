"""How settings are called in XML: lower case with underscores, lists as `<listeners><listener>`."""

import re
from functools import cache
from typing import Final

NAME: Final = "name"  # attribute of a named element: what the administrator calls it
FILE: Final = "file"  # attribute of a table that lies in a file of its own
NONE: Final = "none"  # attribute of a setting that has no value, where that is not its default
ENCRYPTED: Final = "encrypted"  # attribute of a secret
ENTRY: Final = "entry"  # what is in a list or table whose name has no singular

_SINGULARS: Final = (  # an ending of several, that of one
    (re.compile(r"ies\Z"), "y"),
    (re.compile(r"(ss|x|ch|sh)es\Z"), r"\1"),
    (re.compile(r"(?<![su])s\Z"), ""),
)


@cache
def item_name(name: str) -> str:
    """Return how one of what is in the element `name` is called: `listener` in `listeners`."""
    for ending, replacement in _SINGULARS:
        singular, count = ending.subn(replacement, name)
        if count and singular:
            return singular
    return ENTRY
