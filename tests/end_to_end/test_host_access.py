"""The host access table (mailflow 3): real clients, a real name server, rows 22 to 31.

Clients have the addresses that they need by the PROXY protocol, as behind a load balancer.
"""

import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dns_server import DnsServer, serving
from tests.end_to_end.gateway import Client, Gateway, base_config, message, wait_until

ZONE = {
    # A host whose name leads back to it, and what it is called so.
    "25.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
    "mail.partner.example": {"A": ["192.0.2.25"]},
    "26.2.0.192.in-addr.arpa": {"PTR": ["partner.example"]},
    "partner.example": {"A": ["192.0.2.26"], "MX": ["10 mail.partner.example"]},
    # A forged one, and one whose name server is ill. 198.51.100.9 has no name.
    "66.2.0.192.in-addr.arpa": {"PTR": ["mail.partner.example"]},
    "67.2.0.192.in-addr.arpa": {"SERVFAIL": []},
    "77.113.0.203.bl.example.org": {"A": ["127.0.0.2"]},
    "78.113.0.203.bl.example.org": {"A": ["127.0.0.3"]},
    "79.113.0.203.block.example.org": {"A": ["127.0.0.2"]},
}
POLICIES = """
$ACCEPTED
    ACCEPT
$THROTTLED
    ACCEPT {
        max_msgs_per_session = 1
        max_rcpts_per_msg = 2
        max_concurrency = 1
    }
$TRUSTED
    ACCEPT {
        max_concurrency = 50
    }
$RELAYED
    RELAY
$BLOCKED
    REJECT
$LATER
    CONTINUE
"""
LAST = """
ALL
    $ACCEPTED
"""


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with serving(ZONE) as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, dns: DnsServer) -> Iterator[Gateway]:
    """Yield one that is not started yet."""
    config = base_config(tmp_path, dns={"servers": [dns.address], "timeout_seconds": 2})
    config["listeners"][0] |= {"reverse_dns": True, "proxy_protocol_from": ["127.0.0.1"]}
    config["reputation"] = {
        "order": ["dns_lists"],
        "dns_lists": [{"zone": "bl.example.org", "scores": {"127.0.0.2": -6.1, "127.0.0.3": 3.4}}],
    }
    made = Gateway(tmp_path, config)
    yield made
    if made.process is not None:
        made.stop()


def start(gateway: Gateway, groups: str, **inbound: object) -> Gateway:
    gateway.listener()["host_access"] = f"{POLICIES}{groups}{LAST}"
    gateway.config["inbound"] = inbound
    return gateway.start()


def connect(gateway: Gateway, address: str) -> Client:
    client = Client(gateway.port(), greet=False)
    client.send(f"PROXY TCP4 {address} 203.0.113.5 40000 25\r\n")
    client.banner = client.reply()
    return client


def heard(gateway: Gateway, address: str, *commands: str) -> list[str]:
    """Return the banner that `address` gets, and the answers to `commands`."""
    with connect(gateway, address) as client:
        return [client.banner, *map(client.command, commands)]


def log_of(gateway: Gateway, address: str) -> str:
    """Return what the log says about a connection of `address`: rule, group and match."""
    heard(gateway, address)
    line = gateway.wait_log(f" address {address} ")
    number = line.partition("New SMTP ")[2].partition(" interface")[0]
    return gateway.wait_log(f": {number} ").partition(f": {number} ")[2]


def counters_of(gateway: Gateway) -> dict[str, int]:
    (worker,) = gateway.status()["workers"]
    counters: dict[str, int] = worker["counters"]
    return counters


def test_row_22_tcp_refuse(gateway: Gateway) -> None:
    start(gateway, "203.0.113.\n    TCPREFUSE (a partial IP)\n")
    with connect(gateway, "203.0.113.80") as client:
        assert client.banner == ""
        assert client.at_end()
    gateway.wait_log("Info: ICID 0 TCPREFUSE SG None match 203.0.113. SBRS None")
    assert "203.0.113.80" not in gateway.log()  # nothing else is said of it
    assert log_of(gateway, "192.0.2.25") == "ACCEPT SG None match ALL SBRS None"
    assert "ICID 1 ACCEPT" in gateway.log()  # who was cut took no number
    counters = counters_of(gateway)
    assert (counters["connections_cut"], counters["connections_in"]) == (1, 1)


