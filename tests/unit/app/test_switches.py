"""What an administrator switches, and that nonsense changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.switches import (
    describe,
    is_delivery_suspended,
    redirects_of,
    suspended_listeners,
    switch,
    without_suspended,
)
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.mailflow.delivery.redirects import REDIRECTS_MAX

NOW = 1_000_000.0


@pytest.fixture(scope="module")
def config() -> GatewayConfig:
    return parse_config(demo_text(), "demo.yaml", Path("/tmp"), look_at_files=False)


def do(switches: dict[str, Any], config: GatewayConfig, command: str, **more: Any) -> Any:
    done = switch(switches, {"command": command, "by": "ann", **more}, config, NOW)
    json.dumps(switches)  # it is kept in a file
    return done


def test_the_work_queue(config: GatewayConfig) -> None:
    switches: dict[str, Any] = {}
    assert do(switches, config, "pause").said == "Work queue paused by administrator ann"
    assert describe(switches, [])["work_queue"] == "paused"
    assert switch(switches, {"command": "resume"}, config, NOW).said == (
        "Work queue resumed by an administrator"
    )
    assert describe(switches, [])["work_queue"] == "running"


def test_delivery_and_listeners(config: GatewayConfig) -> None:
    names = sorted(listener.name for listener in config.listeners)
    switches: dict[str, Any] = {}
    done = do(switches, config, "queue_suspend", listener=names[0])
    assert done.answer["changed"] == [f"listener {names[0]}"]
    assert done.said == f"Listener {names[0]} suspended by administrator ann"
    assert not is_delivery_suspended(switches)
    left = [listener.name for listener in without_suspended(config, switches).listeners]
    assert sorted(left) == names[1:]
    done = do(switches, config, "queue_suspend", all_listeners=True, delivery=True)
    assert done.answer["changed"] == ["delivery", *(f"listener {name}" for name in names[1:])]
    assert is_delivery_suspended(switches)
    assert without_suspended(config, switches).listeners == ()
    rows = describe(switches, [{"name": name} for name in [*names, "Other"]])["listeners"]
    assert [row["state"] for row in rows] == ["suspended"] * len(names) + ["running"]
    assert do(switches, config, "queue_suspend", delivery=True).said == ""
    do(switches, config, "queue_resume", all_listeners=True, delivery=True)
    assert suspended_listeners(switches) == frozenset()
    assert not is_delivery_suspended(switches)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"command": "queue_suspend", "listener": "Nope"}, "there is no listener 'Nope'; there"),
        ({"command": "queue_suspend"}, "nothing is named"),
        ({"command": "queue_redirect", "to": ""}, "empty|host"),
        ({"command": "queue_redirect", "to": "/dev/null"}, "is not one host"),
        ({"command": "queue_redirect", "to": "a.example, b.example"}, "is not one host"),
        ({"command": "queue_redirect", "to": "a.example", "selection": {"x": 1}}, "has no x"),
        ({"command": "queue_redirect", "to": "a.example", "selection": ["x"]}, "no object"),
        ({"command": "queue_redirect_cancel", "number": 7}, "there is no redirect 7"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    config: GatewayConfig, request_: dict[str, Any], error: str
) -> None:
    switches: dict[str, Any] = {}
    with pytest.raises(ValueError, match=error):
        switch(switches, request_, config, NOW)
    assert switches == {}


def test_redirects_come_and_go(config: GatewayConfig) -> None:
    switches: dict[str, Any] = {}
    first = do(switches, config, "queue_redirect", to="a.example:2525")
    assert first.answer["redirect"]["number"] == 1
    assert first.said == "Redirect 1 of queued mail to a.example:2525 begun by administrator ann"
    do(
        switches,
        config,
        "queue_redirect",
        to="10.0.0.9",
        selection={"senders": ["@b.example"], "older_than_seconds": 60},
    )
    one, two = redirects_of(json.loads(json.dumps(switches)))
    assert (one.number, one.to, one.selection.received_before) == (1, "a.example:2525", NOW)
    assert (two.number, two.selection.senders) == (2, frozenset({"@b.example"}))
    assert two.selection.received_before == NOW - 60
    assert do(switches, config, "queue_redirect_cancel", number=1).answer == {"cancelled": [1]}
    assert [each.number for each in redirects_of(switches)] == [2]
    assert do(switches, config, "queue_redirect", to="c.example").answer["redirect"]["number"] == 3
    assert do(switches, config, "queue_redirect_cancel").answer == {"cancelled": [2, 3]}
    assert do(switches, config, "queue_redirect_cancel").said == ""
    assert list(redirects_of(switches)) == []


def test_there_are_only_so_many(config: GatewayConfig) -> None:
    switches: dict[str, Any] = {}
    for _ in range(REDIRECTS_MAX):
        do(switches, config, "queue_redirect", to="a.example")
    with pytest.raises(ValueError, match="cancel those"):
        do(switches, config, "queue_redirect", to="a.example")


@pytest.mark.parametrize(
    "rows", [7, [7], [{}], [{"number": 1, "to": "a", "selection": {}, "received_before": "x"}]]
)
def test_a_file_that_somebody_wrote_into(rows: Any) -> None:
    switches = {"redirects": rows, "listeners_suspended": 7}
    assert list(redirects_of(switches)) == []
    assert suspended_listeners(switches) == frozenset()
    assert describe(switches, [])["redirects"] == []


def test_key_02_features_are_switched_by_their_names(config: GatewayConfig) -> None:
    switches: dict[str, Any] = {"work_queue_paused": True}
    done = do(switches, config, "switch_features", dormant=["mta_sts", "dane"])
    assert done.answer == {"dormant": ["dane", "mta_sts"]}
    assert done.said == "Features that are switched off: DANE, MTA-STS"
    assert switches == {"work_queue_paused": True, "features_dormant": ["dane", "mta_sts"]}
    assert describe(switches, [])["features_dormant"] == ["dane", "mta_sts"]
    assert do(switches, config, "switch_features", dormant=["mta_sts", "dane"]).said == ""
    done = do(switches, config, "switch_features", dormant=[])
    assert done.said == "No feature is switched off"
    assert describe(switches, [])["features_dormant"] == []


@pytest.mark.parametrize("dormant", [None, "dane", {"dane": 1}, [1], ["anti_gravity"], [[]]])
def test_nonsense_switches_no_feature(config: GatewayConfig, dormant: object) -> None:
    switches: dict[str, Any] = {"features_dormant": ["dane"]}
    with pytest.raises(ValueError, match=r"dormant is no list|there is no feature"):
        do(switches, config, "switch_features", dormant=dormant)
    assert switches == {"features_dormant": ["dane"]}
