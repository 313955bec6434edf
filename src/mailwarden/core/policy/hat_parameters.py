"""The parameters of a mail flow policy: their keys, bounds and spellings (mailflow 3.5)."""

import re
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, parse_hostname

COUNT_MAX: Final = 2**31 - 1
MESSAGE_SIZE_MIN: Final = 1024
MESSAGE_SIZE_MAX: Final = 2**40
RECIPIENTS_MAX: Final = 1_000_000  # of one message
TEXT_LENGTH_MAX: Final = 2048  # of a reply's text, its line ends included
TEXT_LINES_MAX: Final = 20
SIGNIFICANT_BITS_GROUPED: Final = 24  # what is offered when grouping is turned on

_NUMBER: Final = re.compile(r"(-?[0-9]{1,15})([kKmMgG]?)\Z")
_SIZES: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SWITCH: Final = {"on": True, "off": False, "yes": True, "no": False, "1": True, "0": False}


class Demand(Enum):
    """Whether TLS or AUTH is offered, and whether a session must use it."""

    OFF = "off"
    PREFERRED = "preferred"
    REQUIRED = "required"


class SpfConformance(Enum):
    """By which rules a sender's network is checked (mailflow 6.7)."""

    SPF_ONLY = "spf_only"
    SIDF_COMPATIBLE = "sidf_compatible"
    SIDF_STRICT = "sidf_strict"


class SpfResult(Enum):
    """What such a check can come to (mailflow 6.7)."""

    NONE = "None"
    NEUTRAL = "Neutral"
    PASS = "Pass"  # noqa: S105  no password
    FAIL = "Fail"
    SOFT_FAIL = "SoftFail"
    TEMP_ERROR = "TempError"
    PERM_ERROR = "PermError"


ParameterValue = int | str | Demand | SpfConformance | tuple[SpfResult, ...]  # int has bool in it


class Kind(Enum):
    """How a parameter is written."""

    NUMBER = "a number"
    SIZE = "a number of bytes"  # 512, 10k, 20M
    SWITCH = "on or off"
    TLS = "off, on or required"
    AUTH = "off, preferred or required"
    CONFORMANCE = "spf_only, sidf_compatible or sidf_strict"
    RESULTS = "results of SPF with commas between"
    HOSTNAME = "a host name"
    TEXT = "text in double quotes"


class Parameter(NamedTuple):
    """A parameter that a policy can set; its key is also the name in `EffectivePolicy`."""

    key: str
    kind: Kind
    minimum: int = 0
    maximum: int = COUNT_MAX


# Greetings take 2yz; refusing banners and all other replies 4yz or 5yz (RFC 5321, 4.2.1).
_CODE_MIN: Final = 400
_CODE_MAX: Final = 599


def _refusal(name: str) -> tuple[Parameter, Parameter]:
    return (
        Parameter(f"{name}_code", Kind.NUMBER, _CODE_MIN, _CODE_MAX),
        Parameter(f"{name}_text", Kind.TEXT),
    )


PARAMETERS: Final = (
    Parameter("max_message_size", Kind.SIZE, MESSAGE_SIZE_MIN, MESSAGE_SIZE_MAX),
    Parameter("max_concurrency", Kind.NUMBER, 1),
    Parameter("max_msgs_per_session", Kind.NUMBER, 1),
    Parameter("max_rcpts_per_msg", Kind.NUMBER, 1, RECIPIENTS_MAX),
    Parameter("smtp_banner_code", Kind.NUMBER, 200, _CODE_MAX),
    Parameter("smtp_banner_text", Kind.TEXT),
    Parameter("use_override_hostname", Kind.SWITCH),
    Parameter("override_hostname", Kind.HOSTNAME),
    Parameter("max_rcpts_per_hour", Kind.NUMBER, -1),
    *_refusal("max_rcpts_per_hour"),
    Parameter("dhap_limit", Kind.NUMBER),
    Parameter("significant_bits", Kind.NUMBER, 0, 32),
    Parameter("use_sb", Kind.SWITCH),
    Parameter("tls", Kind.TLS),
    Parameter("spam_check", Kind.SWITCH),
    Parameter("virus_check", Kind.SWITCH),
    # The keys from here on are (unconfirmed): our choice.
    *_refusal("dhap"),
    Parameter("max_rcpts_per_hour_sender", Kind.NUMBER, -1),
    *_refusal("max_rcpts_per_hour_sender"),
    Parameter("verify_client_cert", Kind.SWITCH),
    Parameter("smtp_auth", Kind.AUTH),
    Parameter("require_tls_for_auth", Kind.SWITCH),
    Parameter("dk_signing", Kind.SWITCH),
    Parameter("dkim_verification", Kind.SWITCH),
    Parameter("spf_sidf", Kind.SWITCH),
    Parameter("spf_conformance", Kind.CONFORMANCE),
    Parameter("spf_helo_test", Kind.SWITCH),
    Parameter("spf_downgrade_pra", Kind.SWITCH),
    Parameter("spf_helo_reject", Kind.RESULTS),
    Parameter("spf_mailfrom_reject", Kind.RESULTS),
    Parameter("spf_pra_reject", Kind.RESULTS),
    *_refusal("spf_reject"),
    Parameter("spf_publisher_text", Kind.SWITCH),
    *_refusal("spf_defer"),
    Parameter("spf_timeout", Kind.NUMBER, 1, 3600),
    Parameter("untagged_bounces", Kind.SWITCH),
    Parameter("envelope_sender_verification", Kind.SWITCH),
    *_refusal("sender_malformed"),
    *_refusal("sender_not_exist"),
    *_refusal("sender_not_resolve"),
    Parameter("use_exception_table", Kind.SWITCH),
)
MISSPELT: Final = {"signficant_bits": "significant_bits"}  # as printed in a guide, and so in files
_BY_KEY: Final = {parameter.key: parameter for parameter in PARAMETERS}
_DEMANDS: Final = {
    "off": Demand.OFF,
    "on": Demand.PREFERRED,
    "preferred": Demand.PREFERRED,
    "required": Demand.REQUIRED,
}
_CONFORMANCES: Final = {each.value: each for each in SpfConformance}
_RESULTS: Final = {each.value.lower(): each for each in SpfResult}


