"""Settings that are tables: their three forms, where mistakes are shown, what is remembered."""

from pathlib import Path

import pytest

from mailwarden.control.config import tables as tables_module
from mailwarden.control.config.dump import dump_config
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError, load_config, parse_config
from mailwarden.control.config.tables import TableFileError, Tables, decode_table
from mailwarden.core.policy.rat import RatAction, RatIndex
from tests.unit.control.config.sample import BASE, SAMPLE, changed, read, wrong

DOMAINS = "    accepted_domains: [corp.example]\n"
TEXT = 'old@corp.example REJECT (554 "Gone")\ncorp.example ACCEPT\n'


def with_table(yaml: str) -> str:
    """Return the sample with `yaml` as its recipient access table."""
    return changed(DOMAINS, f"    recipient_access: {yaml}\n")


FORMS = [
    "\n      - old@corp.example REJECT (554 \"Gone\")\n      - 'corp.example ACCEPT'",
    '|\n      old@corp.example REJECT (554 "Gone")\n      corp.example ACCEPT',
    '"old@corp.example REJECT (554 \\"Gone\\")\\ncorp.example ACCEPT"',
]


@pytest.mark.parametrize("yaml", FORMS)
def test_a_list_and_a_text_are_the_same_table(yaml: str) -> None:
    table = read(with_table(yaml)).listeners[0].recipient_access
    assert table.text == TEXT
    assert [entry.form for entry in table.table.entries] == ["old@corp.example", "corp.example"]
    assert not table.file


def test_a_file_is_read_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "rat.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    config = read(with_table("{file: rat.txt}"), tmp_path)
    table = config.listeners[0].recipient_access
    assert (table.text, table.file) == (TEXT, f"{tmp_path}/rat.txt")
    again = read(dump_config(config), tmp_path)
    assert again == config


@pytest.mark.parametrize("yaml", [*FORMS, "[]", "''", "\n      # - corp.example ACCEPT"])
def test_a_dump_reads_back_as_the_same_table(yaml: str) -> None:
    config = read(with_table(yaml).replace("type: public", "type: blackhole", 1))
    assert read(dump_config(config)) == config


WRONG = [
    (
        "\n      - corp.example ACCEPT\n      - x REJECT (200 no)\n      - y TAKE",
        ["11:9: listeners[0].recipient_access[1]:", "12:9: listeners[0].recipient_access[2]:"],
    ),
    (
        "|\n      # a comment\n\n      corp.example ACCEPT\n      y TAKE",
        ["13: listeners[0].recipient_access: TAKE is no action"],
    ),
    ("'y TAKE'", ["9:23: listeners[0].recipient_access: TAKE is no action"]),
    ("\n      - {a: b}", ["10:9: listeners[0].recipient_access[0]: takes a line of text"]),
    ("\n      - [a]", ["10:9: listeners[0].recipient_access[0]: takes a line of text"]),
    ('\n      - "a\\nb"', ["10:9: listeners[0].recipient_access[0]: is more than one line"]),
    ("{file: none.txt}", ["9:30: listeners[0].recipient_access: none.txt cannot be read: No such"]),
    ("{file: ''}", ["9:30: listeners[0].recipient_access: the name of the file is missing"]),
    ("{}", ["9:23: listeners[0].recipient_access: the name of the file is missing"]),
    ("{name: x}", ["9:24: listeners[0].recipient_access.name: is not known here"]),
    ("{file: /dev/null}", ["9:30: listeners[0].recipient_access: /dev/null is not a file"]),
    ('"corp.example \\x01"', ["9:23: listeners[0].recipient_access: the sign U+0001"]),
]


@pytest.mark.parametrize(("yaml", "expected"), WRONG)
def test_what_is_wrong_has_its_place(yaml: str, expected: list[str]) -> None:
    found = wrong(with_table(yaml))
    assert len(found) == len(expected), found
    for problem, begin in zip(found, expected, strict=True):
        assert problem.startswith(begin), found


def test_mistakes_in_a_file_have_its_name_and_lines_and_come_last(tmp_path: Path) -> None:
    (tmp_path / "rat.txt").write_text("corp.example ACCEPT\n\nx TAKE\nALL REJECT\ny ACCEPT\n")
    path = tmp_path / "gw.yaml"
    text = with_table("{file: rat.txt}") + "workers: many\n"
    second = "  - name: Second\n    type: public\n    interface: Data1\n    port: 26\n"
    text = text.replace("workers", f"{second}    recipient_access: {{file: rat.txt}}\nworkers")
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    first, *others = map(str, error.value.problems)
    assert first.startswith(f"{path}:19:10: workers:")
    assert [text.partition(": ")[0] for text in others] == [
        f"{tmp_path}/rat.txt:3",
        f"{tmp_path}/rat.txt:5",
    ]


