"""Envelope sender verification and the exception table (mailflow 3.8), with a real name server."""

from pathlib import Path

from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, base_config

ZONE = {
    "good.example": {"MX": ["10 mx.good.example"]},
    "hosts.example": {"A": ["192.0.2.7"]},
    "silent.example": {"MX": ["0 ."]},  # takes no mail (RFC 7505)
    "broken.example": {"SERVFAIL": []},
}


def gateway_on(tmp_path: Path, dns: str, **policy: object) -> Gateway:
    config = base_config(tmp_path, dns={"servers": [dns], "timeout_seconds": 2})
    config["listeners"][0].setdefault("policy", {}).update(policy)
    config["inbound"] = {
        **config.get("inbound", {}),
        "sender_exceptions": [
            "@nope.invalid ALLOW",
            'bulk@good.example REJECT (554 "No more of <$EnvelopeSender>")',
            "@good.example REJECT",
        ],
    }
    gateway = Gateway(tmp_path, config)
    gateway.write_config()
    return gateway


def heard(gateway: Gateway, *senders: str) -> dict[str, str]:
    replies = {}
    with Client(gateway.port()) as client:
        client.command("EHLO x")
        for sender in senders:
            replies[sender] = client.command(f"MAIL FROM:<{sender}>")
            client.command("RSET")
    return replies


def test_row_38_sender_verification(tmp_path: Path) -> None:
    with serving(ZONE) as dns:
        gateway = gateway_on(tmp_path, dns.address, envelope_sender_verification=True)
        gateway.start()
        try:
            missing = "553 #5.1.8 Domain of sender address <{}> does not exist"
            unknown = "451 #4.1.8 Domain of sender address <{}> does not resolve"
            senders = ("a@nope.invalid", "a@silent.example", "a@broken.example")
            for _ in range(2):  # the second time, what DNS said is known
                replies = heard(gateway, *senders, "a@good.example", "a@hosts.example", "")
                assert replies["a@nope.invalid"] == missing.format("a@nope.invalid")
                assert replies["a@silent.example"] == (
                    "553 #5.7.27 Domain of sender address <a@silent.example> accepts no mail"
                )
                assert replies["a@broken.example"] == unknown.format("a@broken.example")
                assert replies["a@good.example"].startswith("250")
                assert replies["a@hosts.example"].startswith("250")
                assert replies[""].startswith("250")
            gateway.wait_log(
                "Address: <a@nope.invalid> sender rejected, envelope sender domain does not exist"
            )
            gateway.wait_log(
                "Address: <a@silent.example> sender rejected, "
                "envelope sender domain accepts no mail"
            )
            gateway.wait_log(
                "Address: <a@broken.example> sender rejected, "
                "envelope sender domain could not be resolved"
            )
        finally:
            gateway.stop()


def test_row_38_a_sender_needs_a_domain(tmp_path: Path) -> None:
    with serving(ZONE) as dns:
        gateway = gateway_on(tmp_path, dns.address, envelope_sender_verification=True)
        gateway.start()
        try:
            assert heard(gateway, "a")["a"].startswith("553 #5.5.4 ")
        finally:
            gateway.stop()


def test_row_39_exception_table(tmp_path: Path) -> None:
    with serving(ZONE) as dns:
        policy = {"envelope_sender_verification": True, "use_exception_table": True}
        gateway = gateway_on(tmp_path, dns.address, **policy)
        gateway.start()
        try:
            replies = heard(gateway, "a@nope.invalid", "a@good.example", "bulk@good.example")
            assert replies["a@nope.invalid"].startswith("250")
            assert replies["a@good.example"] == "553 Envelope sender <a@good.example> rejected"
            assert replies["bulk@good.example"] == "554 No more of <bulk@good.example>"
            gateway.wait_log(
                "Address: <a@nope.invalid> sender allowed, envelope sender matched domain exception"
            )
            gateway.wait_log(
                "Address: <a@good.example> sender rejected, "
                "envelope sender matched domain exception"
            )
        finally:
            gateway.stop()


def test_a_client_that_leaves_while_dns_is_asked_hurts_nobody(tmp_path: Path) -> None:
    zone = {**ZONE, "slow.example": {"DELAY": ["1"], "MX": ["10 mx.slow.example"]}}
    with serving(zone) as dns:
        gateway = gateway_on(tmp_path, dns.address, envelope_sender_verification=True)
        gateway.start()
        try:
            client = Client(gateway.port())
            client.command("EHLO x")
            client.send("MAIL FROM:<a@slow.example>\r\n")
            client.close()
            assert heard(gateway, "a@good.example")["a@good.example"].startswith("250")
            gateway.wait_log("ICID 1 close")
            assert heard(gateway, "b@slow.example")["b@slow.example"].startswith("250")
        finally:
            gateway.stop()


def test_a_dead_name_server_costs_its_time_and_gives_451(tmp_path: Path) -> None:
    with serving({"dead.example": {"DROP": []}, **ZONE}) as dns:
        gateway = gateway_on(tmp_path, dns.address, envelope_sender_verification=True)
        gateway.config["dns"] |= {"timeout_seconds": 0.2}
        gateway.write_config()
        gateway.start()
        try:
            replies = heard(gateway, "a@dead.example", "a@good.example", "a@dead.example")
            assert replies["a@dead.example"].startswith("451 #4.1.8 ")
            assert replies["a@good.example"].startswith("250")
        finally:
            gateway.stop()
