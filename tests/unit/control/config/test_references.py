"""What is wrong between the parts of a configuration."""

import pytest

from tests.unit.control.config.sample import SAMPLE, changed, wrong

TLS = "certificates: {main: {certificate: c.pem, key: k.pem}}\n"
IN = "[corp.example]"


def table(*parameters: str, name: str = "$OWN") -> str:
    """Return the setting of a table whose policy has `parameters`."""
    lines = [name, "    ACCEPT {", *(f"        {each}" for each in parameters), "    }"]
    lines += ["ALL", "    $OWN" if name == "$OWN" else "    ACCEPT"]
    return "\n".join([f"{IN}\n    host_access: |", *(f"      {line}" for line in lines)])


WRONG = [
    (
        changed(IN, f"{table('tls = default', name='sbrs[none]')}\n    use_reputation: off"),
        "use_reputation: is off, but host_access decides by scores",
    ),
    (changed(IN, table('tls = "on"')), "certificate: is needed because $OWN: tls is preferred"),
    (
        changed(IN, table('verify_client_cert = "on"')),
        "listeners[0].host_access: $OWN: verify_client_cert needs tls preferred or required",
    ),
    (
        changed(IN, table('smtp_auth = "required"', name="192.0.2.25")),
        "host_access: an entry with ACCEPT: smtp_auth is required, but inbound.credentials names",
    ),
    (
        changed(IN, f"{table('max_concurrency = 5')}\n    relay_hosts: [10.0.0.0/8]"),
        "host_access: stands instead of relay_hosts",
    ),
    (
        changed(IN, f"{table('tls = default', name='a.example')}\n    reverse_dns: off"),
        "reverse_dns: is off, but host_access decides by host names",
    ),
    (changed("interface: Data1", "interface: data1"), "`interfaces`; did you mean Data1?"),
    (f"{SAMPLE}updates: {{interface: data1}}\n", "`interfaces`; did you mean Data1?"),
    (
        changed("interface: Data1", "interface: X"),
        "'X' is not in `interfaces`; known: Data1, Data2",
    ),
    (
        changed("name: Out", "name: In"),
        "10:11: listeners[1].name: 'In' is the name of listeners[0]",
    ),
    (changed("interface: Data2", "interface: Data1"), "taken by the listener 'In'"),
    (changed("{address: 10.0.0.5}", "{address: 203.0.113.5}"), "taken by the listener 'In'"),
    (f"{SAMPLE}dns: {{interface: data1}}\n", "`interfaces`; did you mean Data1?"),
    (
        changed("{address: 10.0.0.5}", "{address: 10.0.0.5, ssh_port: 25}"),
        "4:40: interfaces.Data2.ssh_port: port 25 of 10.0.0.5 is taken by the listener 'Out'",
    ),
    (
        changed("{address: 203.0.113.5}", "{address: 203.0.113.5, ssh_port: 65536}"),
        "3:43: interfaces.Data1.ssh_port:",
    ),
    (changed(IN, f"{IN}\n    certificate: man", TLS), "`certificates`; did you mean main?"),
    (changed(IN, f"{IN}\n    certificate: main"), "'main' is not in `certificates`; known: none"),
    (changed(IN, f"{IN}\n    implicit_tls: on", TLS), "main"),
    (changed(IN, f"{IN}\n    policy: {{tls: preferred}}"), "define one under `certificates`"),
    (
        changed(IN, f"{IN}\n    policy: {{verify_client_cert: on}}"),
        "needs tls preferred or required",
    ),
    (
        changed(
            IN,
            f"{IN}\n    certificate: main\n    policy: {{tls: required, verify_client_cert: on}}",
            TLS,
        ),
        "listeners[0].policy.verify_client_cert: needs certificates.main.client_ca",
    ),
    (
        changed(IN, f"{IN}\n    policy: {{smtp_auth: required, require_tls_for_auth: off}}"),
        "10:25: listeners[0].policy.smtp_auth: is required, but inbound.credentials names no file",
    ),
    (
        changed(
            IN, f"{IN}\n    policy: {{smtp_auth: preferred}}", "inbound: {credentials: users}\n"
        ),
        "is never offered: require_tls_for_auth is on and tls is off",
    ),
    (changed(IN, f"{IN}\n    bounce_profile: Fast"), "Default"),
    (changed(IN, f"{IN}\n    max_connections: 301"), "inbound.max_connections (300)"),
    (changed(IN, "[]"), "a public listener refuses every recipient"),
    (changed("[10.0.0.0/8]", "[]"), "a private listener refuses every host"),
    (
        changed("[10.0.0.0/8]", "[10.0.0.0/8]\n    accepted_domains: [a.example]"),
        "means nothing to",
    ),
    (f"{SAMPLE}delivery: {{interface: Data3}}\n", "delivery.interface: 'Data3' is not in"),
    (
        f"{SAMPLE}destinations: {{a.example: {{bounce_profile: X}}}}\n",
        "bounce_profile: 'X' is not in",
    ),
    (f"{SAMPLE}smtp_routes: {{ALL: '10.0.0.5, 10.0.0.9'}}\n", "the gateway's own listener 'Out'"),
    (
        f"{SAMPLE}mail_policies: {{incoming: [{{name: a}}, {{name: a}}]}}\n",
        "is the name of policy 0",
    ),
    (f"{SAMPLE}mail_policies: {{outgoing: [{{name: DEFAULT}}]}}\n", "take another"),
]


@pytest.mark.parametrize(("text", "part"), WRONG, ids=range(len(WRONG)))
def test_one_thing_wrong_is_one_problem(text: str, part: str) -> None:
    found = wrong(text)
    assert len(found) == 1, found
    assert part in found[0]


RIGHT = [
    changed(IN, table('tls = "off"', "max_concurrency = 5")),
    SAMPLE,
    changed("interface: Data2", "interface: Data1\n    port: 26"),
    changed(IN, f"{IN}\n    bounce_profile: Fast", "bounce_profiles: {Fast: {}}\n"),
    changed(IN, f"{IN}\n    bounce_profile: Default"),
    changed(IN, f"{IN}\n    certificate: main\n    policy: {{tls: required}}", TLS),
    changed(IN, "[]\n    relay_hosts: [10.0.0.9]"),
    changed("type: private", "type: blackhole").replace("[10.0.0.0/8]", "[]"),
    f"{SAMPLE}smtp_routes: {{ALL: '10.0.0.5:2525', a.example: '203.0.113.5:26'}}\n",
    f"{SAMPLE}inbound: {{max_connections: 200}}\n",  # the listeners' 300 are only a default
]


@pytest.mark.parametrize("text", RIGHT, ids=range(len(RIGHT)))
def test_right(text: str) -> None:
    assert wrong(text) == []


def test_no_listener_at_all() -> None:
    head = SAMPLE.partition("  - name")[0]
    assert wrong(f"{head.rstrip()} []\n") == []


def test_a_wrong_table_does_not_make_its_names_unknown() -> None:
    text = changed("  Data1: {address: 203.0.113.5}\n  Data2: {address: 10.0.0.5}", "  - 1")
    assert len(wrong(text)) == 1
