"""The route table agrees with the rules read one by one, and any text is a route or is refused."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.hostport import parse_hostname, parse_hostport
from mailwarden.core.policy.routes_text import build_routes, parse_routes
from mailwarden.core.routes import Route, RouteTable, parse_route, parse_route_key

LABELS = st.sampled_from(["a", "b", "c"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
KEYS = st.one_of(DOMAINS, DOMAINS.map(".{}".format), ADDRESSES, st.just("ALL"))
ASKED = st.one_of(
    DOMAINS, DOMAINS.map(str.upper), ADDRESSES, ADDRESSES.map("[{}]".format), st.text(max_size=12)
)


def expected(keys: list[str], domain: str) -> str | None:
    """Return the key that wins, by the rules of mailflow 7.1 taken literally."""
    name = domain.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    exact = [key for key in keys if key == name]
    partial = [key for key in keys if key.startswith(".") and name.endswith(key) and name != key]
    default = [key for key in keys if key == "ALL"]
    return next(iter(exact + sorted(partial, key=len, reverse=True) + default), None)


@given(st.sets(KEYS, max_size=8), ASKED)
def test_the_most_specific_route_wins(keys: set[str], domain: str) -> None:
    numbers = {key: number for number, key in enumerate(sorted(keys), start=1)}
    table = RouteTable({key: f"host/pri={number}" for key, number in numbers.items()})
    route = table.find(domain)
    found = None if route is None else route.hosts[0].priority
    if domain.isascii():
        wanted = expected(sorted(keys), domain)
        assert found == (None if wanted is None else numbers[wanted])
    else:
        assert found is None or found in numbers.values()
    assert numbers.get(table.find_key(domain)) == found


@given(
    st.one_of(st.text(), st.from_regex(r"\[?[a-z0-9.:]{0,20}\]?(:[0-9]{0,6})?(/pri=[0-9]{0,6})?"))
)
def test_any_text_is_a_route_or_is_refused(text: str) -> None:
    for parse in (parse_route, parse_route_key, parse_hostname):
        try:
            value = parse(text)
        except ValueError as error:
            assert len(str(error)) < 700  # noqa: PT017  both ends are right
        else:
            assert isinstance(value, Route | str)


@given(st.text(max_size=40))
def test_host_names_are_read_once(text: str) -> None:
    try:
        name = parse_hostname(text)
    except ValueError:
        return
    assert parse_hostname(name) == name
    assert name == name.strip().lower()
    assert parse_hostport(name, default_port=25).host == name


ROUTE_LINES = st.builds(
    "{} {}".format, KEYS, st.sampled_from(["h.example/pri=2, [10.0.0.1]:26", "/dev/null", "x/"])
)


@given(st.one_of(st.text(), st.lists(ROUTE_LINES | st.text(max_size=20)).map("\n".join)))
def test_any_text_of_routes_is_read(text: str) -> None:
    read = parse_routes(text)
    for problem in read.problems:
        assert 1 <= int(problem.path.removeprefix("line ")) <= text.count("\n") + 1
    assert parse_routes(build_routes(read.table)) == (read.table, (), ())
