"""XML files of the configuration at a whole gateway: shown, saved, mailed, loaded (admin 10.3)."""

import email
import email.policy
import stat
from pathlib import Path

from tests.end_to_end.gateway import Client, Gateway, running
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command
from tests.unit.control.commands.xml_files import FOREIGN, HEAD, part

SECRET = "s3cret of the updates"


def files(gateway: Gateway) -> Path:
    return gateway.state / "management" / "configuration"


def script(gateway: Gateway, *lines: str) -> str:
    """Type lines into one session of the CLI."""
    return command(gateway, "cli", given="".join(f"{line}\n" for line in lines))


def test_x_15_the_configuration_arrives_by_mail(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        sent = cli(gateway, "mailconfig", "bob@corp.example", "secrets", "mask")
        assert sent == "The configuration file has been sent to bob@corp.example.\n"
        (content,) = gateway.wait_maildir(1)
        mail = email.message_from_bytes(content, policy=email.policy.SMTP)
        assert mail["subject"] == "Configuration of gw1.corp.example"
        _, attached = mail.iter_parts()
        assert attached.get_content_type() == "application/xml"
        assert attached.get_payload(decode=True).startswith(HEAD.encode())
        gateway.wait_log("was written for administrator admin")


def test_x_04_x_10_x_14_load_and_commit(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        folder = files(gateway)
        assert (folder / "config.dtd").read_text().startswith("<?xml ")
        cli(gateway, "saveconfig", "all.xml", "secrets", "encrypt")
        for path in (folder / "all.xml", folder.parent / "export.key"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        same = script(gateway, "loadconfig all.xml", "showchanges")
        assert "There are no changes." in same

        (folder / "foreign.xml").write_text(FOREIGN)
        refused = command(gateway, "cli", "loadconfig", "foreign.xml", code=1)
        assert 'this configuration was saved on model "C660"; this node is "GW-VM"' in refused

        (folder / "some.xml").write_text(part("<hostname>mail4.corp.example</hostname>"))
        script(gateway, "loadconfig some.xml", "commit by a file")
        with Client(gateway.port()) as client:
            assert client.banner.startswith("220 mail4.corp.example ")
        assert "Comment:  by a file\n" in cli(gateway, "commitdetail")
        gateway.stop()
        gateway.start()  # by the version that was committed, whatever the file says
        with Client(gateway.port()) as client:
            assert client.banner.startswith("220 mail4.corp.example ")


def test_x_13_a_hostile_file_is_in_the_log(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        hostile = HEAD.replace('SYSTEM "config.dtd"', '[<!ENTITY x SYSTEM "file:///etc/passwd">]')
        (files(gateway) / "bad.xml").write_text(
            f"{hostile}<config><hostname>&x;</hostname></config>"
        )
        refused = command(gateway, "cli", "loadconfig", "bad.xml", code=1)
        assert "root:" not in refused
        line = gateway.wait_log("tried to load the configuration bad.xml")
        assert line.endswith("which is refused: entity")


def test_xml_26_reset(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wait_administration(gateway)
        with Client(gateway.port()) as client:
            assert client.banner
        early = command(gateway, "cli", given="resetconfig\ny\ny\n", code=1)
        assert "The gateway has to be offline first" in early
        cli(gateway, "offline", "0")
        shown = script(gateway, "resetconfig", "y", "y")
        assert "restored to the factory default" in shown
        assert "<listeners></listeners>" in cli(gateway, "showconfig", "secrets", "mask")
        assert gateway.status()["hostname"] == "gw1.corp.example"
