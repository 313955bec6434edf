"""The call-ahead profiles of a worker, by name."""

from collections.abc import Iterator, Mapping

from mailwarden.services.call_ahead.asker import CallAhead, Means, Outset
from mailwarden.services.call_ahead.settings import CallAheadProfile


class CallAheads:
    """Keeps what is known of recipients over a reload, for profiles that stay the same."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._askers: dict[str, CallAhead] = {}

    def __iter__(self) -> Iterator[CallAhead]:
        return iter(self._askers.values())

    def plan(
        self, profiles: Mapping[str, CallAheadProfile], outsets: Mapping[str, Outset]
    ) -> dict[str, CallAhead]:
        """Return what is to be used with these profiles; nothing has changed yet."""
        planned = {}
        for name, profile in profiles.items():
            known = self._askers.get(name)
            if known is None or known.profile != profile:
                known = CallAhead(name, profile, outsets[name], self._means)
            planned[name] = known
        return planned

    def use(self, planned: Mapping[str, CallAhead], outsets: Mapping[str, Outset]) -> None:
        """Go on with `planned`, and what the rest of the configuration means for each."""
        before, self._askers = self._askers, dict(planned)
        for name, asker in planned.items():
            asker.apply(outsets[name])
        for name, old in before.items():
            if planned.get(name) is not old:
                old.close()

    def find(self, name: str) -> CallAhead | None:
        """Return the profile called `name`; None where there is none."""
        return self._askers.get(name)

    async def stop(self) -> None:
        """Give up all that is under way."""
        for asker in self._askers.values():
            await asker.stop()
