"""The setting `time_zone` in a running gateway: logs, headers and commands, and its change."""

import re
import time
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, message, running, wait_until
from tests.end_to_end.test_operations import command


def hour_of(line: str) -> int:
    """Return how many hours the clock of a log line is ahead of UTC."""
    written = time.strptime(line[:24], "%a %b %d %H:%M:%S %Y")
    return round((time.mktime(written) - time.mktime(time.gmtime())) / 3600)


def last_line(gateway: Gateway) -> str:
    """Return a line that is written now; the lines of a second share the clock of its first."""
    gateway.ask("reload")
    return gateway.log().splitlines()[-1]


def received(gateway: Gateway, count: int) -> str:
    """Send a message; return the offset in its Received field."""
    with Client(gateway.port()) as client:
        client.command("EHLO partner.example")
        assert client.message(["bob@corp.example"], message(f"Number {count}")).startswith("250")
    mail = next(m for m in gateway.wait_maildir(count) if f"Number {count}".encode() in m)
    found = re.search(rb"; \d\d \w{3} \d{4} \d\d:\d\d:\d\d ([+-]\d{4})\r?\n", mail)
    assert found is not None
    return found[1].decode()


def test_sys_01_everything_is_in_the_zone_and_follows_it(tmp_path: Path) -> None:
    with running(tmp_path, time_zone="GMT+05:00") as gateway:
        gateway.wait_log("Time offset from UTC: 18000 seconds")
        assert received(gateway, 1) == "+0500"
        assert hour_of(gateway.wait_log("MID 1 ")) == 5
        shown = command(gateway, "queue", "hosts", "corp.example")
        gateway.config["time_zone"] = "GMT-03:00"
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        assert received(gateway, 2) == "-0300"
        wait_until(lambda: hour_of(last_line(gateway)) == -3, "lines in the other zone")
        assert hour_of(shown.partition("Status as of: ")[2]) == 5
        gateway.config["time_zone"] = "Europe/Nowhere"
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "time_zone: 'Europe/Nowhere' is no time zone" in problem
        assert received(gateway, 3) == "-0300"
