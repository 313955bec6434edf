"""What an administrator switched, and a restart must not undo: pauses, suspensions, redirects.

`switches.json` in the state directory holds it, and each worker is told of it whole:

- `work_queue_paused`, `delivery_suspended`: true or false;
- `listeners_suspended`: names of listeners;
- `redirects`: see `mailflow/delivery/redirects.py`; moreover `by` (an administrator) and `at`
  (since when, in seconds since the epoch);
- `features_dormant`: see `core/features.py`. The management process decides about these.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.features import SWITCH, Feature, dormant_in, dormant_names
from mailwarden.mailflow.delivery.redirects import REDIRECTS_MAX, Redirects, read_redirect
from mailwarden.mailflow.delivery.selection import build_selection, read_selection

SWITCH_FEATURES: Final = "switch_features"
COMMANDS: Final = frozenset(
    {
        "pause",
        "resume",
        "queue_suspend",
        "queue_resume",
        "queue_redirect",
        "queue_redirect_cancel",
        SWITCH_FEATURES,
    }
)
GRACE_SECONDS_MAX: Final = 86_400.0  # after a suspension
NAME_LENGTH_MAX: Final = 100  # of an administrator

Switches = dict[str, Any]
Answer = dict[str, Any]


class Switched(NamedTuple):
    """What came of a command."""

    answer: Answer
    said: str = ""  # for the log; "" is that nothing has changed


def switch(
    switches: Switches, request: Mapping[str, Any], config: GatewayConfig, now: float
) -> Switched:
    """Change `switches` as `request` wants; `now` is in seconds since the epoch.

    Raises:
        ValueError: it cannot be done; nothing has changed.
    """
    command = request["command"]
    by = administrator_in(request)
    who = f"administrator {by}" if by else "an administrator"
    match command:
        case "pause" | "resume":
            switches["work_queue_paused"] = command == "pause"
            return Switched({"paused": command == "pause"}, f"Work queue {command}d by {who}")
        case "queue_suspend" | "queue_resume":
            return _suspend(switches, request, config, who, wanted=command == "queue_suspend")
        case "switch_features":
            return _switch_features(switches, request)
        case "queue_redirect":
            return _redirect(switches, request, by, who, now)
        case _:
            return _cancel(switches, request, who)


def grace_in(request: Mapping[str, Any]) -> float | None:
    """Return how long what is open may go on after a suspension; None is as long as it takes."""
    seconds = request.get("grace_seconds")
    if request.get("command") != "queue_suspend" or not isinstance(seconds, int | float):
        return None
    return min(max(float(seconds), 0.0), GRACE_SECONDS_MAX)


def still_active(switches: Mapping[str, Any], config: GatewayConfig) -> str:
    """Return what is not suspended, in words; "" is nothing."""
    suspended = suspended_listeners(switches)
    active = [f"listener {each.name}" for each in config.listeners if each.name not in suspended]
    if not is_delivery_suspended(switches):
        active.insert(0, "delivery")
    if not active:
        return ""
    verb = "is" if len(active) == 1 else "are"
    return f"{', '.join(active)} {verb} not suspended"


def administrator_in(request: Mapping[str, Any]) -> str:
    """Return who gives the command in `request`, for the log; "" where it does not say."""
    return str(request.get("by") or "")[:NAME_LENGTH_MAX]


def _switch_features(switches: Switches, request: Mapping[str, Any]) -> Switched:
    """Note which features are off; whatever else was, is on again."""
    names = request.get("dormant")
    known = {feature.value for feature in Feature}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("dormant is no list of features")
    if unknown := sorted(set(names) - known):
        raise ValueError(f"there is no feature {unknown[0][:100]!r}")
    before = dormant_in(switches)
    dormant = frozenset(map(Feature, names))
    switches[SWITCH] = dormant_names(dormant)
    answer = {"dormant": switches[SWITCH]}
    if dormant == before:
        return Switched(answer)
    off = ", ".join(feature.title for feature in Feature if feature in dormant)
    said = f"Features that are switched off: {off}" if off else "No feature is switched off"
    return Switched(answer, said)


def _suspend(
    switches: Switches,
    request: Mapping[str, Any],
    config: GatewayConfig,
    who: str,
    *,
    wanted: bool,
) -> Switched:
    names = _listeners(request, config)
    delivery = bool(request.get("delivery"))
    if not names and not delivery:
        raise ValueError("nothing is named to suspend or resume")
    before = suspended_listeners(switches)
    after = before | names if wanted else before - names
    done = [f"listener {name}" for name in sorted(after ^ before)]
    if delivery and bool(switches.get("delivery_suspended")) is not wanted:
        switches["delivery_suspended"] = wanted
        done.insert(0, "delivery")
    switches["listeners_suspended"] = sorted(after)
    answer = {"changed": done, "delivery": is_delivery_suspended(switches)}
    answer["listeners"] = sorted(after)
    if not done:
        return Switched(answer)
    what = ", ".join(done)
    said = f"{what[0].upper()}{what[1:]} {'suspended' if wanted else 'resumed'} by {who}"
    return Switched(answer, said)


def _listeners(request: Mapping[str, Any], config: GatewayConfig) -> frozenset[str]:
    known = frozenset(listener.name for listener in config.listeners)
    if request.get("all_listeners"):
        return known
    name = request.get("listener")
    if not name:
        return frozenset()
    if name not in known:
        shown = ", ".join(sorted(known))
        raise ValueError(f"there is no listener {str(name)[:100]!r}; there are {shown}")
    return frozenset({str(name)})


def _redirect(
    switches: Switches, request: Mapping[str, Any], by: str, who: str, now: float
) -> Switched:
    rows = _rows(switches)
    if len(rows) >= REDIRECTS_MAX:
        raise ValueError(f"there are {REDIRECTS_MAX} redirects: cancel those that are done")
    tree = request.get("selection") or {}
    if not isinstance(tree, dict):
        raise ValueError("selection is no object")
    selection = read_selection(tree, now)
    row = {
        "number": 1 + max((row["number"] for row in rows), default=0),
        "to": str(request.get("to") or "").strip(),
        "selection": {name: value for name, value in build_selection(selection).items() if value},
        "received_before": min(now, selection.received_before),
        "by": by,
        "at": now,
    }
    read_redirect(row)  # raises what is wrong with it
    switches["redirects"] = [*rows, row]
    said = f"Redirect {row['number']} of queued mail to {row['to']} begun by {who}"
    return Switched({"redirect": row}, said)


def _cancel(switches: Switches, request: Mapping[str, Any], who: str) -> Switched:
    rows = _rows(switches)
    number = request.get("number")  # None is all
    left = [row for row in rows if number is not None and row["number"] != number]
    cancelled = [row["number"] for row in rows if row not in left]
    if number is not None and not cancelled:
        raise ValueError(f"there is no redirect {str(number)[:20]}")
    switches["redirects"] = left
    if not cancelled:
        return Switched({"cancelled": []})
    shown = ", ".join(map(str, cancelled))
    return Switched({"cancelled": cancelled}, f"Redirect {shown} cancelled by {who}")


def _rows(switches: Mapping[str, Any]) -> list[Any]:
    """Return the redirects that make sense: somebody may have written into the file."""
    rows = switches.get("redirects")
    sound = []
    for row in rows if isinstance(rows, list) else ():
        with suppress(ValueError, TypeError, AttributeError):
            read_redirect(row)
            sound.append(row)
    return sound


def redirects_of(switches: Mapping[str, Any]) -> Redirects:
    """Return the redirects in `switches`."""
    return Redirects([read_redirect(row) for row in _rows(switches)])


def is_delivery_suspended(switches: Mapping[str, Any]) -> bool:
    """Whether nothing is to be delivered."""
    return bool(switches.get("delivery_suspended"))


def suspended_listeners(switches: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the listeners that take no connections."""
    names = switches.get("listeners_suspended")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def without_suspended(config: GatewayConfig, switches: Mapping[str, Any]) -> GatewayConfig:
    """Return `config` with those listeners only that are to take connections."""
    suspended = suspended_listeners(switches)
    return replace(
        config, listeners=tuple(each for each in config.listeners if each.name not in suspended)
    )


def describe(
    switches: Mapping[str, Any], listeners: Collection[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what is switched, for status; `listeners` are its rows."""
    suspended = suspended_listeners(switches)
    return {
        "work_queue": "paused" if switches.get("work_queue_paused") else "running",
        "delivery": "suspended" if is_delivery_suspended(switches) else "running",
        "listeners": [
            {**row, "state": "suspended" if row["name"] in suspended else "running"}
            for row in listeners
        ],
        "redirects": _rows(switches),
        "features_dormant": dormant_names(dormant_in(switches)),
    }
