"""The search for an address agrees with a walk over the table, and any text is a form or is not."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.mail.address import ADDRESS_OCTETS_MAX, AddressError, AddressRules, parse_path
from mailwarden.core.mail.domain import domain_to_ascii
from mailwarden.core.policy.address_forms import (
    NOWHERE,
    AddressSearch,
    build_form,
    parse_bare_form,
    parse_form,
    parse_form_or_ip,
    split_address,
)
from tests.property.address_values import (
    ADDRESSES,
    AT_FORMS,
    BARE_FORMS,
    DOMAINS,
    PIECES,
    USERS,
    matches,
)

FORMS = st.lists(BARE_FORMS | st.just("ALL"), max_size=12) | st.lists(AT_FORMS, max_size=12)
ANY = st.one_of(
    st.text(),
    st.lists(PIECES, max_size=4).map("".join),
    st.text(max_size=10).map("{}@corp.example".format),
    st.text(max_size=10).map("a@{}.example".format),
    st.text(max_size=10).map('"{}"@'.format),
)
_OPEN_RULES = AddressRules(reject_local_characters="")


def kind_of(form: str) -> int:
    """Return the rank of a form: address, user, domain, what is below a domain, ALL."""
    if form == "ALL":
        return 4
    if form.endswith("@"):
        return 1
    if "@" in form[1:]:
        return 0
    return 3 if form.removeprefix("@").startswith(".") else 2


@given(FORMS, ADDRESSES)
def test_the_first_match_is_that_of_a_walk(forms: list[str], address: str) -> None:
    walk = (position for position, form in enumerate(forms) if matches(form, address))
    assert AddressSearch(forms).find_first(address) == next(walk, NOWHERE)


@given(FORMS, ADDRESSES)
def test_the_most_specific_match_is_that_of_a_walk(forms: list[str], address: str) -> None:
    found = [position for position, form in enumerate(forms) if matches(form, address)]
    wanted = min(found, key=lambda position: (kind_of(forms[position]), position), default=NOWHERE)
    assert AddressSearch(forms).find_specific(address) == wanted


@given(FORMS, ANY)
def test_any_address_finds_something_or_nothing(forms: list[str], address: str) -> None:
    search = AddressSearch(forms)
    for position in (search.find_first(address), search.find_specific(address)):
        assert NOWHERE <= position < len(forms)
    local, domain = split_address(address)
    assert domain.isascii() or address.isascii()
    assert len(address) <= ADDRESS_OCTETS_MAX or (local, domain) == ("", "")


@given(AT_FORMS)
def test_forms_are_in_their_one_form(form: str) -> None:
    assert parse_form(form) == parse_form(build_form(form)) == form


@given(BARE_FORMS | USERS)
def test_bare_forms_are_in_their_one_form(form: str) -> None:
    assert parse_bare_form(form) == parse_bare_form(build_form(form)) == form


@given(ANY)
def test_any_text_is_a_form_or_is_refused(text: str) -> None:
    for parse in (parse_form, parse_bare_form, parse_form_or_ip):
        try:
            form = parse(text)
        except ValueError as error:
            assert len(str(error)) < 700  # noqa: PT017  both ends are right
        else:
            assert parse(form) == parse(build_form(form)) == parse(f" {form}\t") == form
            assert form.isprintable()
            assert not build_form(form).startswith("#")


@given(ANY)
def test_a_form_finds_the_address_that_it_names(text: str) -> None:
    """Whatever the listener lets pass as an address is found by itself as a form, if it is one."""
    try:
        address = parse_path(f"<{text}>", _OPEN_RULES, sender=False).address
        form = parse_form(address)
    except ValueError:
        return
    assert AddressSearch([form]).find_first(address) == 0


@given(st.text(max_size=12), DOMAINS)
def test_domains_are_compared_by_their_a_labels(label: str, domain: str) -> None:
    try:
        address = parse_path(f"<a@{label}.{domain}>", _OPEN_RULES, sender=False).address
        name = domain_to_ascii(address.rpartition("@")[2])
        form = parse_form(f"@{name}")
    except (AddressError, ValueError):
        return
    assert AddressSearch([form]).find_first(address) == 0
    assert AddressSearch([f"@{name.partition('.')[2]}"]).find_first(address) == NOWHERE
    assert AddressSearch([f"@.{name.partition('.')[2]}"]).find_first(address) == 0
