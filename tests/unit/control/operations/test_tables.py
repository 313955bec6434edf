"""Tables by name: where each stands, what a new text comes to, what can be brought back."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mailwarden.control.config.problems import ConfigError
from mailwarden.control.operations import tables as tables_module
from mailwarden.control.operations.table_history import STEPS_MAX, TableHistory
from mailwarden.control.operations.tables import (
    Replacement,
    Stands,
    UnknownTableError,
    check_text,
    find_form,
    find_table,
    known_forms,
    named_tables,
    plan_replacement,
    read_table,
)
from tests.unit.control.config.sample import changed

OLD = "corp.example ACCEPT\n"
CONFIG = changed(
    "    accepted_domains: [corp.example]\n",
    "    recipient_access: {file: rat.txt}\n    domain_map:\n      - '@a.example @b.example'\n",
    "inbound:\n  aliases: |\n    sales: ann@corp.example\n",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "rat.txt").write_text(OLD)
    path = tmp_path / "mailwarden.yaml"
    path.write_text(CONFIG)
    return path


def test_every_table_has_a_name_and_a_place(path: Path) -> None:
    found = {table.name: table for table in named_tables(path)}
    rat = found["In/recipient_access"]
    assert (rat.stands, rat.file) == (Stands.FILE, f"{path.parent}/rat.txt")
    assert rat.path == "listeners[0].recipient_access"
    assert (found["In/domain_map"].stands, found["In/domain_map"].place.line) == (Stands.INLINE, 10)
    assert found["Out/masquerade"].stands is Stands.NOWHERE
    assert read_table(path, found["aliases"]).text == "sales: ann@corp.example\n"
    assert read_table(path, found["Out/masquerade"]).text == ""


def test_tables_are_found_in_a_file_with_mistakes(path: Path) -> None:
    path.write_text(f"workers: many\nwhat: is this\n{CONFIG}")
    assert read_table(path, find_table(named_tables(path), "In/recipient_access")).text == OLD
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        named_tables(path)


UNKNOWN = [
    ("In/recipient_acess", "did you mean In/recipient_access?"),
    ("recipient_access", "write one of In/recipient_access, Out/recipient_access"),
    ("x" * 1000, "known: In/"),
]


@pytest.mark.parametrize(("name", "hint"), UNKNOWN)
def test_a_name_that_is_not_known_gets_help(path: Path, name: str, hint: str) -> None:
    with pytest.raises(UnknownTableError) as error:
        find_table(named_tables(path), name)
    assert hint in str(error.value)
    assert len(str(error.value)) < 1000


def test_kinds_of_tables_need_no_configuration() -> None:
    assert find_form("In/aliases") is find_form("aliases") is known_forms()["aliases"]
    with pytest.raises(UnknownTableError, match="did you mean aliases"):
        find_form("alias")


@pytest.mark.parametrize("name", known_forms())
def test_the_example_of_each_kind_is_right(name: str) -> None:
    about = known_forms()[name]
    assert about.table is not None
    assert name == "host_access" or about.examples
    if about.examples:
        text = "\n".join(about.examples)
        assert check_text(about.table, text.encode(), "example") == ()


def replacement(path: Path, text: str) -> Replacement:
    table = find_table(named_tables(path), "In/recipient_access")
    return plan_replacement(path, table, text.encode(), "new.txt")


def test_a_new_text_is_checked_and_compared(path: Path) -> None:
    planned = replacement(path, f"bob@corp.example REJECT\n{OLD}")
    assert planned.is_change
    assert planned.counts() == (1, 0)
    assert "+bob@corp.example REJECT" in list(planned.diff())
    assert not replacement(path, OLD).is_change
    assert not replacement(path, OLD.replace("\n", "\r\n")).is_change
    with pytest.raises(ConfigError, match=r"new\.txt:2: "):
        replacement(path, f"{OLD}nonsense\n")
    warned = replacement(path, f"{OLD}bob@corp.example REJECT\n").warnings
    assert str(warned[0]).startswith("new.txt:2: bob@corp.example has no effect")


def test_a_broken_or_missing_file_can_be_replaced(path: Path) -> None:
    (path.parent / "rat.txt").write_text("nonsense\n")
    assert replacement(path, OLD).counts() == (1, 1)
    (path.parent / "rat.txt").unlink()
    assert replacement(path, OLD).before is None


def test_other_mistakes_in_the_configuration_stop_it(path: Path) -> None:
    path.write_text(f"{CONFIG}workers: many\n")
    with pytest.raises(ConfigError, match="workers"):
        replacement(path, OLD)


def test_too_large_a_difference_is_not_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "DIFF_LINES_MAX", 1)
    (line,) = replacement(path, "a.example ACCEPT\nb.example ACCEPT\n").diff()
    assert line.startswith("more than 1 lines differ")


def followed() -> Sequence[str]:
    return []


def test_versions_are_kept_and_brought_back_in_order(path: Path) -> None:
    history = TableHistory(path.parent / "state", "In/recipient_access")
    file = path.parent / "rat.txt"
    for number in range(STEPS_MAX + 5):
        assert history.put(replacement(path, f"u{number}@a.example ACCEPT\n"), followed) == []
    steps = history.steps()
    assert len(steps) == STEPS_MAX
    assert steps[0].path.read_text() == f"u{STEPS_MAX + 3}@a.example ACCEPT\n"
    back = replacement(path, steps[1].path.read_text())
    assert history.bring_back(back, steps[:2], followed) == []
    assert file.read_text() == f"u{STEPS_MAX + 2}@a.example ACCEPT\n"
    assert history.undone.read_text() == f"u{STEPS_MAX + 4}@a.example ACCEPT\n"
    assert len(history.steps()) == STEPS_MAX - 2


def refused() -> Sequence[str]:
    return ["a worker cannot use it"]


def interrupted() -> Sequence[str]:
    raise KeyboardInterrupt


def test_what_the_gateway_refuses_leaves_all_as_it_was(path: Path) -> None:
    history = TableHistory(path.parent / "state", "In/recipient_access")
    planned = replacement(path, "a.example ACCEPT\n")
    assert history.put(planned, refused) == ["a worker cannot use it"]
    assert (path.parent / "rat.txt").read_text() == OLD
    assert history.steps() == []
    with pytest.raises(KeyboardInterrupt):
        history.put(planned, interrupted)
    assert history.steps() == []
    assert (path.parent / "rat.txt").read_text() == OLD

    (path.parent / "rat.txt").unlink()
    assert history.put(replacement(path, OLD), refused)
    assert not (path.parent / "rat.txt").exists()


def test_rows_of_destination_controls_are_told_as_text(path: Path) -> None:
    rows = "destinations: {default: {tls: preferred}, a.example: {max_host_concurrency: 3}}\n"
    path.write_text(CONFIG + rows)
    table = find_table(named_tables(path), "destination_controls")
    text = read_table(path, table).text
    assert text.startswith("[DEFAULT]\nmax_host_concurrency = 500\n")
    assert "table_tls = on\n" in text
    assert "[a.example]\nmax_host_concurrency = 3\nlimit_type = host\n" in text
    # It may stand instead of them.
    block = "".join(f"  {line}\n" for line in text.splitlines())
    path.write_text(CONFIG + "destination_controls: |\n" + block)
    assert read_table(path, find_table(named_tables(path), "destination_controls")).text == text
    path.write_text(CONFIG)
    assert read_table(path, find_table(named_tables(path), "destination_controls")).text == ""
