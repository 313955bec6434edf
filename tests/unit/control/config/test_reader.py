"""The reader of the configuration file: values, and all that is wrong with them."""

import dataclasses
import pickle
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from mailwarden.control.config.build import VALUE_LENGTH_MAX, VISITS_MAX
from mailwarden.control.config.problems import PROBLEMS_MAX
from mailwarden.control.config.reader import (
    ConfigError,
    demo_text,
    load_config,
    parse_config,
    read_text,
)
from mailwarden.control.config.tree import TEXT_LENGTH_MAX
from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.listener.settings import ListenerType
from tests.unit.control.config.sample import BASE, SAMPLE, changed, read, wrong


def test_values_and_defaults() -> None:
    config = read(SAMPLE)
    assert config.hostname == "gw1.corp.example"
    assert config.state_directory == "/var/lib/mailwarden"
    assert config.interfaces["Data1"].address == "203.0.113.5"
    assert [listener.name for listener in config.listeners] == ["In", "Out"]
    assert config.listeners[0].type is ListenerType.PUBLIC
    assert config.listeners[0].port == 25
    assert config.listeners[0].policy.tls is Demand.OFF
    assert config.listeners[0].policy.max_message_size is None
    assert config.listeners[1].relay_hosts == ("10.0.0.0/8",)
    assert config.smtp_routes == {}


def test_units_switches_and_choices() -> None:
    config = read(
        changed("[corp.example]", "[corp.example]\n    policy: {max_message_size: 20M, tls: off}")
        + "bounce_profiles: {Fast: {initial_retry_seconds: 30s, send_bounces: no}}\n"
        "destinations: {Partner.Example.: {tls: required_verify}, default: {tls: none}}\n"
    )
    assert config.listeners[0].policy.max_message_size == 20 * 1024**2
    assert config.bounce_profiles["Fast"].initial_retry_seconds == 30.0
    assert config.bounce_profiles["Fast"].send_bounces is False
    assert config.destinations["partner.example"].tls is DestinationTls.REQUIRED_VERIFY
    assert config.destinations["DEFAULT"].tls is DestinationTls.NONE


def test_a_block_whose_lines_are_all_commented_out_is_empty() -> None:
    text = SAMPLE + "dns:\nsmtp_routes:\n  # corp.example: USEDNS\nlogs:\n  headers:\n"
    assert read(text) == read(SAMPLE)


def test_an_alias_stands_for_a_whole_block() -> None:
    text = (
        changed("[corp.example]", "[corp.example]\n    policy: &strict {max_concurrency: 3}")
        + "    policy: *strict\n"
    )
    assert [listener.policy.max_concurrency for listener in read(text).listeners] == [3, 3]


def test_nothing_can_be_changed() -> None:
    def assert_frozen(value: Any) -> None:
        if isinstance(value, TextTable):  # it remembers look-ups, which say nothing else
            with pytest.raises(AttributeError):
                value.text = ""  # type: ignore[misc]  # that is what is tested
            value = value.table
        assert not isinstance(value, list | dict | set | bytearray)
        if dataclasses.is_dataclass(value):
            assert value.__dataclass_params__.frozen
            for field in dataclasses.fields(value):
                assert_frozen(getattr(value, field.name))
        elif isinstance(value, Mapping):
            with pytest.raises(TypeError):
                value["x"] = None  # type: ignore[index]  # that is what is tested
            for item in value.values():
                assert_frozen(item)
        elif isinstance(value, tuple):
            for item in value:
                assert_frozen(item)
        else:
            assert value is None or isinstance(value, str | int | float | Enum)

    assert_frozen(read(SAMPLE))
    assert_frozen(read(demo_text()))


def test_paths_count_from_the_folder_of_the_file() -> None:
    config = read(
        SAMPLE
        + "state_directory: var\nlogs: {directory: /log}\n"
        + "smtp_routes: {a.example: maildir:mail, b.example: 'null:'}\n"
        + "certificates: {main: {certificate: tls/cert.pem, key: tls/key.pem}}\n"
    )
    assert config.state_directory == str(BASE / "var")
    assert config.logs.directory == "/log"
    assert config.smtp_routes == {"a.example": f"maildir:{BASE}/mail", "b.example": "null:"}
    assert config.certificates["main"].certificate == str(BASE / "tls/cert.pem")


def test_a_trailing_blank_in_a_host_name_is_stripped() -> None:
    config = read(
        changed("gw1.corp.example", "'gw1.corp.example '")
        + "smtp_routes: {'corp.example ': 'mail.int.example '}\n"
    )
    assert config.hostname == "gw1.corp.example"
    route = RouteTable(config.smtp_routes).find("corp.example")
    assert route is not None
    assert route.hosts[0].host == "mail.int.example"


def test_international_names_become_ascii_ones() -> None:
    config = read(changed("[corp.example]", "[Bücher.example, .bücher.example]"))
    expected = ("xn--bcher-kva.example", ".xn--bcher-kva.example")
    assert config.listeners[0].accepted_domains == expected