def test_row_23_a_bad_score_is_rejected(gateway: Gateway) -> None:
    start(gateway, "BLACKLIST:\n        sbrs[-10.0:-3.0]\n        $BLOCKED\n")
    banner, *answers = heard(gateway, "203.0.113.77", "EHLO x", "MAIL FROM:<a@b.example>", "QUIT")
    first, second = banner.split("\n")
    assert first == "554-gw1.corp.example"
    assert second.startswith("554 Access to this mail system was refused because of the reputation")
    assert answers[0].startswith("503 ")
    assert answers[1].startswith("503 ")
    assert answers[2] == "221 gw1.corp.example"
    gateway.wait_log("ICID 1 REJECT SG BLACKLIST match sbrs[-10.0:-3.0] SBRS -6.1")
    assert heard(gateway, "203.0.113.78")[0].startswith("220 ")
    gateway.wait_log("ICID 2 ACCEPT SG None match ALL SBRS 3.4")
    assert counters_of(gateway)["hosts_rejected"] == 1


def test_row_24_delayed_rejection(gateway: Gateway) -> None:
    start(
        gateway,
        "BLACKLIST:\n        sbrs[-10.0:-3.0]\n"
        '        REJECT {\n            smtp_banner_text = "No mail from $RemoteIP"\n        }\n',
        delayed_hat_rejection=True,
    )
    banner, _, mail, one, two, data = heard(
        gateway, "203.0.113.77", "EHLO x", "MAIL FROM:<ann@nope.invalid>",
        "RCPT TO:<bob@corp.example>", "RCPT TO:<x@other.example>", "DATA",
    )  # fmt: skip
    assert banner == "220 gw1.corp.example ESMTP"
    assert mail == "250 sender <ann@nope.invalid> ok"
    assert one == two == "554 No mail from 203.0.113.77"
    assert data == "503 #5.5.1 RCPT first"
    gateway.wait_log("ICID 1 REJECT SG BLACKLIST match sbrs[-10.0:-3.0] SBRS -6.1")
    gateway.wait_log(
        "ICID 1 Delayed HAT REJECT continuing session for recipient logging (203.0.113.77)"
    )
    gateway.wait_log("MID 1 ICID 1 From: <ann@nope.invalid>")
    gateway.wait_log("MID 1 ICID 1 To: <bob@corp.example> Rejected by HAT")
    gateway.wait_log("MID 1 ICID 1 To: <x@other.example> Rejected by HAT")
    assert heard(gateway, "203.0.113.78")[0].startswith("220 ")


def test_row_25_the_first_group_decides(gateway: Gateway) -> None:
    one = "A:\n        10.2.0.0/16\n        $ACCEPTED\n"
    two = "B:\n        10.2.3.7\n        $BLOCKED\n"
    start(gateway, one + two)
    assert heard(gateway, "10.2.3.7")[0].startswith("220 ")
    gateway.wait_log("ICID 1 ACCEPT SG A match 10.2.0.0/16 SBRS rfc1918")
    gateway.listener()["host_access"] = f"{POLICIES}{two}{one}{LAST}"
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []
    assert heard(gateway, "10.2.3.7")[0].startswith("554-")
    gateway.wait_log("ICID 2 REJECT SG B match 10.2.3.7 SBRS rfc1918")


def test_row_26_ranges_and_names(gateway: Gateway) -> None:
    start(
        gateway,
        "RANGE:\n        198.51.100.5-20\n        $BLOCKED\n"
        "BELOW:\n        .partner.example\n        $TRUSTED\n",
    )
    for address in ("198.51.100.5", "198.51.100.20"):
        assert log_of(gateway, address) == "REJECT SG RANGE match 198.51.100.5-20 SBRS None"
    assert log_of(gateway, "198.51.100.21") == "ACCEPT SG None match ALL SBRS None"
    assert log_of(gateway, "192.0.2.25") == "ACCEPT SG BELOW match .partner.example SBRS None"
    assert log_of(gateway, "192.0.2.26") == "ACCEPT SG None match ALL SBRS None"
    line = gateway.wait_log("address 192.0.2.26 ")
    assert line.endswith("reverse dns host partner.example verified yes")


