"""Scores from DNS lists: what each list's codes weigh, added up."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mailwarden.services.engines.reputation.dns_zone import DnsZone, Listing
from mailwarden.services.engines.reputation.score import FAILED, Score, bounded

NAME: Final = "dns_lists"


class Weights(NamedTuple):
    """What the codes of a list are worth."""

    scores: Mapping[str, float]  # by code, such as 127.0.0.2
    other: float  # any other code


class DnsListReputation:
    """The scores of some lists together. All are asked at the same time.

    An address has no score when no list has it. Lists that fail count as if it was not on them;
    `why` names them.
    """

    __slots__ = ("_lists",)

    def __init__(self, lists: Sequence[tuple[DnsZone, Weights]]) -> None:
        self._lists = tuple(lists)

    @property
    def name(self) -> str:
        """What logs and settings call it."""
        return NAME

    def peek(self, address: str) -> Score | None:
        """Return the score of `address` if all lists' answers are known."""
        listings: list[Listing] = []
        for zone, _ in self._lists:
            listing = zone.peek(address)
            if listing is None:
                return None
            listings.append(listing)
        return self._add_up(listings)

    async def score(self, address: str) -> Score:
        """Return the score of `address`; takes no longer than the lists' timeout."""
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(zone.find(address)) for zone, _ in self._lists]
        return self._add_up([task.result() for task in asking])

    def _add_up(self, listings: Sequence[Listing]) -> Score:
        total = 0.0
        listed: list[str] = []
        faults: list[str] = []
        for (zone, weights), listing in zip(self._lists, listings, strict=True):
            if listing.fault:
                faults.append(listing.fault)
            elif listing.codes:
                value = weigh(listing.codes, weights)
                total += value
                listed.append(f"{zone.zone} {value:+.1f} ({', '.join(listing.codes)})")
        if not listed:
            why = "; ".join(dict.fromkeys(faults)) or "not listed"
            return Score(None, NAME, why, word=FAILED if faults else "")
        return Score(bounded(total), NAME, "; ".join(["listed by " + ", ".join(listed), *faults]))


def weigh(codes: Sequence[str], weights: Weights) -> float:
    """Return what the worst of `codes` is worth: several codes of a list say the same of a host."""
    return min(weights.scores.get(code, weights.other) for code in codes)
