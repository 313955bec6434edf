"""Numbers, sizes, times and switches as administrators write them."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.setting import Setting, Unit

INTEGER_MAX: Final = 2**63 - 1
SWITCHES: Final[Mapping[str, bool]] = {
    "on": True, "yes": True, "true": True, "off": False, "no": False, "false": False,
}  # fmt: skip
SIZE_PATTERN: Final = r"([0-9][0-9_]*(?:\.[0-9]+)?)\s?([kKmMgGtT]?)(?:i?[bB])?"
TIME_PATTERN: Final = r"([0-9][0-9_]*(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?)\s?(ms|s|m|h|d|w)?"

_NUMBER_LENGTH_MAX: Final = 40
_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9_]*)\Z")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?\Z")
_SIZE: Final = re.compile(rf"{SIZE_PATTERN}\Z")
_TIME: Final = re.compile(rf"{TIME_PATTERN}\Z")
_SIZES: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_TIMES: Final = {
    "ms": Fraction(1, 1000), "": Fraction(1), "s": Fraction(1), "m": Fraction(60),
    "h": Fraction(3600), "d": Fraction(86400), "w": Fraction(604800),
}  # fmt: skip


def read_switch(text: str) -> bool:
    """Return what `on`, `off`, `yes`, `no`, `true` or `false` says.

    Raises:
        ValueError: it is none of them.
    """
    value = SWITCHES.get(text.strip().lower())
    if value is None:
        raise ValueError(f"{_shown(text)} is neither on nor off")
    return value


def read_integer(text: str, about: Setting) -> int:
    """Return a whole number within the bounds of `about`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    number = _with_unit(text.strip(), about.unit)
    if number is None:
        number = _integer(text, about)
    if number.denominator != 1:
        raise ValueError(f"{_shown(text)} is not a whole number{_of(about.unit)}")
    value = int(number)
    _check_bounds(value, about)
    if abs(value) > INTEGER_MAX:
        raise ValueError(f"{_shown(text)} is too large")
    return value


def read_number(text: str, about: Setting) -> float:
    """Return a number within the bounds of `about`.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    number = _with_unit(text.strip(), about.unit)
    try:
        value = float(number) if number is not None else _number(text)
    except OverflowError:
        value = math.inf
    if not abs(value) <= INTEGER_MAX:
        raise ValueError(f"{_shown(text)} is too large")
    _check_bounds(value, about)
    return value


def write_number(value: float, unit: Unit) -> str | int | float:
    """Return `value` as a file shows it best: in the largest unit that it is a multiple of."""
    if value != int(value):
        return value
    whole = int(value)
    if unit is Unit.NONE or whole <= 0:
        return whole
    names = ("t", "g", "m", "k") if unit is Unit.BYTES else ("w", "d", "h", "m")
    for name in names:
        factor = _SIZES[name] if unit is Unit.BYTES else int(_TIMES[name])
        if whole % factor == 0:
            shown = name.upper() if unit is Unit.BYTES and name != "k" else name
            return f"{whole // factor}{shown}"
    return whole


def describe_bounds(about: Setting) -> str:
    """Return `from 1 to 64`, `at least 1`, `at most 64` or nothing."""
    low, high = (_bound(bound, about.unit) for bound in (about.minimum, about.maximum))
    if low and high:
        return f"from {low} to {high}"
    return f"at least {low}" if low else f"at most {high}" if high else ""


def _bound(bound: float | None, unit: Unit) -> str:
    return "" if bound is None else str(write_number(bound, unit))


def _check_bounds(value: float, about: Setting) -> None:
    low = about.minimum is not None and value < about.minimum
    high = about.maximum is not None and value > about.maximum
    if low or high:
        raise ValueError(f"{value} is out of range; it may be {describe_bounds(about)}")


def _with_unit(text: str, unit: Unit) -> Fraction | None:
    """Return the size or time, or None for a setting without a unit.

    Fractions, because 0.1 as a float times 1000 is not the number that was meant.
    """
    if unit is Unit.NONE:
        return None
    pattern, factors, examples = (
        (_SIZE, _SIZES, "a size such as 512, 10k, 20M or 1G")
        if unit is Unit.BYTES
        else (_TIME, _TIMES, "a time such as 30, 200ms, 30s, 5m, 4h or 3d")
    )
    match = pattern.match(text) if len(text) <= _NUMBER_LENGTH_MAX else None
    if match is None:
        raise ValueError(f"{_shown(text)} is not {examples}")
    name = (match[2] or "").lower()
    return Fraction(match[1].replace("_", "")) * factors[name]


def _integer(text: str, about: Setting) -> Fraction:
    digits = text.strip()
    if len(digits) > _NUMBER_LENGTH_MAX or not _INTEGER.match(digits):
        padded = digits.lstrip("+-").startswith("0") and digits.lstrip("+-").isdigit()
        hint = "without zeros in front" if padded else describe_bounds(about)
        raise ValueError(f"{_shown(text)} is not a whole number {hint}".rstrip())
    return Fraction(digits.replace("_", ""))


def _number(text: str) -> float:
    digits = text.strip()
    if len(digits) > _NUMBER_LENGTH_MAX or not _NUMBER.match(digits):
        raise ValueError(f"{_shown(text)} is not a number")
    return float(digits.replace("_", ""))


def _of(unit: Unit) -> str:
    return "" if unit is Unit.NONE else f" of {unit.value}"


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])