def test_row_27_a_forged_name_matches_no_name(gateway: Gateway) -> None:
    start(
        gateway,
        "FRIENDS:\n        mail.partner.example\n        $TRUSTED\n"
        'FORGED:\n        dns_host_verification = "not_double_verified"\n        $BLOCKED\n'
        'NAMELESS:\n        dns_host_verification = "not_exist, serv_fail"\n        $THROTTLED\n',
    )
    friend = "ACCEPT SG FRIENDS match mail.partner.example SBRS None"
    forged = "REJECT SG FORGED match not.double.verified SBRS None"
    assert log_of(gateway, "192.0.2.25") == friend
    assert log_of(gateway, "192.0.2.66") == forged
    line = gateway.wait_log("address 192.0.2.66 ")
    assert line.endswith("reverse dns host mail.partner.example verified no")
    assert log_of(gateway, "192.0.2.67") == "ACCEPT SG NAMELESS match serv.fail SBRS None"
    assert log_of(gateway, "198.51.100.9") == "ACCEPT SG NAMELESS match nx.domain SBRS None"
    line = gateway.wait_log("address 198.51.100.9 ")
    assert line.endswith("reverse dns host unknown verified no")


def test_row_28_continue_goes_on(gateway: Gateway) -> None:
    start(
        gateway,
        "PARKED:\n        203.0.113.78\n        $LATER\n"
        "UNKNOWNLIST:\n        sbrs[-1.0:10.0]\n        $TRUSTED\n",
    )
    found = "ACCEPT SG UNKNOWNLIST match sbrs[-1.0:10.0] SBRS 3.4"
    assert log_of(gateway, "203.0.113.78") == found


def test_row_29_recipients_of_a_message(gateway: Gateway) -> None:
    start(gateway, "192.0.2.0/24\n    $THROTTLED\n")
    with connect(gateway, "192.0.2.25") as client:
        client.command("EHLO x")
        client.command("MAIL FROM:<ann@partner.example>")
        assert client.command("RCPT TO:<a@corp.example>").startswith("250 ")
        assert client.command("RCPT TO:<b@corp.example>").startswith("250 ")
        assert client.command("RCPT TO:<c@corp.example>") == "452 #4.5.3 Too many recipients"
        client.command("DATA")
        client.send(message() + b".\r\n")
        assert client.reply().startswith("250 ok:")
    gateway.wait_maildir(1)
    wait_until(lambda: counters_of(gateway).get("delivered") == 2, "two recipients")
    assert "c@corp.example" not in gateway.log()


def test_row_30_messages_of_a_session(gateway: Gateway) -> None:
    start(gateway, "192.0.2.0/24\n    $THROTTLED\n")
    with connect(gateway, "192.0.2.25") as client:
        client.command("EHLO x")
        assert client.message(["bob@corp.example"], message()).startswith("250 ")
        refused = client.command("MAIL FROM:<ann@partner.example>")
        assert refused == "421 #4.x.2 Too many messages for this session"
        assert client.at_end()
    gateway.wait_log("ICID 1 Receiving Failed: Too Many Messages")


def test_row_31_connections_of_a_host(gateway: Gateway) -> None:
    start(gateway, "192.0.2.0/24\n    $THROTTLED\n")
    refusal = "421 #4.4.5 Too many connections from your host"
    with connect(gateway, "192.0.2.25") as first:
        assert first.banner.startswith("220 ")
        with connect(gateway, "192.0.2.25") as second:
            assert second.banner == refusal
            assert second.at_end()
        with connect(gateway, "192.0.2.26") as other:  # a host of its own
            assert other.banner.startswith("220 ")
        with connect(gateway, "198.51.100.9") as stranger:  # another policy
            assert stranger.banner.startswith("220 ")
    gateway.wait_log("ICID 2 Receiving Failed: Connection limit exceeded")
    gateway.wait_log("ICID 1 close")
    assert heard(gateway, "192.0.2.25")[0].startswith("220 ")


