"""Exceptions, unsubscribed and alternate sources agree with a walk, and their texts with them."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy.alt_sources import (
    AltSource,
    AltSourceIndex,
    AltSources,
    build_alt_sources,
    parse_alt_sources,
)
from mailwarden.core.policy.exceptions import (
    ExceptionAction,
    ExceptionIndex,
    ExceptionTable,
    SenderException,
    build_exceptions,
    parse_exceptions,
)
from mailwarden.core.policy.sender_check import (
    DomainState,
    SenderAction,
    SenderDecision,
    SenderRules,
    check_sender,
    judge_domain,
)
from mailwarden.core.policy.unsubscribe import (
    UnsubscribeIndex,
    UnsubscribeList,
    build_unsubscribe,
    parse_unsubscribe,
)
from tests.property.address_values import (
    ADDRESSES,
    AT_FORMS,
    IP_ADDRESSES,
    TEXTS,
    matches,
    replies,
)

EXCEPTIONS = st.lists(
    st.builds(SenderException, AT_FORMS, st.just(ExceptionAction.ALLOW), st.none())
    | st.builds(
        SenderException,
        AT_FORMS,
        st.just(ExceptionAction.REJECT),
        st.none() | replies(is_acceptance=False),
    ),
    max_size=10,
).map(lambda entries: ExceptionTable(tuple(entries)))
UNSUBSCRIBED = st.lists(AT_FORMS | IP_ADDRESSES, max_size=10).map(
    lambda entries: UnsubscribeList(tuple(entries))
)
GATEWAYS = st.sampled_from(["vg1", "VG1", "group  one", "ä.b"])
SOURCES = st.lists(st.builds(AltSource, AT_FORMS | IP_ADDRESSES, GATEWAYS), max_size=10).map(
    lambda entries: AltSources(tuple(entries))
)
RULES = st.builds(SenderRules, verify=st.booleans(), use_exception_table=st.booleans())


@given(EXCEPTIONS, ADDRESSES)
def test_exceptions(table: ExceptionTable, sender: str) -> None:
    walk = (entry for entry in table.entries if matches(entry.form, sender))
    assert ExceptionIndex(table).find(sender) is next(walk, None)


@given(EXCEPTIONS)
def test_exceptions_read_back_as_themselves(table: ExceptionTable) -> None:
    text = build_exceptions(table)
    imported = parse_exceptions(text)
    assert (imported.table, imported.problems) == (table, ())
    assert build_exceptions(imported.table) == text


@given(UNSUBSCRIBED, ADDRESSES, IP_ADDRESSES)
def test_unsubscribed(table: UnsubscribeList, recipient: str, host: str) -> None:
    index = UnsubscribeIndex(table)
    walk = (form for form in table.entries if "@" in form and matches(form, recipient))
    assert index.find(recipient) == next(walk, None)
    assert index.find_host(host) == (host if host in table.entries else None)


@given(UNSUBSCRIBED)
def test_unsubscribed_read_back_as_themselves(table: UnsubscribeList) -> None:
    text = build_unsubscribe(table)
    imported = parse_unsubscribe(text)
    assert (imported.table, imported.problems) == (table, ())
    assert build_unsubscribe(imported.table) == text


def rank(key: str) -> int:
    """Return the precedence of a key (mailflow 7.4)."""
    if "@" not in key:
        return 1
    if key[0] != "@":
        return 3 if key[-1] == "@" else 2
    return 5 if key[1] == "." else 4


@given(SOURCES, ADDRESSES, IP_ADDRESSES | st.just(""))
def test_sources(table: AltSources, sender: str, client: str) -> None:
    found = [
        entry
        for entry in table.entries
        if (entry.key == client if rank(entry.key) == 1 else matches(entry.key, sender))
    ]
    wanted = min(found, key=lambda entry: rank(entry.key), default=None)
    assert AltSourceIndex(table).find(sender, client) is wanted


@given(SOURCES)
def test_sources_read_back_as_themselves(table: AltSources) -> None:
    text = build_alt_sources(table)
    imported = parse_alt_sources(text)
    assert (imported.table, imported.problems) == (table, ())
    assert build_alt_sources(imported.table) == text


@given(TEXTS)
def test_any_text_is_a_table_or_has_problems(text: str) -> None:
    exceptions, unsubscribed = parse_exceptions(text), parse_unsubscribe(text)
    sources = parse_alt_sources(text)
    assert parse_exceptions(build_exceptions(exceptions.table)).table == exceptions.table
    assert parse_unsubscribe(build_unsubscribe(unsubscribed.table)).table == unsubscribed.table
    assert parse_alt_sources(build_alt_sources(sources.table)).table == sources.table
    for note in exceptions.problems + unsubscribed.problems + sources.problems:
        assert 1 <= int(note.path.removeprefix("line ")) <= text.count("\n") + 1


@given(ADDRESSES | st.text(), RULES, EXCEPTIONS, st.sampled_from(DomainState))
def test_senders(
    sender: str, rules: SenderRules, table: ExceptionTable, state: DomainState
) -> None:
    decision = check_sender(sender, rules, ExceptionIndex(table))
    if decision.action is SenderAction.LOOK_UP:
        assert rules.verify
        assert decision == SenderDecision(SenderAction.LOOK_UP, domain=decision.domain)
        assert decision.domain.isascii()
        decision = judge_domain(sender, rules, state)
        assert (decision.action is SenderAction.ACCEPT) == (state is DomainState.EXISTS)
    is_rejected = decision.action is SenderAction.REJECT
    assert is_rejected == (decision.reply is not None) == decision.log.startswith("sender rejected")
    if decision.reply is not None:
        assert decision.reply.code >= 400
        assert decision.reply.encode().count(b"\n") == len(decision.reply.lines)
    if sender == "":
        assert decision == SenderDecision(SenderAction.ACCEPT)
