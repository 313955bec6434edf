"""Host Access Tables, and hosts that connect, as Hypothesis makes them."""

from hypothesis import strategies as st

from mailwarden.core.policy.hat import (
    UNVERIFIED,
    AnonymousEntry,
    HostAccessTable,
    LastEntry,
    ListedHost,
    SenderGroup,
)
from mailwarden.core.policy.hat_parameters import (
    PARAMETERS,
    Demand,
    Kind,
    Parameter,
    ParameterValue,
    SpfConformance,
    SpfResult,
)
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.host_forms import HostFacts, HostForm, NameStatus, parse_host_form

OCTETS = st.sampled_from([0, 1, 2, 3, 255])
ADDRESSES = st.one_of(
    st.lists(OCTETS, min_size=4, max_size=4).map(lambda octets: ".".join(map(str, octets))),
    st.sampled_from(["2001:db8::1", "2001:db8::2", "2001:db9::", "::1", "::ffff:1.2.3.0", ""]),
)
LABELS = st.sampled_from(["a", "b", "xn--c"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
ZONES = st.sampled_from(["x.example", "y.example", "z.example"])
TENTHS = st.integers(-100, 100)


@st.composite
def ipv4_texts(draw: st.DrawFn) -> str:
    """Partial addresses, ranges and networks, whole or short."""
    octets = draw(st.lists(OCTETS, min_size=1, max_size=4))
    head = ".".join(map(str, octets))
    match draw(st.sampled_from(["plain", "dot", "range", "network"])):
        case "range":
            return f"{head}-{draw(st.integers(octets[-1], 255))}"
        case "network":
            return f"{head}/{draw(st.integers(8 * len(octets), 32))}"
        case "dot" if len(octets) < 4:
            return f"{head}."
    return head


SCORES = st.tuples(TENTHS, TENTHS).map(
    lambda pair: f"sbrs[{min(pair) / 10:.1f}:{max(pair) / 10:.1f}]"
)
FORMS: st.SearchStrategy[HostForm] = st.one_of(
    ipv4_texts(),
    st.sampled_from(["2001:db8::/32", "2001:db8::1", "::/0", "2001:db8::/126", "sbrs[none]"]),
    NAMES,
    NAMES.map(".{}".format),
    SCORES,
    st.sampled_from(["SBO:1", "SBO:22", "SBO:x"]),
    ZONES.map("dnslist[{}]".format),
).map(parse_host_form)

COMMENTS = st.one_of(
    st.just(""),
    st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=12).map(
        lambda text: " ".join(text.split())
    ),
)
REMARKS = st.one_of(
    st.just(()),
    st.lists(
        st.text(st.characters(exclude_characters="\n"), max_size=8).map(str.rstrip), max_size=2
    ).map(tuple),
)
GROUP_NAMES = ["WHITELIST", "B-1", "_c", "d.e"]
POLICY_NAMES = ["ACCEPTED", "P_1", "x"]


def values(parameter: Parameter) -> st.SearchStrategy[ParameterValue]:
    match parameter.kind:
        case Kind.SWITCH:
            return st.booleans()
        case Kind.TLS | Kind.AUTH:
            return st.sampled_from(Demand)
        case Kind.CONFORMANCE:
            return st.sampled_from(SpfConformance)
        case Kind.RESULTS:
            return st.sets(st.sampled_from(SpfResult)).map(
                lambda chosen: tuple(each for each in SpfResult if each in chosen)
            )
        case Kind.HOSTNAME:
            return st.just("") | NAMES
        case Kind.TEXT:
            letters = st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n")
            return st.text(letters, max_size=15).map(str.strip)
    return st.integers(parameter.minimum, parameter.maximum).filter(
        lambda number: number != 0 or parameter.minimum == 0
    )


@st.composite
def policies(draw: st.DrawFn, name: str = "") -> HatPolicy:
    rule = draw(st.sampled_from(Rule))
    chosen = draw(st.lists(st.sampled_from(PARAMETERS), max_size=3, unique=True))
    given = [(p.key, draw(values(p))) for p in chosen if p.key != "smtp_banner_code"]
    if len(chosen) > len(given):
        given.append(("smtp_banner_code", 554 if rule is Rule.REJECT else 220))
    return HatPolicy(rule, tuple(given), name, draw(REMARKS) if name else ())


ACCESSES = st.sampled_from(POLICY_NAMES) | policies()
LISTED = st.builds(ListedHost, FORMS, COMMENTS, REMARKS)


@st.composite
def groups(draw: st.DrawFn, name: str) -> SenderGroup:
    hosts = draw(st.lists(LISTED, max_size=5, unique_by=lambda host: host.form.same()))
    flags = draw(st.sets(st.sampled_from(UNVERIFIED)))
    return SenderGroup(
        name, draw(ACCESSES), tuple(hosts), tuple(each for each in UNVERIFIED if each in flags),
        draw(COMMENTS), draw(REMARKS),
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> HostAccessTable:
    """Tables in which nothing is wrong."""
    named = tuple(draw(policies(name)) for name in POLICY_NAMES)
    names = draw(st.permutations(GROUP_NAMES))
    entries: list[SenderGroup | AnonymousEntry] = [
        draw(groups(name)) for name in names[: draw(st.integers(0, 4))]
    ]
    for entry in draw(st.lists(st.builds(AnonymousEntry, LISTED, ACCESSES, COMMENTS), max_size=5)):
        entries.insert(draw(st.integers(0, len(entries))), entry)
    deciding = policies().filter(lambda policy: policy.rule is not Rule.CONTINUE)
    last = LastEntry(draw(deciding), draw(COMMENTS), draw(REMARKS))
    return HostAccessTable(named, tuple(entries), last, draw(REMARKS))


FACTS = st.builds(
    HostFacts,
    ADDRESSES,
    st.just("") | NAMES | NAMES.map(str.upper),
    st.sampled_from(NameStatus),
    st.none() | TENTHS.map(lambda number: number / 10) | st.floats(),
    st.sampled_from(["", "1", "22", "X"]),
    st.lists(ZONES, max_size=2).map(tuple),
)