def test_relaying_by_the_table(gateway: Gateway) -> None:
    start(gateway, "192.0.2.40\n    RELAY (our old mailer)\n")
    out = gateway.listener("Out")
    out["host_access"] = "192.0.2.41\n    RELAY\nALL\n    REJECT\n"
    out["proxy_protocol_from"] = ["127.0.0.1"]
    del out["relay_hosts"]
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []
    commands = ("EHLO x", "MAIL FROM:<ann@corp.example>", "RCPT TO:<x@other.example>")
    assert heard(gateway, "192.0.2.40", *commands)[-1] == "250 recipient <x@other.example> ok"
    gateway.wait_log("ICID 1 RELAY SG None match 192.0.2.40 SBRS None")
    assert heard(gateway, "192.0.2.25", *commands)[-1] == "550 #5.1.0 Address rejected."
    inside = gateway.port("Out")
    for address, code in (("192.0.2.41", "250"), ("192.0.2.42", "503")):
        with Client(inside, greet=False) as client:
            client.send(f"PROXY TCP4 {address} 203.0.113.5 40000 25\r\n")
            client.reply()
            assert [client.command(each) for each in commands][-1].startswith(code)
    gateway.wait_log("RELAY SG None match 192.0.2.41 SBRS not enabled")
    gateway.wait_log("REJECT SG None match ALL SBRS not enabled")


def test_dns_lists_of_the_table_itself(gateway: Gateway, dns: DnsServer) -> None:
    start(
        gateway,
        "192.0.2.0/24\n    $TRUSTED\n"
        "LISTED:\n        dnslist[block.example.org]\n        TCPREFUSE\n",
    )
    assert heard(gateway, "203.0.113.79") == [""]
    gateway.wait_log("ICID 0 TCPREFUSE SG LISTED match dnslist[block.example.org] SBRS None")
    assert log_of(gateway, "203.0.113.80") == "ACCEPT SG None match ALL SBRS None"
    assert log_of(gateway, "192.0.2.25") == "ACCEPT SG None match 192.0.2.0/24 SBRS None"
    asked = [name for name, _, _ in dns.questions if name.endswith("block.example.org")]
    assert sorted(asked) == ["79.113.0.203.block.example.org", "80.113.0.203.block.example.org"]


def test_dead_providers_cost_their_time_once(tmp_path: Path) -> None:
    zone = {
        "9.100.51.198.in-addr.arpa": {"DROP": []},
        "9.100.51.198.block.example.org": {"DROP": []},
    }
    with serving(zone) as server:
        dns = {"servers": [server.address], "timeout_seconds": 0.2}
        config = base_config(tmp_path, dns=dns)
        config["listeners"][0] |= {"reverse_dns": True, "proxy_protocol_from": ["127.0.0.1"]}
        gateway = Gateway(tmp_path, config)
        start(
            gateway,
            "LISTED:\n        dnslist[block.example.org]\n        $BLOCKED\n"
            'ILL:\n        dns_host_verification = "serv_fail"\n        $THROTTLED\n',
        )
        try:
            for _ in range(2):
                assert heard(gateway, "198.51.100.9")[0].startswith("220 ")
            gateway.wait_log("ICID 1 ACCEPT SG ILL match serv.fail SBRS")
            gateway.wait_log("Warning: Reputation: block.example.org does not answer")
            asked = [name for name, _, _ in server.questions if "block" in name]
            assert len(asked) == 1
        finally:
            gateway.stop()


