"""Commands of routes, tables and delivery: what is committed is what happens to a client's mail."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.gateway import Client, Gateway, base_config, message, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_destination_controls import wait_for_room
from tests.end_to_end.test_operations import command
from tests.end_to_end.test_virtual_gateways import Host

TAGGED = re.compile(rb"prvs=ann=[0-9]{4}[0-9a-f]{6}@corp\.example\Z")


class Site:
    """A gateway, a host that all mail goes to, and one that it goes to by command."""

    def __init__(self, folder: Path) -> None:
        self.host, self.other = Host(), Sink(self._answer)
        self.gateway = Gateway(
            folder,
            base_config(
                folder,
                interfaces={
                    "Data1": {"address": "127.0.0.1"},
                    "Brand": {"address": "127.0.0.2", "hostname": "brand.corp.example"},
                },
                smtp_routes={
                    "corp.example": f"maildir:{folder}/maildir",
                    "ALL": f"127.0.0.1:{self.host.port}",
                },
            ),
        )

    def _answer(self, verb: str, line: bytes) -> bytes | None:
        return b"451 later\r\n" if verb == "RCPT" and b"late@" in line else None

    def change(self, *lines: str) -> str:
        """Type commands, and commit; return what was shown."""
        shown = command(self.gateway, "cli", given="".join(f"{x}\n" for x in (*lines, "commit x")))
        assert "Changes committed" in shown, shown
        return shown

    def send(self, *recipients: str, sender: str = "ann@corp.example") -> str:
        """Send a message from within; return its MID."""
        with Client(self.gateway.port("Out")) as client:
            client.command("EHLO inside.example")
            return client.message(list(recipients), message(), sender).split()[3]

    def arrived(self, recipient: str, where: Sink | None = None) -> tuple[bytes, tuple[str, str]]:
        """Wait for a recipient's message; return its sender, and the address and name it is from.

        The latter is only known of the host that all mail goes to.
        """
        host = self.host if where is None else where

        def find() -> int:
            for at, (_, recipients) in enumerate(host.envelopes):
                if any(recipient.encode() in each for each in recipients):
                    return at + 1
            return 0

        at = wait_until(find, f"mail for {recipient}") - 1
        origin = self.host.origins[at] if host is self.host else ("", "")
        return host.envelopes[at][0], origin


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.host, site.other:
        site.gateway.start()
        try:
            wait_administration(site.gateway)
            yield site
        finally:
            site.gateway.stop()


def test_smtproutes_sends_mail_elsewhere(site: Site) -> None:
    site.send("bob@routed.example")
    site.arrived("bob@routed.example")
    site.change(f"smtproutes new routed.example [127.0.0.1]:{site.other.port}")
    site.send("eve@routed.example")
    site.arrived("eve@routed.example", site.other)
    # DEF-02: blanks around what is typed go.
    site.change(f'smtproutes edit routed.example " 127.0.0.1:{site.host.port} "')
    site.send("kate@routed.example")
    site.arrived("kate@routed.example")
    cli(site.gateway, "smtproutes", "export", "routes.txt")
    exported = next(site.gateway.state.rglob("routes.txt"))
    assert f"routed.example              127.0.0.1:{site.host.port}\n" in exported.read_text()


def test_destconfig_limits_a_destination(site: Site) -> None:
    wait_for_room()
    site.change("destconfig new few.example recipient_limit 1 recipient_minutes 60")
    site.send("bob@few.example")
    site.arrived("bob@few.example")
    site.send("eve@few.example")
    hosts = ("queue", "hosts", "few.example")
    wait_until(lambda: "Held back: " in command(site.gateway, *hosts), "what is held back")
    assert "1 unattempted" in command(site.gateway, *hosts)
    site.change("destconfig edit few.example recipient_limit 0")
    site.arrived("eve@few.example")


def test_aliasconfig_delivers_to_others(site: Site) -> None:
    site.change(
        "aliasconfig new sales,shop ann@away.example,bob@away.example "
        "context new domains my.example"
    )
    mid = site.send("shop@my.example")
    site.arrived("ann@away.example")
    site.arrived("bob@away.example")
    site.gateway.wait_log(f"Alias match: MID {mid}")


def test_altsrchost_chooses_the_address_that_mail_leaves_from(site: Site) -> None:
    site.change("altsrchost new @brand.example Brand")
    site.send("a@sources.example", sender="news@brand.example")
    assert site.arrived("a@sources.example")[1] == ("127.0.0.2", "brand.corp.example")


def test_deliveryconfig_chooses_the_interface_of_all_mail(site: Site) -> None:
    site.change("deliveryconfig setup interface Brand")
    try:
        site.send("a@interface.example")
        assert site.arrived("a@interface.example")[1] == ("127.0.0.2", "brand.corp.example")
    finally:
        site.change("deliveryconfig setup interface Auto")


def test_unsubscribe_keeps_mail_from_leaving(site: Site) -> None:
    site.change("unsubscribe new @never.example", "unsubscribe setup action bounce")
    mid = site.send("bob@never.example")
    line = site.gateway.wait_log(f"MID {mid} Global unsubscribe matched entry @never.example")
    assert line.endswith("Action bounced")
    site.change("unsubscribe delete @never.example")
    site.send("bob@never.example")
    site.arrived("bob@never.example")


def test_bounceconfig_and_textconfig_say_when_and_how_mail_comes_back(site: Site) -> None:
    count = len(site.gateway.maildir())
    shown = site.change(
        "textconfig new Ours language en subject Sorry text -", "It was $BouncedRecipient.", ".",
        "bounceconfig new Quick max_retries 0 bounce_template Ours",
        f"smtproutes new late.example [127.0.0.1]:{site.other.port}",
        "destconfig new late.example bounce_profile Quick",
    )  # fmt: skip
    assert "The profile Quick is added." in shown
    site.send("late@late.example")
    bounce = site.gateway.wait_maildir(count + 1)
    assert any(b"Subject: Sorry\n" in each.replace(b"\r\n", b"\n") for each in bounce)
    assert any(b"It was <late@late.example>." in each for each in bounce)


def test_bvconfig_makes_a_key_at_once(site: Site) -> None:
    shown = cli(site.gateway, "bvconfig", "key")
    assert shown.endswith("is the current one.\n")
    site.change("destconfig new tagged.example bounce_validation yes")
    site.send("bob@tagged.example")
    assert TAGGED.search(site.arrived("bob@tagged.example")[0])
    refused = command(site.gateway, "cli", "bvconfig", "clear", "force", code=1)
    assert "destinations ask for tags, which need a key: tagged.example" in refused
    listed = command(site.gateway, "bounce-keys", "list")
    assert shown.partition("(")[2].partition(")")[0] in listed
    site.gateway.wait_log("Bounce verification: key 0 (")


def test_policyconfig_says_whose_policy_mail_has(site: Site) -> None:
    site.change("policyconfig outgoing new Partner recipients @policy.example")
    mid = site.send("bob@policy.example")
    site.gateway.wait_log(
        f"MID {mid} matched all recipients for per-recipient policy Partner in the outbound table"
    )