def find_parameter(key: str) -> Parameter | None:
    """Return the parameter that `key` names, which may be misspelt in a known way."""
    return _BY_KEY.get(MISSPELT.get(key, key))


def parse_parameter(parameter: Parameter, text: str) -> ParameterValue | None:
    """Return the value in `text`, which is without quotes; None is `default`: as if not given.

    Raises:
        ValueError: it does not fit; the message says what would.
    """
    if parameter.kind not in (Kind.TEXT, Kind.HOSTNAME) and text.strip().lower() == "default":
        return None
    value = _parse(parameter, text.strip())
    check_parameter(parameter, value)
    return value


def _parse(parameter: Parameter, text: str) -> ParameterValue:
    word = text.lower()
    found: ParameterValue | None = None
    match parameter.kind:
        case Kind.TEXT | Kind.HOSTNAME:
            return parse_hostname(text) if parameter.kind is Kind.HOSTNAME and text else text
        case Kind.NUMBER | Kind.SIZE:
            found = _parse_number(text, parameter.kind is Kind.SIZE)
        case Kind.SWITCH:
            found = _SWITCH.get(word)
        case Kind.TLS | Kind.AUTH:
            found = _DEMANDS.get(word)
        case Kind.CONFORMANCE:
            found = _CONFORMANCES.get(word)
        case Kind.RESULTS:
            return _parse_results(word)
    if found is None:
        raise ValueError(f"{text[:SHOWN_LENGTH_MAX]!r} is not {parameter.kind.value}")
    return found


def _parse_number(text: str, is_size: bool) -> int | None:
    match = _NUMBER.match(text)
    if match is None or (match[2] and not is_size):
        return None
    return int(match[1]) * _SIZES[match[2].lower()]


def _parse_results(text: str) -> tuple[SpfResult, ...]:
    words = {word.strip() for word in text.split(",")} - {""}
    unknown = words - set(_RESULTS)
    if unknown:
        raise ValueError(
            f"{min(unknown)[:SHOWN_LENGTH_MAX]!r} is no result of SPF; there are "
            f"{', '.join(each.value for each in SpfResult)}"
        )
    return tuple(each for word, each in _RESULTS.items() if word in words)


def check_parameter(parameter: Parameter, value: ParameterValue) -> None:
    """Look whether `value` may be that of `parameter`.

    Raises:
        ValueError: it may not; the message says what may.
    """
    match parameter.kind:
        case Kind.NUMBER | Kind.SIZE:
            is_right = isinstance(value, int) and not isinstance(value, bool)
            if isinstance(value, int) and is_right:
                _check_bounds(parameter, value)
        case Kind.SWITCH:
            is_right = isinstance(value, bool)
        case Kind.TLS | Kind.AUTH:
            is_right = isinstance(value, Demand)
        case Kind.CONFORMANCE:
            is_right = isinstance(value, SpfConformance)
        case Kind.RESULTS:
            is_right = isinstance(value, tuple) and value == _in_order(value)
        case Kind.TEXT | Kind.HOSTNAME:
            is_right = isinstance(value, str)
            if isinstance(value, str):
                _check_text(parameter, value)
    if not is_right:
        raise ValueError(f"needs {parameter.kind.value}")


def _in_order(results: tuple[SpfResult, ...]) -> tuple[SpfResult, ...]:
    return tuple(each for each in SpfResult if each in results)


def _check_bounds(parameter: Parameter, value: int) -> None:
    if not parameter.minimum <= value <= parameter.maximum:
        raise ValueError(f"{value} is not within {parameter.minimum} and {parameter.maximum}")
    # 0 is "off" for some products and "none at all" for others: too much hangs on it to guess.
    if parameter.minimum < 0 and value == 0:
        raise ValueError("0 would refuse every recipient; write -1 for no limit")


def _check_text(parameter: Parameter, text: str) -> None:
    if parameter.kind is Kind.HOSTNAME:
        if text and parse_hostname(text) != text:
            raise ValueError(f"{text[:SHOWN_LENGTH_MAX]!r} is not a host name in lower case")
        return
    lines = text.split("\n")
    if text != text.strip() or not text.isascii() or not all(map(str.isprintable, lines)):
        raise ValueError("has to be plain ASCII text, without blanks around it")
    if len(text) > TEXT_LENGTH_MAX or len(lines) > TEXT_LINES_MAX:
        raise ValueError(
            f"has more than {TEXT_LINES_MAX} lines or {TEXT_LENGTH_MAX} letters in all"
        )


def build_parameter(parameter: Parameter, value: ParameterValue) -> str:
    """Return `value` as it stands behind the `=`: strings in double quotes, numbers bare."""
    if isinstance(value, bool):
        return '"on"' if value else '"off"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f'"{", ".join(each.value for each in value)}"'
    if isinstance(value, Demand):
        is_on = parameter.kind is Kind.TLS and value is Demand.PREFERRED
        return '"on"' if is_on else f'"{value.value}"'
    return quote(value.value if isinstance(value, SpfConformance) else value)


def quote(text: str) -> str:
    r"""Return `text` in double quotes, with `\n`, `\"` and `\\` for what cannot stand in them."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
