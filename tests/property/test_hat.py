"""The Host Access Table: the index agrees with the walk, text with table; any text is read."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.hostport import HOSTNAME_LENGTH_MAX
from mailwarden.core.policy.hat import HostAccessTable, SenderGroup
from mailwarden.core.policy.hat_index import HatIndex, Match, Needs
from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, HatPolicy, Rule, resolve
from mailwarden.core.policy.hat_text import build_hat, parse_hat
from mailwarden.core.policy.hat_variables import (
    LINE_LENGTH_MAX,
    HatVariables,
    banner_lines,
    reply_lines,
)
from mailwarden.core.policy.host_forms import HostFacts, HostForm, NameStatus, parse_host_form
from tests.property.hat_values import FACTS, FORMS, policies, tables


def walk(table: HostAccessTable, facts: HostFacts) -> Match:
    """Return what decides, read from top to bottom as mailflow 3.1 says."""
    named = {policy.name: policy for policy in table.policies}

    def match(group: str | None, entry: str, access: str | HatPolicy) -> Match:
        policy = named[access] if isinstance(access, str) else access
        effective = resolve(policy, PUBLIC_DEFAULTS)
        return Match(group, entry, policy.rule, effective)

    for entry in table.entries:
        if isinstance(entry, SenderGroup):
            texts = [host.form.text for host in entry.hosts if host.form.matches(facts)]
            texts += [each.value for each in entry.dns_host_verification
                      if each is facts.name_status]  # fmt: skip
            found = [match(entry.name, text, entry.access) for text in texts]
        else:
            matches = entry.host.form.matches(facts)
            found = [match(None, entry.host.form.text, entry.access)] if matches else []
        if found and found[0].rule is not Rule.CONTINUE:
            return found[0]
    return match(None, "ALL", table.last.access)


def known(facts: HostFacts, needs: Needs) -> HostFacts:
    """Return of `facts` only what is needed."""
    return HostFacts(
        facts.address,
        facts.name if needs.names else "",
        facts.name_status if needs.names else NameStatus.EXISTS,
        facts.score if needs.score else None,
        facts.organisation if needs.organisation else "",
        tuple(zone for zone in facts.dnslists if zone in needs.dnslists),
    )


@given(tables(), st.lists(FACTS, min_size=1, max_size=8))
def test_the_index_agrees_with_the_walk(table: HostAccessTable, hosts: list[HostFacts]) -> None:
    index = HatIndex(table, PUBLIC_DEFAULTS)
    for facts in hosts:
        assert index.find(facts) == walk(table, facts)


@given(tables(), st.lists(FACTS, min_size=1, max_size=8))
def test_what_is_not_needed_changes_nothing(table: HostAccessTable, hosts: list[HostFacts]) -> None:
    index = HatIndex(table, PUBLIC_DEFAULTS)
    for facts in hosts:
        needs = index.needs_of(facts.address)
        assert index.find(known(facts, needs)) == index.find(facts)
        assert set(needs.dnslists) <= set(index.needs.dnslists)
        assert all(whole or not part for whole, part in zip(index.needs, needs, strict=True))


@given(tables())
def test_a_table_comes_back_out_of_its_text(table: HostAccessTable) -> None:
    assert list(table.problems()) == []
    text = build_hat(table)
    read = parse_hat(text)
    assert (read.problems, read.warnings) == ((), ())
    assert read.table == table
    assert build_hat(read.table) == text


PIECES = st.sampled_from(
    ["$A", "G:", "ALL", "    ", "\n", "\n    ", "REJECT", "ACCEPT", "CONTINUE", " {", "}", " = ",
     '"', "\\", "(", ")", "#", "tls", "on", "smtp_banner_text", "foo", "10.", "10.2.3.4-9", "/8",
     "sbrs[", "none]", "-1.0:1.0]", "a.example", ".", ":", "2001:db8::", "dns_host_verification",
     "serv_fail", ",", "\r", "\t", "\x0b", chr(0x2028), "é"]
)  # fmt: skip


@given(st.text() | st.lists(PIECES, max_size=40).map("".join))
def test_any_text_is_a_table_or_problems(text: str) -> None:
    read = parse_hat(text)
    for each in read.problems + read.warnings:
        assert each.path.removeprefix("line ").isdigit()
        assert 1 <= int(each.path.removeprefix("line ")) <= text.count("\n") + 1
        assert len(each.message) < 700
    if read.problems:
        return
    assert list(read.table.problems()) == []
    again = parse_hat(build_hat(read.table))
    assert (again.table, again.problems, again.warnings) == (read.table, (), ())
    assert HatIndex(read.table, PUBLIC_DEFAULTS).find(HostFacts("192.0.2.1")).rule


@given(st.text() | st.from_regex(r"[0-9.:/-]{0,18}|sbrs\[[0-9.:+-]{0,9}\]|\.?[a-z.]{0,9}"))
def test_any_text_is_a_form_or_is_refused(text: str) -> None:
    try:
        form = parse_host_form(text)
    except ValueError as error:
        assert len(str(error)) < 700  # noqa: PT017  both ends are right
    else:
        assert parse_host_form(form.text) == form
        assert len(form.text) <= HOSTNAME_LENGTH_MAX + 10
        assert form.low <= form.high


@given(FORMS)
def test_the_text_of_a_form_is_the_form(form: HostForm) -> None:
    assert parse_host_form(form.text) == form
    assert parse_host_form(f" {form.text.upper()} ").same() == form.same()


VARIABLES = st.builds(HatVariables, st.text(), st.text(), st.text(), st.text(), st.text())
TEMPLATES = st.lists(
    st.sampled_from(["$Group", "$HOSTNAME", "$OrgID", "$remoteip", "$HATEntry", "$EnvelopeSender"])
    | st.text(max_size=5)
).map("".join)


@given(TEMPLATES, VARIABLES, st.text())
def test_variables_never_add_a_line(text: str, variables: HatVariables, sender: str) -> None:
    lines = reply_lines(text, variables, sender)
    assert len(lines) == min(text.count("\n") + 1, 20)
    assert all(len(line) <= LINE_LENGTH_MAX and "\n" not in line for line in lines)
    own = set(text) | set("?")
    assert all(letter in own or letter.isprintable() for line in lines for letter in line)


@given(policies(), VARIABLES)
def test_a_banner_has_as_many_lines_as_its_text(policy: HatPolicy, variables: HatVariables) -> None:
    effective = resolve(policy, PUBLIC_DEFAULTS)
    host = "" if effective.use_override_hostname else "gw1.corp.example"
    more = policy.rule is Rule.REJECT and (host or effective.override_hostname) != ""
    lines = banner_lines(effective, "gw1.corp.example", variables)
    assert len(lines) == effective.smtp_banner_text.count("\n") + 1 + more
