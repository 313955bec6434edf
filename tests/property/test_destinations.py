"""The destination controls: any text is read, what is written reads back, lookup is as told."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.core.policy.destinations import (
    DestinationIndex,
    DestinationLimits,
    DestinationRow,
    DestinationTable,
    DestinationTls,
    LimitApply,
    LimitType,
    complete,
)
from mailwarden.core.policy.destinations_edit import DestinationText
from mailwarden.core.policy.destinations_text import build_destinations, parse_destinations

LABELS = st.sampled_from(["a", "b", "c"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
NAMES = st.from_regex(r"\w([\w .@+-]{0,6}\w)?", fullmatch=True)


def maybe(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


ROWS = st.builds(
    DestinationRow,
    max_host_concurrency=maybe(st.integers(1, 1_000_000)),
    max_messages_per_connection=maybe(st.integers(1, 1_000_000)),
    recipient_limit=maybe(st.integers(0, 3) | st.integers(0, 1_000_000_000)),
    recipient_minutes=maybe(st.integers(1, 60)),
    limit_type=maybe(st.sampled_from(LimitType)),
    limit_apply=maybe(st.sampled_from(LimitApply)),
    tls=maybe(st.sampled_from(DestinationTls)),
    bounce_validation=maybe(st.booleans()),
    bounce_profile=maybe(NAMES),
)
TABLES = st.builds(
    DestinationTable,
    default=ROWS,
    rows=st.dictionaries(DOMAINS | DOMAINS.map(".{}".format), ROWS, max_size=6).map(
        lambda rows: tuple(rows.items())
    ),
    send_tls_alert=st.booleans(),
    certificate=st.just("") | NAMES,
)
KEYS = st.sampled_from([
    "max_host_concurrency", "max_messages_per_connection", "recipient_minutes", "recipient_limit",
    "limit_type", "limit_apply", "bounce_validation", "table_tls", "bounce_profile",
    "send_tls_req_alert", "certificate", "other",
])  # fmt: skip
VALUES = st.sampled_from(
    ["0", "1", "4", "host", "MXIP", "VG", "system", "on", "require_verify", "Default", "", "-1"]
) | st.text(max_size=8)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, VALUES),
    st.sampled_from(["[DEFAULT]", "[a.example]", "[.b.example]", "[A.example]", "[", "[x", "#"]),
    st.text(max_size=20),
)
TEXTS = st.text() | st.lists(LINES, max_size=20).map("\n".join)


def expected(table: DestinationTable, domain: str) -> str:
    """Return the row that wins, found by looking at all of them."""
    names = [name for name, _ in table.rows]
    if domain in names:
        return domain
    partial = [name for name in names if name[0] == "." and domain.endswith(name)]
    return max(partial, key=len, default="")


@given(TABLES, DOMAINS)
def test_lookup_is_that_of_a_naive_walk(table: DestinationTable, domain: str) -> None:
    found = DestinationIndex(table).find(domain)
    assert found.row == expected(table, domain)
    row = dict(table.rows).get(found.row, DestinationRow())
    default = table.default
    for field in ("max_host_concurrency", "recipient_limit", "limit_type", "bounce_validation"):
        told = [getattr(each, field) for each in (row, default)]
        known = [value for value in told if value is not None]
        assert getattr(found, field) == (known[0] if known else getattr(DestinationLimits(), field))


@given(TABLES)
def test_what_is_written_reads_back(table: DestinationTable) -> None:
    assert list(table.problems()) == []
    text = build_destinations(table)
    imported = parse_destinations(text)
    assert imported.problems == ()
    assert imported.warnings == ()
    assert imported.table == complete(table) == complete(complete(table))
    assert build_destinations(imported.table) == text


@given(TABLES, DOMAINS)
def test_writing_changes_no_meaning(table: DestinationTable, domain: str) -> None:
    again = DestinationIndex(parse_destinations(build_destinations(table)).table)
    assert again.find(domain) == DestinationIndex(table).find(domain)


@settings(deadline=None)
@given(TEXTS, TABLES)
def test_any_text_is_a_table_or_has_problems(text: str, present: DestinationTable) -> None:
    imported = parse_destinations(text, present)
    for problem in imported.problems + imported.warnings:
        assert problem.path.startswith("line ")
        assert 1 <= int(problem.path[5:]) <= text.count("\n") + 1
        assert problem.message.isprintable()
    if not imported.problems:
        assert list(imported.table.problems()) == []
        whole = build_destinations(imported.table)
        assert parse_destinations(whole).table == complete(imported.table)
        assert {name for name, _ in imported.table.rows} >= {name for name, _ in present.rows}


@given(TABLES)
def test_a_whole_file_takes_the_place_of_itself(table: DestinationTable) -> None:
    text = build_destinations(table)
    assert parse_destinations(text, complete(table)).table == complete(table)


def remarks(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()[:1] == "#"]


@given(TABLES, st.data())
def test_an_edited_text_says_what_was_meant(table: DestinationTable, data: st.DataObject) -> None:
    lines = build_destinations(table).split("\n")
    for at in data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=4)):
        lines[at] += data.draw(st.sampled_from(["  ", "\n# x", "\n\n# y", "\n\n"]))
    text = "\n".join(lines)
    edited = DestinationText(text, parse_destinations(text).table)
    for _ in range(data.draw(st.integers(0, 3))):
        name = data.draw(st.just("DEFAULT") | st.sampled_from(["a", ".b", "a.c", "new.x"]))
        if data.draw(st.booleans()) and name in dict(edited.table.rows):
            edited.remove_row(name)
        else:
            edited.set_row(name, data.draw(ROWS))
    edited.set_globals(send_tls_alert=data.draw(st.booleans()), certificate="x")
    read = parse_destinations(edited.text)
    assert read.problems == ()
    assert complete(read.table) == complete(edited.table)


@given(TABLES, st.data())
def test_an_edit_leaves_the_remarks(table: DestinationTable, data: st.DataObject) -> None:
    lines = build_destinations(table).split("\n")
    for at in data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=4)):
        lines[at] += f"\n# {at}"
    text = "\n".join(lines)
    edited = DestinationText(text, parse_destinations(text).table)
    edited.set_row(data.draw(st.sampled_from(["DEFAULT", "a", "new.x"])), data.draw(ROWS))
    assert remarks(edited.text) == remarks(text)
