"""From what was seen of an address and its network to a score, and one line that explains it.

Each clean message is a point for the host, each spam one against it, each bad recipient half a
one: people mistype. The score of an address or a network is

    scale x (for - against) / (for + against + doubt)

with scale 10 when it comes out negative and 3 when positive. So little evidence gives a small
score, and much of it nears the scale. Half the network's score, that of its other addresses, is
added to the address's own.

Our own history alone never gives more than +3.0: a host that is trusted is often not scanned, and
one that is not scanned cannot lose its trust again.
"""

from typing import Final

from mailwarden.services.engines.reputation.history_table import Traffic
from mailwarden.services.engines.reputation.score import bounded

BAD_SCALE: Final = 10.0
GOOD_SCALE: Final = 3.0
CLEAN_POINTS: Final = 1.0
SPAM_POINTS: Final = 1.0
BAD_RECIPIENT_POINTS: Final = 0.5
ADDRESS_DOUBT: Final = 20.0  # points at which an address gets half of what it could
NETWORK_DOUBT: Final = 60.0
NETWORK_SHARE: Final = 0.5
EVIDENCE_MIN: Final = 3.0  # points, of both; with less there is no score
SHOWN_MIN: Final = 0.05  # what a network adds; less is not worth a word


def judge(
    own: Traffic, network: Traffic, days: float, network_text: str
) -> tuple[float | None, str]:
    """Return score and explanation; `network` is what its addresses did, this one included."""
    others = Traffic(*[max(0.0, all_ - mine) for all_, mine in zip(network, own, strict=True)])
    if _evidence(own) + _evidence(others) < EVIDENCE_MIN:
        return None, "too little was seen of it"
    from_network = NETWORK_SHARE * _balance(others, NETWORK_DOUBT)
    value = min(GOOD_SCALE, _balance(own, ADDRESS_DOUBT) + from_network)
    why = _describe(own, days)
    if abs(from_network) >= SHOWN_MIN:
        why += f", network {network_text} {from_network:+.1f}"
    return bounded(value), why


def _points(seen: Traffic) -> tuple[float, float]:
    """Return the points for and against."""
    against = SPAM_POINTS * seen.spam + BAD_RECIPIENT_POINTS * seen.bad_recipients
    return CLEAN_POINTS * seen.clean, against


def _evidence(seen: Traffic) -> float:
    return sum(_points(seen))


def _balance(seen: Traffic, doubt: float) -> float:
    good, bad = _points(seen)
    share = (good - bad) / (good + bad + doubt)
    return share * (GOOD_SCALE if share > 0 else BAD_SCALE)


def _describe(seen: Traffic, days: float) -> str:
    messages = round(seen.messages)
    parts = [f"{messages} {'message' if messages == 1 else 'messages'} in {days:g} days"]
    for part, rest, word in (
        (seen.bad_recipients, seen.recipients, "bad recipients"),
        (seen.spam, seen.clean, "spam"),
    ):
        if part >= 0.5:
            parts.append(f"{100 * part / (part + rest):.0f} % {word}")
    return ", ".join(parts)
