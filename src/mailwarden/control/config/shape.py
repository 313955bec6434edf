"""What a settings class looks like from outside: its fields, their kinds and defaults.

The reader, the writer, the JSON Schema and the reference all follow these.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.setting import Setting


class Form(Enum):
    """What a value is."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    LIST = "list"
    TABLE = "table"
    LINES = "lines"  # a table with a text form, here or in a file of its own
    SECTION = "section"


Value = Any  # whatever a setting may hold
Annotation = Any  # a type, or what stands for one

# What stands without a value where all its lines are comments: it is as if it were not named.
MAY_BE_EMPTY: Final = (Form.LIST, Form.TABLE, Form.SECTION, Form.LINES)
_FORMS: Final = {str: Form.TEXT, bool: Form.SWITCH, int: Form.INTEGER, float: Form.NUMBER}


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting takes."""

    form: Form
    optional: bool = False  # None is a value as well
    choices: tuple[Enum, ...] = ()  # of a CHOICE
    of: "Kind | None" = None  # the items of a LIST, the values of a TABLE
    section: type | None = None  # the class of a SECTION

    @property
    def inner(self) -> "Kind":
        """The kind of the items or values."""
        assert self.of is not None
        return self.of

    @property
    def fields(self) -> "Mapping[str, Field]":
        """The settings of a section."""
        assert self.section is not None
        return fields_of(self.section)


@dataclass(frozen=True, slots=True)
class Field:
    """A setting as its class declares it."""

    name: str
    setting: Setting
    kind: Kind
    required: bool
    _default: Any
    _factory: Any

    @property
    def default_text(self) -> str | None:
        """The default of a text, which is taken as it is."""
        return self._default if isinstance(self._default, str) else None

    def default(self) -> Value:
        """Return the value that holds when the file does not name the setting.

        Tables come as read-only views, also where the class says `dict`.
        """
        if self._factory is None:
            return self._default
        value = self._factory()
        return types.MappingProxyType(value) if isinstance(value, dict) else value


@cache
def fields_of(section: type) -> Mapping[str, Field]:
    """Return the settings of a settings class, in their order.

    Raises:
        TypeError: a field is not declared with `setting`, or has a type that no file can hold.
    """
    hints = typing.get_type_hints(section)
    fields = (_field(section, field, hints[field.name]) for field in dataclasses.fields(section))
    return types.MappingProxyType({field.name: field for field in fields})


def _field(section: type, field: "dataclasses.Field[Any]", hint: Annotation) -> Field:
    setting = field.metadata.get("setting")
    if not isinstance(setting, Setting):
        raise TypeError(f"{section.__name__}.{field.name} is not declared with `setting`")
    has_factory = field.default_factory is not dataclasses.MISSING
    return Field(
        name=field.name,
        setting=setting,
        kind=kind_of(hint),
        required=field.default is dataclasses.MISSING and not has_factory,
        _default=field.default,
        _factory=field.default_factory if has_factory else None,
    )


def kind_of(hint: Annotation) -> Kind:
    """Return the kind of a type annotation.

    Raises:
        TypeError: it is not one that a file can hold.
    """
    origin: Annotation = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (types.UnionType, typing.Union) and types.NoneType in arguments:
        others = [argument for argument in arguments if argument is not types.NoneType]
        if len(others) == 1:
            return dataclasses.replace(kind_of(others[0]), optional=True)
    elif origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Kind(Form.LIST, of=kind_of(arguments[0]))
    elif origin is Mapping and arguments[0] is str:
        return Kind(Form.TABLE, of=kind_of(arguments[1]))
    elif origin is TextTable:
        return Kind(Form.LINES)
    elif isinstance(hint, type):
        if hint in _FORMS:
            return Kind(_FORMS[hint])
        if issubclass(hint, Enum):
            return Kind(Form.CHOICE, choices=tuple(hint))
        if dataclasses.is_dataclass(hint):
            return Kind(Form.SECTION, section=hint)
    raise TypeError(f"a setting cannot be {hint}")
