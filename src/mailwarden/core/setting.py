"""How a setting is declared: once, beside the code that it steers.

From these declarations come the reader of the YAML file, its JSON Schema and the reference in
`docs/reference/settings.md`. A settings class is a frozen dataclass whose fields are made with
`setting`; `problems` on the class yields what its fields cannot say one by one.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol, runtime_checkable

from mailwarden.core.policy.text_table import TableForm
from mailwarden.core.problem import Problem

REQUIRED: Any = dataclasses.MISSING
ENTRIES_MAX: Final = 100_000  # of a list or table of settings, unless the setting says less


class Unit(Enum):
    """How a number may be written besides plain digits."""

    NONE = "none"
    BYTES = "bytes"  # 512, 10k, 20M, 1G (powers of 1024)
    SECONDS = "seconds"  # 30, 200ms, 30s, 5m, 4h, 3d


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the documentation and the reader know of a setting besides name, type and default.

    `parse` and `parse_key` turn text into what is kept and raise ValueError saying what is right.
    `parse` is for the text itself, for each item of a list, or for each value of a table;
    `parse_key` for each name in a table. Text that equals the default is kept as it is.
    """

    doc: str
    minimum: float | None = None
    maximum: float | None = None
    unit: Unit = Unit.NONE
    examples: tuple[str, ...] = ()
    secret: bool = False
    parse: Callable[[str], Any] | None = None
    parse_key: Callable[[str], str] | None = None
    is_path: bool = False  # of a file or folder; kept absolute, read relative to the file's folder
    entries_max: int = ENTRIES_MAX
    has_lines: bool = False  # a text that may have several lines
    table: TableForm | None = None  # of a setting that is a TextTable: how its text is read
    refers_to: tuple[str, ...] = ()  # where its names are defined: `interfaces`
    built_in: tuple[str, ...] = ()  # names that a table has also when the file does not name them


@runtime_checkable
class Checked(Protocol):
    """A settings class that knows what is wrong between its fields."""

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        ...


def setting(  # noqa: PLR0913  keywords, one for each thing that can be said of a setting
    default: Any,  # noqa: ANN401  any setting's value
    doc: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: Unit = Unit.NONE,
    examples: tuple[str, ...] = (),
    secret: bool = False,
    parse: Callable[[str], Any] | None = None,
    parse_key: Callable[[str], str] | None = None,
    is_path: bool = False,
    entries_max: int = ENTRIES_MAX,
    has_lines: bool = False,
    table: TableForm | None = None,
    refers_to: tuple[str, ...] = (),
    built_in: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401  dataclasses.field returns Any as well
    """Return a dataclass field that carries its `Setting`.

    `default` is the value when the file does not name the setting, or `REQUIRED`; mutable or
    nested defaults are given as a zero-argument class or function and called.
    """
    about = Setting(
        doc=doc,
        minimum=minimum,
        maximum=maximum,
        unit=unit,
        examples=examples,
        secret=secret,
        parse=parse,
        parse_key=parse_key,
        is_path=is_path,
        entries_max=entries_max,
        has_lines=has_lines,
        table=table,
        refers_to=refers_to,
        built_in=built_in,
    )
    metadata = {"setting": about}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    if callable(default) and not isinstance(default, Enum):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