def test_banners(gateway: Gateway) -> None:
    start(
        gateway,
        "192.0.2.0/24\n    ACCEPT {\n"
        '        smtp_banner_code = 221\n        smtp_banner_text = "Hello $Hostname\\n($Group)"\n'
        '        use_override_hostname = "on"\n        override_hostname = "mx.corp.example"\n'
        "    }\n"
        "198.51.100.\n    REJECT {\n"
        '        smtp_banner_code = 550\n        smtp_banner_text = "$HATEntry: no, $hostname"\n'
        "    }\n",
    )
    banner, hello = heard(gateway, "192.0.2.25", "HELO x")
    assert banner == "221-mx.corp.example Hello mail.partner.example\n221 (None)"
    assert hello == "250 gw1.corp.example"  # the other name is for the banner alone
    assert heard(gateway, "192.0.2.67")[0].startswith("221-mx.corp.example Hello Unknown\n")
    refusal = "550-gw1.corp.example\n550 198.51.100.: no, None"
    assert heard(gateway, "198.51.100.9")[0] == refusal


def test_each_policy_has_its_own_verification(gateway: Gateway) -> None:
    start(
        gateway,
        "192.0.2.0/24\n    ACCEPT {\n"
        '        envelope_sender_verification = "on"\n'
        "        sender_not_exist_code = 450\n"
        '        sender_not_exist_text = "Who is $EnvelopeSender?"\n'
        "    }\n",
    )
    gateway.listener()["default_domain"] = "corp.example"
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []
    mails = ("MAIL FROM:<a@nope.invalid>", "MAIL FROM:<a>")
    _, _, missing, bare = heard(gateway, "192.0.2.25", "EHLO x", *mails)
    assert missing == "450 Who is a@nope.invalid?"
    assert bare == "553 #5.5.4 Domain required for sender address"  # none is appended (2.5)
    _, _, unasked, _ = heard(gateway, "198.51.100.9", "EHLO x", mails[0], "RSET")
    assert unasked == "250 sender <a@nope.invalid> ok"
    _, _, completed = heard(gateway, "198.51.100.9", "EHLO x", mails[1])
    assert completed == "250 sender <a@corp.example> ok"


def test_tls_and_auth_by_policy(gateway: Gateway, certificate: tuple[Path, Path]) -> None:
    users = gateway.directory / "users"
    command = [sys.executable, "-m", "mailwarden.app", "credentials", "add", "ann"]
    command += ["--file", str(users)]
    subprocess.run(command, input=b"secret\n", check=True, capture_output=True)
    files = {"certificate": str(certificate[0]), "key": str(certificate[1])}
    files["client_ca"] = str(certificate[0])
    gateway.config["certificates"] = {"mx": files}
    gateway.listener()["certificate"] = "mx"
    start(
        gateway,
        "127.0.0.1\n    ACCEPT {\n"
        '        tls = "on"\n        smtp_auth = "preferred"\n        max_rcpts_per_msg = 2\n'
        "    }\n"
        '192.0.2.25\n    ACCEPT {\n        tls = "required"\n        verify_client_cert = "on"\n'
        "    }\n"
        '192.0.2.26\n    ACCEPT {\n        tls = "on"\n        verify_client_cert = "on"\n    }\n',
        credentials=str(users),
    )
    del gateway.listener()["proxy_protocol_from"]
    gateway.listener()["xclient_from"] = ["127.0.0.1"]
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []
    context = ssl._create_unverified_context()
    with smtplib.SMTP("127.0.0.1", gateway.port()) as client:
        client.starttls(context=context)
        client.login("ann", "secret")
        client.mail("ann@corp.example")
        # It may send to everybody (2.7), but as many as its group lets it.
        assert [client.rcpt(f"{n}@other.example")[0] for n in range(3)] == [250, 250, 452]
    for address, offers_tls in (("198.51.100.9", False), ("192.0.2.25", True)):
        with Client(gateway.port()) as bare:
            bare.command("EHLO x")
            assert bare.command(f"XCLIENT ADDR={address}").startswith("220 ")
            assert ("STARTTLS" in bare.command("EHLO x")) is offers_tls
            answer = bare.command("MAIL FROM:<a@partner.example>")
            assert answer.startswith("530 " if offers_tls else "250 ")
    assert _starttls(gateway, "192.0.2.26", context)  # whoever has no certificate may come in
    assert not _starttls(gateway, "192.0.2.25", context)
    with_certificate = ssl._create_unverified_context()
    with_certificate.load_cert_chain(*map(str, certificate))
    assert _starttls(gateway, "192.0.2.25", with_certificate)


