"""Listeners, their tables and what they ask are changed by commands of the CLI (admin 1.6.4)."""

import json
from pathlib import Path

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, free_port, running
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command

ZONE = {"66.2.0.192.bl.example.org": {"A": ["127.0.0.2"]}}
RETIRED = 'cust_resp yes resp_code 554 resp_text "Retired"'


def test_c_16_listeners_and_tables_change_with_the_commit(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        port = free_port()
        script = "\n".join(
            [
                f"listenerconfig edit In rcptaccess new old@corp.example reject {RETIRED}",
                "listenerconfig edit In hostaccess new policy SLOW Accept max_rcpts_per_msg 1",
                "listenerconfig edit In hostaccess new sendergroup NEAR 127.0.0.0/8 $SLOW",
                f"listenerconfig new Second public Data1 port {port} domains corp.example",
                "listenerconfig edit Second name Third",
                "commit via script",
                "",
            ]
        )
        shown = command(gateway, "cli", given=script)
        assert "Changes committed: " in shown
        assert "Second is now called Third." in shown
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<a@b.example>")
            assert client.command("RCPT TO:<old@corp.example>") == "554 Retired"
            assert client.command("RCPT TO:<bob@corp.example>").startswith("250")
            assert client.command("RCPT TO:<eve@corp.example>").startswith("452")
        with Client(port) as client:
            assert client.banner.startswith("220 ")
        gateway.wait_log("SG NEAR match 127.0.0.0/8")


def test_lists_and_servers_are_asked(tmp_path: Path) -> None:
    with Sink() as sink, serving(ZONE) as dns:
        profiles = {"Inside": {"servers": [f"127.0.0.1:{sink.port}"]}}
        settings = {"dns": {"servers": [dns.address]}, "call_ahead_profiles": profiles}
        with running(tmp_path, **settings) as gateway:
            wait_administration(gateway)
            listed = cli(gateway, "dnslisttest", "bl.example.org", "192.0.2.66")
            assert listed == (
                "Querying: 66.2.0.192.bl.example.org\n"
                "192.0.2.66 is listed by bl.example.org: 127.0.0.2\n"
            )
            assert "is not listed" in cli(gateway, "dnslisttest", "bl.example.org", "192.0.2.7")
            assert "forgotten" in cli(gateway, "dnslistflush")
            status = json.loads(cli(gateway, "--json", "sbstatus"))
            assert [each["name"] for each in status["data"]["providers"]] == ["history"]
            asked = cli(gateway, "callaheadconfig", "test", "Inside", "bob@corp.example")
            assert "bob@corp.example: accepted: 127.0.0.1" in asked
            assert cli(gateway, "callaheadconfig", "flushcache") == "0 answers forgotten.\n"
