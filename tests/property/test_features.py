"""Feature switches: whatever bytes come, and whatever happens in whichever order."""

import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.core.alerts import CRITICAL, RecordedAlerts
from mailwarden.core.features import Feature
from mailwarden.services.features.features import FeatureError, Features, Means
from mailwarden.services.features.key import State
from mailwarden.system.clock.clock import SimulatedClock
from tests.fuzz.fuzz_features import one_input

PARTS = [
    b"{", b"}", b'"feature":', b'"dane"', b'"state":', b'"active"', b'"dormant"', b",", b"null",
    b'"expires":', b'"2011-02-09"', b'"9999-12-31"', b'"note":', b'"\\u001b"', b'"entered":',
    b'"seen":', b'"by":"a","at":1', b'"features_dormant":', b"[", b"]", b"1e400", b"\xff",
]  # fmt: skip
KEYS = st.fixed_dictionaries(
    {"feature": st.sampled_from(["dane", "mta_sts", "x"]), "state": st.sampled_from(State)},
    optional={"expires": st.sampled_from(["2010-11-20", "2010-12-20", "2010-01-01"])},
).map(lambda parts: {**parts, "state": parts["state"].value})
STEPS = st.lists(
    st.tuples(st.just("drop"), st.sampled_from("ab"), KEYS)
    | st.tuples(st.just("enter"), KEYS)
    | st.tuples(st.just("remove"), st.sampled_from("ab"))
    | st.tuples(st.just("days"), st.integers(1, 20))
    | st.tuples(st.just("restart"))
    | st.tuples(st.just("poll")),
    max_size=20,
)


@given(st.binary(max_size=300) | st.lists(st.sampled_from(PARTS), max_size=30).map(b"".join))
def test_any_bytes_give_a_value_or_a_named_error(data: bytes) -> None:
    one_input(data)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_restarts_change_nothing_and_repeat_nothing(steps: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder), steps))


async def _live(base: Path, steps: list[tuple]) -> None:
    clock, alerts = SimulatedClock(), RecordedAlerts()
    published: list[frozenset[Feature]] = []
    folder = base / "features.d"
    folder.mkdir()

    def make() -> Features:
        means = Means(clock, alerts, lambda _: None, published.append)
        return Features(folder, base / "features.json", means)

    features = make()
    await features.load()
    for step in steps:
        match step:
            case ("drop", name, key):
                (folder / f"{name}.key").write_text(json.dumps(key))
            case ("enter", key):
                try:
                    await features.enter(json.dumps(key), "ann")
                except FeatureError:
                    continue
            case ("remove", name):
                (folder / f"{name}.key").unlink(missing_ok=True)
            case ("days", count):
                clock.advance(count * 86_400)
            case ("restart",):
                await features.poll()
                before, told = features.snapshot(), len(alerts.told)
                features = make()
                await features.load()
                assert (features.snapshot(), len(alerts.told)) == (before, told)
            case ("poll",):
                await features.poll()
                told = len(alerts.told)
                await features.poll()
                assert len(alerts.told) == told
    await features.poll()
    assert published[-1] == features.dormant()
    expired = [row for row in features.rows() if row.status == "Dormant" and row.days_left == 0]
    critical = [each.key for each in alerts.told if each.severity == CRITICAL]
    assert {f"feature {row.name}" for row in expired} <= set(critical)