WRONG = [
    ("hostname: gw1.corp.example\n", "", "1:1: hostname: is missing"),
    ("hostname:", "hostnam:", "did you mean hostname?"),
    ("gw1.corp.example", "gw1 .corp.example", "1:11: hostname: 'gw1 .corp.example' is not a host"),
    ("gw1.corp.example", "", "1:1: hostname: has no value; it takes text"),
    ("gw1.corp.example", "[a]", "1:11: hostname: takes text, not a list"),
    ("gw1.corp.example", '"a\\nb.example"', "hostname: 'a\\nb.example' is not a host name"),
    ("gw1.corp.example", "!!str x", "tags such as"),
    ("name: In\n", "name: In\n    port: 70000\n", "7:11: listeners[0].port: 70000 is out of range"),
    ("name: In\n", "name: In\n    port: smtp\n", "'smtp' is not a whole number from 1 to 65535"),
    ("name: In\n", "name: In\n    reverse_dns: perhaps\n", "'perhaps' is neither on nor off"),
    ("name: In\n", "name: In\n    policy: strict\n", "needs a block of settings, as in"),
    ("name: In\n", "name: In\n    policy: {max_message_size: 1}\n", "may be at least 1k"),
    ("name: In\n", "name: In\n    policy: {max_message_size: big}\n", "is not a size such as"),
    ("name: In\n", 'name: In\n    policy: {smtp_banner_text: "a\\r\\nb"}\n', "plain ASCII text"),
    ("name: In\n", "name: ' '\n", "is no name"),
    ("type: public", "type: pubic", "_non_queueing; did you mean public?"),
    ("    type: public\n", "", "listeners[0].type: is missing"),
    ("[corp.example]", "corp.example", "takes a list; write [corp.example]"),
    ("[corp.example]", "{a: b}", "begin each item with `- `"),
    ("[corp.example]", "['corp .example']", "listeners[0].accepted_domains[0]: 'corp .example'"),
    ("[corp.example]", "[~]", "listeners[0].accepted_domains[0]: has no value"),
    ("[10.0.0.0/8]", "[10.0.0.1/8]", "has bits set behind its prefix; write 10.0.0.0/8"),
    ("[10.0.0.0/8]", "[all]", "is neither an IP address nor a network"),
    ("Data1: {address: 203.0.113.5}", "Data1: {address: x}", "3:20: interfaces.Data1.address"),
    ("Data1: {address: 203.0.113.5}", "Data1: {}", "interfaces.Data1.address: is missing"),
    ("Data1: {address: 203.0.113.5}", "Data1: 203.0.113.5", "interfaces.Data1: needs a block"),
]


@pytest.mark.parametrize(("old", "new", "part"), WRONG)
def test_one_thing_wrong_is_one_problem(old: str, new: str, part: str) -> None:
    found = wrong(changed(old, new))
    if old == "hostname:":  # a name spelt wrongly is also a missing one
        assert found.pop() == (
            "1:1: hostname: is missing (Fully qualified name of the gateway), "
            "as in `hostname: gw1.corp.example`"
        )
    assert len(found) == 1, found
    assert part in found[0]


ADDED_WRONG = [
    ("workers: 65", "14:10: workers: 65 is out of range; it may be from 0 to 64"),
    ("workers: 1\nworkers: 2", "15:1: `workers` stands here again; it is in line 14 already"),
    ("user: a\u200bb", "the sign U+200B cannot stand in it"),
    ("smtp_routes: [a]", "takes names with values, as in `name: value`"),
    ("smtp_routes: {corp.example: mail .int.example}", "smtp_routes[corp.example]: 'mail .int"),
    ("smtp_routes: {corp.example: a/pri=70000}", "a priority is a number from 0 to 65535"),
    ("smtp_routes: {corp .example: a}", "'corp .example' is not a host name because of a blank"),
    ("smtp_routes: {a.example: x, A.Example: y}", "is the same as a.example, which stands above"),
    ("destinations: {'*': {}}", "'*' is not a host name"),
    ("dns: {servers: [ns.example]}", "dns.servers[0]: 'ns.example' is not an IP address"),
    (
        "bounce_profiles: {Fast: {initial_retry_seconds: 1h, max_retry_seconds: 1m}}",
        "bounce_profiles.Fast.max_retry_seconds: must not be less than initial_retry_seconds",
    ),
    ("bounce_profiles: {Slow: {initial_retry_seconds: 2h}}", "Slow.max_retry_seconds: must not be"),
    ("bounce_profiles: {A: {bounce_template: B}}", "A.bounce_template: 'B' is not in `bounce_temp"),
    ("bounce_profiles: {A: {language: Deutsch!}}", "is the tag of a language, such as de or pt-br"),
    ("bounce_profiles: {A: {alternate_recipient: ann}}", "'ann' is not an address"),
    ("bounce_profiles: {A: {delay_subject: '" + "x" * 201 + "'}}", "is longer than 200 letters"),
    ("bounce_templates: {A: {}}", "bounce_templates.A: takes from 1 to 50 languages"),
    (
        "bounce_templates: {A: {D!: {subject: a, text: b}}}",
        "'D!' is no name: it takes up to 64 letters",
    ),
    ("bounce_templates: {A: {de: {subject: a}}}", "bounce_templates.A.de.text: is missing"),
    ("bounce_templates: {A: {de: {subject: ' ', text: b}}}", "A.de.subject: takes one line that"),
    (
        "bounce_templates: {A: {Deutsch: {subject: a, text: b}}}",
        "bounce_templates.A.Deutsch: is not the tag of a language, such as de or pt-br",
    ),
    ("inbound: {max_tls_connections: 301}", "more than max_connections (300)"),
    (
        "work_queue: {hard_limit_messages: 10}",
        "work_queue.soft_limit_messages: is 10000, more than hard_limit_messages (10)",
    ),
    (
        "work_queue: {retry_max_seconds: 1}",
        "14:33: work_queue.retry_max_seconds: must not be less than retry_initial_seconds",
    ),
    ("logs: {headers: ['X Y']}", "is not the name of a header field"),
    ("logs: {directory: ' '}", "the name of a file or folder is missing"),
    ("mail_policies: {incoming: [{name: a, recipients: [b]}]}", "user@dom.example, user@, @dom"),
]