def _starttls(gateway: Gateway, address: str, context: ssl.SSLContext) -> bool:
    """Tell whether a client that XCLIENT calls `address` gets through the handshake."""
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        client.command(f"XCLIENT ADDR={address}")
        client.command("EHLO x")
        assert client.command("STARTTLS").startswith("220 ")
        try:
            with context.wrap_socket(client.socket) as encrypted:
                encrypted.sendall(b"EHLO x\r\n")
                return encrypted.recv(100).startswith(b"250-")
        except (ssl.SSLError, ConnectionError):
            return False


def test_xclient_is_judged_anew(gateway: Gateway) -> None:
    start(
        gateway,
        "BLACKLIST:\n        sbrs[-10.0:-3.0]\n        $BLOCKED\n"
        "203.0.113.80\n    TCPREFUSE\n192.0.2.25\n    $THROTTLED\n",
    )
    gateway.listener()["xclient_from"] = ["127.0.0.1"]
    del gateway.listener()["proxy_protocol_from"]
    gateway.write_config()
    assert gateway.ask("reload")["problems"] == []
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.command("XCLIENT ADDR=203.0.113.77").startswith("554-gw1.corp.example\n554 ")
    gateway.wait_log("ICID 1 REJECT SG BLACKLIST match sbrs[-10.0:-3.0] SBRS -6.1")
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.command("XCLIENT ADDR=203.0.113.80") == ""
        assert client.at_end()
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        assert client.command("XCLIENT ADDR=192.0.2.25").startswith("220 ")
        gateway.wait_log("address 192.0.2.25 reverse dns host mail.partner.example verified yes")
        with Client(gateway.port()) as second:  # the real client counts, not the peer
            second.command("EHLO x")
            refused = second.command("XCLIENT ADDR=192.0.2.25")
            assert refused == "421 #4.4.5 Too many connections from your host"
            assert second.at_end()


def test_a_client_that_leaves_before_it_is_known(tmp_path: Path) -> None:
    with serving({"9.100.51.198.in-addr.arpa": {"DELAY": ["3"]}}) as server:
        dns = {"servers": [server.address], "timeout_seconds": 10}
        config = base_config(tmp_path, dns=dns)
        config["listeners"][0] |= {"reverse_dns": True, "proxy_protocol_from": ["127.0.0.1"]}
        gateway = Gateway(tmp_path, config)
        gateway.start()
        try:
            client = Client(gateway.port(), greet=False)
            client.send("PROXY TCP4 198.51.100.9 203.0.113.5 40000 25\r\n")
            wait_until(lambda: any(kind == "PTR" for _, kind, _ in server.questions), "a question")
            # Unread bytes at the other side make the close a reset (RFC 2525, 2.17).
            linger = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            client.socket.setsockopt(1, 13, linger)
            client.close()
            line = gateway.wait_log("ICID 1 Connection from 198.51.100.9 on interface Data1")
            assert line.endswith("before any commands were received")
            gateway.wait_log("ICID 1 close")
        finally:
            gateway.stop()


def test_what_is_wrong_with_a_table_is_said_at_once_and_changes_nothing(gateway: Gateway) -> None:
    start(gateway, "192.0.2.25\n    $BLOCKED\n")
    (gateway.directory / "hat").write_text(
        "$ACCEPTED\n    ACCEPT {\n        max_concurrency = many\n    }\n"
        "10.2.3.4/16\n    $NOWHERE\nALL\n    CONTINUE\n"
    )
    gateway.listener()["host_access"] = {"file": "hat"}
    gateway.write_config()
    problems = "\n".join(gateway.ask("reload")["problems"])
    for number, text in (
        (3, "max_concurrency: 'many' is not a number"),
        (5, "'10.2.3.4/16' has bits set behind its prefix; write 10.2.0.0/16"),
        (6, "there is no policy '$NOWHERE'"),
        (7, "ALL cannot CONTINUE: nothing follows that could decide"),
    ):
        assert f"hat:{number}: {text}" in problems
    assert heard(gateway, "192.0.2.25")[0].startswith("554-")