def test_a_byte_that_is_no_text_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "rat.txt").write_bytes(b"corp.example ACCEPT\n\xff ACCEPT\n")
    assert wrong(with_table("{file: rat.txt}"), tmp_path) == [
        "rat.txt:2: the byte 0xff is not UTF-8; save the file as UTF-8"
    ]


def test_files_that_are_too_large_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rat.txt").write_text(TEXT)
    monkeypatch.setattr(tables_module, "FILE_BYTES_MAX", 10)
    assert "larger than 10 bytes" in wrong(with_table("{file: rat.txt}"), tmp_path)[0]
    with pytest.raises(TableFileError, match="larger than 10 bytes"):
        decode_table(TEXT.encode())
    monkeypatch.undo()
    monkeypatch.setattr(tables_module, "FILES_BYTES_MAX", 10)
    assert "all files of tables" in wrong(with_table("{file: rat.txt}"), tmp_path)[0]


def test_warnings_change_nothing_and_have_their_place(tmp_path: Path) -> None:
    (tmp_path / "rat.txt").write_text("corp.example ACCEPT\nbob@corp.example ACCEPT likes_dogs\n")
    tables = Tables()
    parse_config(with_table("{file: rat.txt}"), "etc/gw.yaml", tmp_path, tables=tables)
    assert [str(warning).partition(": ")[0] for warning in tables.warnings] == [
        "etc/rat.txt:2",
        "etc/rat.txt:2",
    ]
    yaml = "[corp.example ACCEPT, bob@corp.example ACCEPT]"
    parse_config(with_table(yaml), "gw.yaml", BASE, look_at_files=False, tables=tables)
    assert [str(warning) for warning in tables.warnings] == [
        (
            "gw.yaml:9:45: listeners[0].recipient_access[1]: bob@corp.example has no effect, as "
            "corp.example in line 1 comes first"
        )
    ]


class CountingFiles:
    """Texts in place of files, and how often each was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read = 0

    def __call__(self, _path: str) -> str:
        self.read += 1
        return self.text


def table_of(config: GatewayConfig) -> object:
    return config.listeners[0].recipient_access


def test_a_text_is_parsed_once_and_its_look_up_made_once() -> None:
    files = CountingFiles(TEXT)
    tables = Tables(files)
    name = "gw.yaml"
    text = with_table("{file: rat.txt}")
    first = parse_config(text, name, BASE, look_at_files=False, tables=tables)
    tables.index()
    second = parse_config(text, name, BASE, look_at_files=False, tables=tables)
    one, other = first.listeners[0].recipient_access, second.listeners[0].recipient_access
    assert files.read == 2
    assert one.table is other.table
    assert one.indexed(RatIndex) is other.indexed(RatIndex)
    inline = with_table(FORMS[0])
    third = parse_config(inline, name, BASE, look_at_files=False, tables=tables)
    moved = third.listeners[0].recipient_access
    assert moved.table is one.table
    assert moved != one  # it stands somewhere else


def test_what_was_accepted_is_remembered_when_a_reload_fails() -> None:
    files = CountingFiles(TEXT)
    tables = Tables(files)
    text = with_table("{file: rat.txt}")
    first = parse_config(text, "gw.yaml", BASE, look_at_files=False, tables=tables)
    files.text = "nonsense\n"
    with pytest.raises(ConfigError):
        parse_config(text, "gw.yaml", BASE, look_at_files=False, tables=tables)
    files.text = TEXT
    again = parse_config(text, "gw.yaml", BASE, look_at_files=False, tables=tables)
    assert again.listeners[0].recipient_access.table is first.listeners[0].recipient_access.table


def test_a_list_in_the_configuration_works_as_before() -> None:
    config = read(
        SAMPLE.replace(
            "accepted_domains: [corp.example]", "recipient_access: ['corp.example ACCEPT']"
        )
        + "inbound:\n  sender_exceptions:\n    - '@x.example REJECT (553 \"No\")'\n"
        "  aliases: |\n    sales: ann@corp.example\n"
    )
    assert config.listeners[0].recipient_access.table.entries[0].action is RatAction.ACCEPT
    assert len(config.inbound.sender_exceptions.table.entries) == 1
    assert len(config.inbound.aliases.table.entries) == 1