@pytest.mark.parametrize(("more", "part"), ADDED_WRONG)
def test_one_thing_wrong_behind_it(more: str, part: str) -> None:
    found = wrong(f"{SAMPLE}{more}\n")
    assert len(found) == 1, found
    assert part in found[0]


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = SAMPLE.replace("gw1.corp.example", "gw 1").replace("public", "x")
    text = text.replace("interface: Data2", "interface: D")
    found = wrong(text.replace("[10.0.0.0/8]", "[y]") + "workerz: 1\n")
    assert [problem.split(": ")[1] for problem in found] == [
        "hostname",
        "listeners[0].type",
        "listeners[1].interface",
        "listeners[1].relay_hosts[0]",
        "workerz",
    ]


def test_a_problem_hides_none_but_those_that_follow_from_it() -> None:
    found = wrong(changed("[corp.example]", "[corp.example]\n    interface: 7\n    port: x"))
    assert [problem.split(": ")[0] for problem in found] == ["10:5", "11:11"]


def test_problems_have_a_limit() -> None:
    assert len(wrong("a: 1\n" * 1000)) == PROBLEMS_MAX


def test_aliases_cannot_multiply_without_end() -> None:
    domains = ",".join(f"d{number}.example" for number in range(5000))
    listeners = "".join(
        f"  - {{name: L{number}, type: public, interface: Data1, accepted_domains: *d}}\n"
        for number in range(VISITS_MAX // 5000 + 1)
    )
    found = wrong(changed("[corp.example]", f"&d [{domains}]", listeners))
    assert any("aliases repeat more than" in problem for problem in found)


def test_long_values_are_refused() -> None:
    assert "is longer than" in wrong(changed("gw1.corp.example", "a" * (VALUE_LENGTH_MAX + 1)))[0]


def test_the_demonstration_is_what_everybody_is_told(tmp_path: Path) -> None:
    config = parse_config(demo_text(), "demo.yaml", tmp_path)
    where = {
        listener.name: (
            config.interfaces[listener.interface].address,
            listener.port,
            listener.type.value,
        )
        for listener in config.listeners
    }
    assert where == {
        "Public": ("127.0.0.1", 2525, "public"),
        "Private": ("127.0.0.1", 2526, "private"),
    }
    assert config.hostname == "gw1.example.test"
    assert config.listeners[0].accepted_domains == ("example.test",)
    assert config.smtp_routes == {"example.test": f"maildir:{tmp_path}/var/demo/maildir"}
    assert config.state_directory == f"{tmp_path}/var/demo"
    assert config.workers == 2


def test_a_file_is_read_relative_to_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "mailwarden.yaml"
    path.write_text(f"{SAMPLE}state_directory: state\n", encoding="utf-8")
    assert load_config(path).state_directory == str(tmp_path / "state")


def test_unreadable_files(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nhostname: b\xfccher.example\n")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (TEXT_LENGTH_MAX + 1))
    cases = [
        (missing, f"{missing}:1:1: cannot be read: No such file or directory"),
        (tmp_path, f"{tmp_path}:1:1: cannot be read: Is a directory"),
        (latin, f"{latin}:2:12: the byte 0xfc is not UTF-8; save the file as UTF-8"),
        (large, f"{large}:1:1: is larger than {TEXT_LENGTH_MAX} bytes"),
    ]
    for path, message in cases:
        with pytest.raises(ConfigError) as caught:
            read_text(path)
        assert str(caught.value) == message


def test_the_error_goes_to_other_processes() -> None:
    with pytest.raises(ConfigError) as caught:
        read("a: 1")
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems
