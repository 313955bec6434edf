"""What authorities send: JSON, taken apart with a look at each part (RFC 8555, 7.1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from mailwarden.services.certificates.acme.errors import PREFIX, AcmeError
from mailwarden.services.certificates.acme.settings import parse_url
from mailwarden.services.certificates.names import shown

AUTHORIZATIONS_MAX: Final = 200
CHALLENGES_MAX: Final = 50
RETRY_AFTER_SECONDS_MAX: Final = 7 * 86_400.0
TOKEN_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Directory:
    """Where things are (7.1.1)."""

    new_nonce: str
    new_account: str
    new_order: str
    needs_external_account: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order (7.1.3)."""

    status: str
    authorizations: tuple[str, ...]
    finalize: str
    certificate: str  # "" until there is one
    error: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge (7.1.5, 8)."""

    kind: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """Whether a name is ours (7.1.4)."""

    status: str
    domain: str  # without `*.`
    challenges: tuple[Challenge, ...]
    error: str  # of a challenge that failed


def parse_directory(body: bytes) -> Directory:
    """Return a directory; raises AcmeError when it is none, as all of these do."""
    found = _object(body)
    meta = found.get("meta")
    needs = isinstance(meta, dict) and meta.get("externalAccountRequired") is True
    return Directory(
        _url(found, "newNonce"), _url(found, "newAccount"), _url(found, "newOrder"), needs
    )


def parse_order(body: bytes) -> Order:
    """Return an order."""
    found = _object(body)
    listed = found.get("authorizations")
    if not isinstance(listed, list) or len(listed) > AUTHORIZATIONS_MAX:
        raise AcmeError("the authority sent an order without its authorizations")
    return Order(
        status=_text(found, "status"),
        authorizations=tuple(_checked_url(each) for each in listed),
        finalize=_url(found, "finalize"),
        certificate=_url(found, "certificate") if "certificate" in found else "",
        error=describe_problem(found.get("error")),
    )


def parse_authorization(body: bytes) -> Authorization:
    """Return an authorization. Challenges of unknown form are left out."""
    found = _object(body)
    identifier, listed = found.get("identifier"), found.get("challenges")
    if not isinstance(identifier, dict) or not isinstance(listed, list):
        raise AcmeError("the authority sent an authorization without name or challenges")
    known = [each for each in listed[:CHALLENGES_MAX] if isinstance(each, dict)]
    errors = [describe_problem(each["error"]) for each in known if "error" in each]
    return Authorization(
        status=_text(found, "status"),
        domain=_text(identifier, "value"),
        challenges=tuple(_challenge(each) for each in known if "token" in each),
        error=errors[0] if errors else "",
    )


def parse_problem(status: int, headers: Mapping[str, str], body: bytes, now: float) -> AcmeError:
    """Return what an answer says that is no success (RFC 7807)."""
    wait = retry_after(headers, now)
    try:
        found = _object(body)
    except AcmeError:
        return AcmeError(f"the authority answers {status}", "", wait)
    kind = found.get("type")
    name = kind.removeprefix(PREFIX) if isinstance(kind, str) and kind.startswith(PREFIX) else ""
    return AcmeError(describe_problem(found) or f"the authority answers {status}", name, wait)


def describe_problem(problem: object) -> str:
    """Return a problem document in one line, "" when there is none."""
    if not isinstance(problem, dict):
        return ""
    kind, detail = problem.get("type"), problem.get("detail")
    parts = [each.removeprefix(PREFIX) for each in (kind, detail) if isinstance(each, str)]
    return shown(": ".join(parts)) or "an error without a name"


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Return in how many seconds to ask again (RFC 9110, 10.2.3), at most a week; 0 is not said."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.isascii() and text.isdigit():
            seconds = float(text[:12])
        else:
            seconds = parsedate_to_datetime(text[:40]).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), RETRY_AFTER_SECONDS_MAX)


def _challenge(found: dict[str, Any]) -> Challenge:
    token = _text(found, "token")
    # RFC 8555, 8.3: base64url only. It becomes part of a path.
    plain = token.replace("-", "").replace("_", "")
    if not (plain.isascii() and plain.isalnum()) or len(token) > TOKEN_LENGTH_MAX:
        raise AcmeError("the authority sent a challenge with a token of unknown form")
    return Challenge(_text(found, "type"), _url(found, "url"), token)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AcmeError("the authority sent something else than JSON")
    return found


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise AcmeError(f"the authority sent no `{name}` where one belongs")
    return value


def _url(found: dict[str, Any], name: str) -> str:
    return _checked_url(_text(found, name))


def _checked_url(value: object) -> str:
    try:
        if isinstance(value, str):
            return parse_url(value)
    except ValueError:
        pass
    raise AcmeError("the authority sent a URL that is none of https")
