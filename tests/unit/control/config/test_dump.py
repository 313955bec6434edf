"""A configuration written as YAML reads back as the same value."""

import pytest

from mailwarden.control.config.dump import dump_config
from mailwarden.control.config.reader import demo_text
from tests.unit.control.config.sample import SAMPLE, read

RICH = (
    SAMPLE
    + """
user: 'off'
smtp_routes: {corp.example: "mail.int.example/pri=1, [10.0.0.9]:26", .corp.example: USEDNS}
certificates: {'1': {certificate: c.pem, key: k.pem}}
destinations: {DEFAULT: {max_host_concurrency: 7, tls: none}}
bounce_profiles: {Fast: {initial_retry_seconds: 100ms, bounce_subject: "Zurück: 'nein'"}}
bounce_templates:
  House: {de: {subject: "Zurück: $Subject", text: "a\\n\\nb\\n"}, en: {subject: a, text: b}}
mail_policies: {incoming: [{name: sales, recipients: ['@sales.corp.example', 'boss@']}]}
logs: {level: debug, headers: [X-SBRS], rotate_size_bytes: 1000}
"""
)


@pytest.mark.parametrize("with_defaults", [False, True])
@pytest.mark.parametrize("text", [SAMPLE, RICH, demo_text()], ids=["sample", "rich", "demo"])
def test_what_is_written_reads_back(text: str, with_defaults: bool) -> None:
    config = read(text)
    assert read(dump_config(config, with_defaults=with_defaults)) == config


def test_defaults_are_left_out() -> None:
    assert dump_config(read(SAMPLE)) == (
        "hostname: gw1.corp.example\n"
        "interfaces:\n"
        "  Data1:\n"
        "    address: 203.0.113.5\n"
        "  Data2:\n"
        "    address: 10.0.0.5\n"
        "listeners:\n"
        "- name: In\n"
        "  type: public\n"
        "  interface: Data1\n"
        "  accepted_domains:\n"
        "  - corp.example\n"
        "- name: Out\n"
        "  type: private\n"
        "  interface: Data2\n"
        "  relay_hosts:\n"
        "  - 10.0.0.0/8\n"
    )


def test_defaults_are_shown_where_asked_for_in_units_for_people() -> None:
    lines = dump_config(read(SAMPLE), with_defaults=True).splitlines()
    assert "  segment_size_bytes: 64M" in lines
    assert "  cache_ttl_max_seconds: 1d" in lines
    assert "    tls: 'off'" in lines
