"""The destination controls of a configuration: rows, or the text that stands instead."""

from pathlib import Path

import pytest

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.reader import ConfigError, load_config
from mailwarden.core.policy.destinations import DestinationIndex, DestinationTls, LimitType
from tests.unit.control.config.sample import SAMPLE, read, wrong

TEXT = """
destination_controls: |
  [DEFAULT]
  max_host_concurrency = 20
  max_messages_per_connection = 7
  limit_type = host
  limit_apply = system
  bounce_validation = 0
  table_tls = on
  send_tls_req_alert = 1
  certificate = outcert
  bounce_profile = Default

  [partner.example]
  table_tls = require_verify
  bounce_profile = Patient
"""
CERTIFICATE = "certificates: {outcert: {certificate: a.pem, key: a.key}}\n"
PROFILE = "bounce_profiles: {Patient: {}}\n"


def test_rows() -> None:
    config = read(
        SAMPLE + "destinations: {default: {recipient_limit: 9}, a.example: {limit_type: mxip}}\n"
        "delivery: {send_tls_alert: on}\n"
    )
    table = destination_table(config)
    assert table.send_tls_alert
    index = DestinationIndex(table)
    assert index.find("a.example").limit_type is LimitType.MXIP
    assert index.find("a.example").recipient_limit == 9
    assert index.find("b.example").limit_type is LimitType.HOST


def test_the_text_stands_instead_of_rows() -> None:
    table = destination_table(read(SAMPLE + CERTIFICATE + PROFILE + TEXT))
    assert (table.certificate, table.send_tls_alert) == ("outcert", True)
    index = DestinationIndex(table)
    assert index.find("partner.example").tls is DestinationTls.REQUIRED_VERIFY
    assert index.find("partner.example").bounce_profile == "Patient"
    assert index.find("other.example").tls is DestinationTls.PREFERRED
    assert index.find("other.example").max_host_concurrency == 20


def test_what_a_text_leaves_open_is_said_elsewhere() -> None:
    text = "destination_controls: '[partner.example]'\n"
    more = CERTIFICATE + "delivery: {certificate: outcert, send_tls_alert: on}\n"
    table = destination_table(read(SAMPLE + text + more))
    assert (table.certificate, table.send_tls_alert) == ("outcert", True)
    assert [name for name, _ in table.rows] == ["partner.example"]


def test_unknown_names_are_told_with_their_lines() -> None:
    found = wrong(SAMPLE + TEXT + "destinations: {a.example: {}}\n")
    first = SAMPLE.count("\n") + 2
    path = "destination_controls"
    assert found == [
        f"{first}:23: {path}: `destinations` say the same: keep one of them",
        f"{first + 9}: {path}: 'outcert' is not in `certificates`; known: none is defined",
        f"{first + 14}: {path}: 'Patient' is not in `bounce_profiles`; known: Default",
    ]


def test_tags_need_a_key_wherever_they_are_asked_for(tmp_path: Path) -> None:
    text = "destination_controls: {file: controls.txt}\nstate_directory: state\n"
    (tmp_path / "controls.txt").write_text("[a.example]\nbounce_validation = 1\n")
    (tmp_path / "mailwarden.yaml").write_text(SAMPLE + text)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "mailwarden.yaml")
    [problem] = raised.value.problems
    assert problem.file == str(tmp_path / "controls.txt")
    assert problem.line == 2
    assert "bounce_validation needs a key to tag with" in problem.message


def test_lines_that_are_wrong_are_told_where_they_stand() -> None:
    [found] = wrong(SAMPLE + "destination_controls: |\n  [a.example]\n  table_tls = never\n")
    line = SAMPLE.count("\n") + 3
    assert found.startswith(f"{line}: destination_controls: table_tls is one of")


@pytest.mark.parametrize(
    "rows",
    [
        "destinations: {default: {bounce_validation: on}, a.example: {bounce_validation: on}}\n",
        TEXT.replace("bounce_validation = 0", "bounce_validation = 1") + CERTIFICATE + PROFILE,
    ],
)
def test_nothing_is_tagged_while_bounce_verification_is_off(rows: str) -> None:
    def tagged(more: str) -> bool:
        index = DestinationIndex(destination_table(read(SAMPLE + rows + more)))
        return any(index.find(name).bounce_validation for name in ("a.example", "b.example"))

    assert tagged("")
    assert not tagged("bounce_verification: {enabled: off}\n")
