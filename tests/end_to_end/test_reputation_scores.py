"""Scores of connecting hosts: who gives them, what they decide, and what comes of dead ones."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.dns_server import serving
from tests.end_to_end.counted import begin, connect, rcpt
from tests.end_to_end.gateway import Gateway, base_config, message, wait_until

KEY = b"k" * 32
GOOD, BAD, UNKNOWN, LISTED = "192.0.2.25", "198.51.100.66", "203.0.113.9", "198.51.100.77"
TABLE = """\
$ACCEPTED
    ACCEPT
$BLOCKED
    REJECT
$PASSED_BY
    CONTINUE
OURS:
    192.0.2.25
    $PASSED_BY
BLACKLIST:
    sbrs[-10.0:-3.0]
    $BLOCKED
UNKNOWNLIST:
    sbrs[-1.0:10.0]
    $ACCEPTED
ALL
    $ACCEPTED
"""


def publish(path: Path, content: str) -> None:
    """Put a signed feed in place."""
    signature = hmac.new(KEY, content.encode(), hashlib.sha256).hexdigest()
    Path(f"{path}.sig").write_text(f"{signature}\n")
    path.write_text(content)


def scored_config(directory: Path, **changes: Any) -> dict[str, Any]:
    config = base_config(directory, **changes)
    for listener in config["listeners"]:
        listener["proxy_protocol_from"] = ["127.0.0.1"]
    config["listeners"][0]["host_access"] = TABLE
    return config


@contextmanager
def running(config: dict[str, Any], directory: Path) -> Iterator[Gateway]:
    gateway = Gateway(directory, config).start()
    try:
        yield gateway
    finally:
        gateway.stop()


def with_feed(directory: Path, content: str) -> dict[str, Any]:
    (directory / "key").write_bytes(KEY)
    publish(directory / "scores.txt", content)
    feed = {"name": "own", "path": "scores.txt", "key_file": "key", "check_seconds": 1}
    return {"feeds": [feed]}


def banner(gateway: Gateway, address: str, listener: str = "In") -> str:
    with connect(gateway, address, listener) as client:
        return client.banner


def test_row_23_and_row_28_a_score_chooses_the_group(tmp_path: Path) -> None:
    feed = with_feed(tmp_path, f"{BAD} -6.1 dial-up pool\n{GOOD} 3.4\n")
    with running(scored_config(tmp_path, reputation=feed, workers=2), tmp_path) as gateway:
        with connect(gateway, BAD) as client:
            first, second = client.banner.split("\n")
            assert first == "554-gw1.corp.example"
            assert second.startswith("554 Access to this mail system was refused")
            assert client.command("MAIL FROM:<ann@partner.example>")[:1] == "5"
        assert banner(gateway, GOOD).startswith("220")
        assert banner(gateway, UNKNOWN).startswith("220")
        assert banner(gateway, "10.1.2.3").startswith("220")
        gateway.wait_log("REJECT SG BLACKLIST match sbrs[-10.0:-3.0] SBRS -6.1")
        gateway.wait_log("ACCEPT SG UNKNOWNLIST match sbrs[-1.0:10.0] SBRS 3.4")
        gateway.wait_log("ACCEPT SG None match ALL SBRS None")
        gateway.wait_log("ACCEPT SG None match ALL SBRS rfc1918")
        assert banner(gateway, "192.0.2.1", "Out").startswith("554")
        gateway.wait_log("REJECT SG None match ALL SBRS not enabled")


def test_a_feed_is_taken_up_again_and_a_forged_one_is_not(tmp_path: Path) -> None:
    reputation = {**with_feed(tmp_path, f"{GOOD} 3.4\n"), "cache_seconds": 0}
    with running(scored_config(tmp_path, reputation=reputation), tmp_path) as gateway:
        assert banner(gateway, BAD).startswith("220")
        publish(tmp_path / "scores.txt", f"{BAD} -6.1\n")
        wait_until(lambda: banner(gateway, BAD).startswith("554"), "the new feed")
        (tmp_path / "scores.txt").write_text(f"{BAD} 9.0\n")
        gateway.wait_log("the signature does not fit")
        assert banner(gateway, BAD).startswith("554")


def test_a_reload_brings_and_takes_scores(tmp_path: Path) -> None:
    with running(scored_config(tmp_path, workers=2), tmp_path) as gateway:
        assert banner(gateway, BAD).startswith("220")
        gateway.config["reputation"] = with_feed(tmp_path, f"{BAD} -6.1\n")
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert [banner(gateway, BAD)[:3] for _ in range(6)] == ["554"] * 6
        gateway.config["reputation"] = {"order": ["history"]}
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert [banner(gateway, BAD)[:3] for _ in range(6)] == ["220"] * 6


def test_dns_lists_give_scores_and_a_dead_one_costs_its_timeout_once(tmp_path: Path) -> None:
    zone = {
        "77.100.51.198.bl.example.org": {"A": ["127.0.0.2"]},
        "77.100.51.198.dead.example.net": {"DROP": []},
        "9.113.0.203.dead.example.net": {"DROP": []},
    }
    lists = [{"zone": "bl.example.org", "scores": {"127.0.0.2": -6}}, {"zone": "dead.example.net"}]
    reputation = {"dns_lists": lists, "dns_timeout_seconds": 1, "cache_seconds": 0}
    with serving(zone) as server:
        dns = {"servers": [server.address], "timeout_seconds": 30}
        config = scored_config(tmp_path, reputation=reputation, dns=dns)
        with running(config, tmp_path) as gateway:
            assert banner(gateway, LISTED).startswith("554")
            gateway.wait_log("SBRS -6.0")
            assert banner(gateway, UNKNOWN).startswith("220")
            gateway.wait_log("match ALL SBRS unable to retrieve")
            asked = len(server.questions)
            began = time.monotonic()
            assert [banner(gateway, UNKNOWN)[:3] for _ in range(5)] == ["220"] * 5
            assert len(server.questions) == asked
            assert time.monotonic() - began < 30  # the resolver's own timeout was not waited for
            gateway.wait_log("Reputation: dead.example.net does not answer within 1 seconds")
            assert gateway.log().count("does not answer within") == 1


def test_what_a_host_did_is_known_to_all_workers_and_after_a_restart(tmp_path: Path) -> None:
    reputation = {"order": ["history"], "cache_seconds": 0}
    config = scored_config(tmp_path, reputation=reputation, workers=2)
    config["listeners"][0]["policy"] = {"dhap_limit": 0}
    with running(config, tmp_path) as gateway:
        with connect(gateway, GOOD) as client:
            assert client.message(["bob@corp.example"], message()).startswith("250")
        with connect(gateway, BAD) as client:
            begin(client)
            for number in range(20):
                assert rcpt(client, str(number), "elsewhere.example").startswith("550")
        wait_until(lambda: banner(gateway, BAD).startswith("554"), "a score by what was seen")
        for _ in range(6):
            assert banner(gateway, BAD).startswith("554")
        seen = gateway.ask("reputation", address=GOOD)["workers"][0]["seen"]
        assert [round(seen[each]) for each in ("messages", "recipients")] == [1, 1]
    with running(config, tmp_path) as gateway:
        wait_until(lambda: banner(gateway, BAD).startswith("554"), "what was saved")
        answer = gateway.ask("reputation", address=BAD, forget=True)["workers"][0]
        assert "too little was seen" in answer["providers"][0]["why"]
        wait_until(lambda: banner(gateway, BAD).startswith("220"), "it is forgotten")
