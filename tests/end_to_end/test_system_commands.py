"""Commands for the system at a whole gateway: logs, zone, interfaces, trace and support bundle."""

import json
from pathlib import Path

from mailwarden.app.bench.target import free_port
from tests.end_to_end.gateway import Gateway, running, wait_until
from tests.end_to_end.test_cli_commands import cli, send, wait_administration
from tests.end_to_end.test_operations import command


def script(gateway: Gateway, *lines: str, code: int = 0) -> str:
    """Type lines into a session as a script that is piped in; return what it shows."""
    return command(gateway, "cli", given="".join(f"{line}\n" for line in lines), code=code)


def test_logs_are_rolled_over(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        shown = cli(gateway, "rollovernow", "mail.log")
        assert shown == "Log files successfully rolled over: mail.log.\n"
        gateway.wait_log("Log rolled over by admin: mail.log")
        logs = gateway.state / "log"
        assert len(list(logs.glob("mail.log.2*"))) == 1
        assert "new files are begun" in command(gateway, "log", "rollover")
        assert len(list(logs.glob("mail.log.2*"))) == 2
        gateway.wait_log("Log rolled over by an administrator: mail.log")


def test_a_message_of_the_queue_is_traced(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        cli(gateway, "suspenddel", "0")
        send(gateway, 1, "bob@corp.example")
        wait_until(lambda: gateway.status()["spool"]["queued"] == 1, "the message is queued")
        listed = json.loads(cli(gateway, "--json", "showrecipients", "all"))
        mid = str(listed["data"]["messages"][0]["mid"])
        envelope = ("", "client.example", "", "", "0.0", "", "")
        shown = script(gateway, "trace", "queue", mid, *envelope)
        assert "Configuration: the running configuration\n" in shown
        assert "Result: the message is taken, and goes on to delivery" in shown
        # With a change that is not committed, the same message goes elsewhere.
        changed = script(
            gateway, "smtproutes edit corp.example [127.0.0.1]:2525",
            "trace", "queue", mid, *envelope,
            "y",
        )  # fmt: skip
        assert "with your pending changes\n" in changed
        assert "127.0.0.1:2525 (smtp_routes, corp.example)" in changed
        assert gateway.status()["spool"]["queued"] == 1


def test_sys_01_the_zone_is_set(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        shown = script(gateway, "settz", "GMT Offset", "GMT+05:00", "commit", "zone")
        assert "The time zone is set to GMT+05:00." in shown
        assert "Changes committed: " in shown
        gateway.wait_log("time_zone changed")


def test_sys_21_c_34_the_last_way_in_stays(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        name = next(iter(gateway.config["interfaces"]))
        edit = ("interfaceconfig", "edit", name, "", "", "")
        assert "Changes committed: " in script(
            gateway, *edit, "y", str(free_port()), "", "commit", ""
        )
        refused = script(gateway, *edit, "n", "", "commit", "", code=1)
        assert "no interface would have a service for administrators any more" in refused


def test_sys_44_a_support_bundle(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        shown = script(gateway, "supportrequest", "file", "help.tgz")
        assert "The support bundle is /configuration/help.tgz.\n" in shown
        bundle = gateway.state / "management" / "configuration" / "help.tgz"
        assert bundle.stat().st_mode & 0o777 == 0o600
        target = tmp_path / "support.tgz"
        assert "is written" in command(gateway, "support", "bundle", str(target))
        assert target.stat().st_size > 1000


def test_the_way_to_a_host(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        (hop,) = json.loads(cli(gateway, "--json", "traceroute", "127.0.0.1"))["data"]
        assert (hop["addresses"], hop["is_end"]) == (["127.0.0.1"], True)
