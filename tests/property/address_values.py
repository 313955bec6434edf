"""Strategies for forms, addresses and replies, from so few words that they often meet."""

from hypothesis import strategies as st

from mailwarden.core.policy.entry_line import REPLY_LINES_MAX
from mailwarden.core.smtp.reply import Reply

LOCALS = st.sampled_from(["ann", "bob", "postmaster", "#5", "josé", '"a b"', '"a@b"', "all"])
DOMAINS = st.one_of(
    st.lists(st.sampled_from(["a", "b", "xn--bcher-kva"]), min_size=1, max_size=4).map(".".join),
    st.sampled_from(["[192.0.2.9]", "[ipv6:2001:db8::9]", "all"]),
)
PARENTS = DOMAINS.filter(lambda domain: domain[0] != "[").map(".{}".format)
MAILBOXES = st.builds("{}@{}".format, LOCALS, DOMAINS)
USERS = LOCALS.map("{}@".format)
BARE_FORMS = MAILBOXES | USERS | DOMAINS.filter(lambda domain: domain != "all") | PARENTS
AT_FORMS = MAILBOXES | USERS | DOMAINS.map("@{}".format) | PARENTS.map("@{}".format)
IP_ADDRESSES = st.sampled_from(["192.0.2.9", "192.0.2.1", "2001:db8::9"])

# As they stand in an envelope: any case on the left, U-labels or A-labels on the right.
ADDRESSES = st.one_of(
    MAILBOXES,
    st.builds(
        "{}@{}".format,
        LOCALS.map(str.upper),
        DOMAINS.map(lambda domain: domain.replace("xn--bcher-kva", "bücher")),
    ),
    LOCALS,
    LOCALS.map(str.upper),
    st.just(""),
)
REPLY_LINES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
CODES = st.sampled_from([250, 251]), st.sampled_from([450, 452, 550, 553, 554])


def replies(*, is_acceptance: bool) -> st.SearchStrategy[Reply]:
    """Return replies that may answer RCPT with that meaning."""
    lines = st.lists(REPLY_LINES, min_size=1, max_size=REPLY_LINES_MAX)
    code = CODES[0] if is_acceptance else CODES[1]
    return st.builds(lambda code, lines: Reply(code, *lines), code, lines)


# Texts that are nearly files.
WORDS = st.sampled_from(
    ["ACCEPT", "REJECT", "ALLOW", "ALL", "bypass_ldap", "(554 ", '"x"', ")", '"', "\\", "#", "@"]
)
BLANKS = st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "", "\x0b", "\ufeff"])
PIECES = WORDS | BLANKS | BARE_FORMS | AT_FORMS | IP_ADDRESSES | st.text(max_size=5)
TEXTS = st.one_of(
    st.text(),
    st.lists(PIECES, max_size=40).map("".join),
    st.lists(PIECES, max_size=40).map(" ".join),
)


def matches(form: str, address: str) -> bool:
    """Whether an address falls under a form, by the words of the manual, letter for letter."""
    if form == "ALL":
        return True
    local, domain = address.lower(), ""
    if "@" in address and not address.endswith('"'):
        local, _, domain = address.lower().rpartition("@")
    domain = domain.replace("bücher", "xn--bcher-kva")
    if form.endswith("@"):
        return form == f"{local}@"
    if "@" in form[1:]:
        return form == f"{local}@{domain}"
    pattern = form.removeprefix("@")
    if pattern.startswith("."):
        return domain.endswith(pattern) and domain != pattern
    return domain == pattern
