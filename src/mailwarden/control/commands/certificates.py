"""`certconfig CERTIFICATE`: certificates with their keys (admin 1.7, 5.5 for software keys)."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any, Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Menu, Operation, RefusedError, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Lines,
    Number,
    Option,
    Secret,
    Text,
    YesNo,
    read_list,
    read_text,
    write_list,
)
from mailwarden.control.operations import certificates as operations
from mailwarden.control.operations.certificates import Entry, Listed, New
from mailwarden.control.operations.exchange import parse_file_name, remove_import
from mailwarden.services.certificates.expiry import days_left
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import parse_certificate_name
from mailwarden.services.certificates.requests import DAYS_MAX, Wanted
from mailwarden.system.log.escape import escape

TABLE: Final = "certificates"
BE_SURE: Final = 'Be sure to run "commit" to make it active.'


class Pasted(Enum):
    """What `EDIT` takes."""

    SIGNED = "signed"
    INTERMEDIATES = "intermediates"


def _entries(scope: Settings) -> dict[str, Entry]:
    return dict(operations.entries_of(scope.draft.tree))


def _entry(scope: Settings, name: str) -> Entry | None:
    return _entries(scope).get(name)


def _is_kept(entry: Entry) -> bool:
    return not entry.get("certificate")


def _names(scope: Settings) -> list[str]:
    return sorted({*_entries(scope), *scope.draft.desk.administration.certificates.names()})


def _kept_names(scope: Settings) -> list[str]:
    kept = set(scope.draft.desk.administration.certificates.names())
    entries = _entries(scope)
    return sorted(name for name in kept if _is_kept(entries.get(name, {})))


def _renewed(scope: Settings) -> Sequence[str]:
    return tuple(scope.draft.section("acme", "certificates"))


def _is_free(scope: Settings, name: str) -> None:
    if name in _names(scope):
        raise ValueError(f"there is a certificate {name} already")


def _is_replaceable(scope: Settings, name: str) -> None:
    if name in _renewed(scope):
        raise ValueError(f"the certificate {name} is renewed by ACME")
    if not _is_kept(_entries(scope).get(name, {})):
        raise ValueError(f"the certificate {name} is in files of yours; take another name")


def _options(names: Sequence[str]) -> list[Option[str]]:
    return [Option(name, name) for name in names]


NEW_NAME: Final = Text(
    key="name", prompt="Enter a name for this certificate:", of=parse_certificate_name,
    check=_is_free, place=Place.WORD, form="a name",
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="Enter a name for this certificate:", of=parse_certificate_name,
    check=_is_replaceable, place=Place.WORD,
    form="a name; of one that is there already, this one takes the place",
)  # fmt: skip
REPLACE: Final = Confirm(
    key="replace", when=lambda scope: scope[NAME] in _names(scope),
    prompt=lambda scope: f"There is a certificate {scope[NAME]} already. Replace it?",
)  # fmt: skip
FILE: Final = Text(
    key="file", prompt="Enter the name of the PKCS#12 file in /configuration:",
    of=parse_file_name, place=Place.WORD, form="the name of a file in /configuration",
)  # fmt: skip
PASSWORD: Final = Secret(key="password", prompt="Enter the password of the file:", place=Place.WORD)
REMOVE_FILE: Final = YesNo(
    key="remove_file", prompt="Delete the file when it is imported?", default=True
)
CERTIFICATE_PEM: Final = Lines[str](
    key="certificate", prompt="Paste the certificate in PEM format.", of=str, place=Place.WORD,
    form="a certificate in PEM",
)  # fmt: skip
KEY_PEM: Final = Lines[str](
    key="key", prompt="Paste the private key in PEM format.", of=str, place=Place.WORD,
    form="its private key in PEM",
)  # fmt: skip
KEY_PASSWORD: Final = Secret(
    key="key_password", prompt="Enter the password of the private key:",
    when=lambda scope: "ENCRYPTED" in scope[KEY_PEM],
)  # fmt: skip
INTERMEDIATES: Final = Lines[str](
    key="intermediates", of=str, default="", form="intermediate certificates in PEM",
    prompt="Paste intermediate certificates in PEM format, if there are any.",
)  # fmt: skip
COMMON_NAME: Final = Text(
    key="common_name", prompt="Common name:", of=read_text, place=Place.WORD,
    default_from=lambda scope: scope.draft.get("hostname"), form="a host name",
)  # fmt: skip
ORGANIZATION: Final = Text(key="organization", prompt="Organization:", of=read_text, default="")
UNIT: Final = Text(key="unit", prompt="Organizational unit:", of=read_text, default="")
LOCALITY: Final = Text(key="locality", prompt="Locality (city):", of=read_text, default="")
STATE: Final = Text(key="state", prompt="State or province:", of=read_text, default="")
COUNTRY: Final = Text(
    key="country", prompt="Country (2 letters):", of=lambda text: text.strip().upper(), default=""
)
EMAIL: Final = Text(key="email", prompt="E-mail address:", of=read_text, default="")
ALTERNATIVES: Final = Text[tuple[str, ...]](
    key="names", of=read_list(str), as_text=write_list, default=(), form="a list with commas",
    prompt="All host names that it is for, if there are others:",
)  # fmt: skip
KEY_TYPE: Final = Choice[KeyType](
    key="key_type", prompt="Choose the kind of key:", default=KeyType.RSA_2048,
    options=tuple(Option(each.value, each) for each in KeyType),
)  # fmt: skip
DAYS: Final = Number(
    key="days", prompt="Days before it expires:", default=365, minimum=1, maximum=DAYS_MAX
)
EDITED: Final = Choice[str](
    key="name", prompt="Choose the certificate.", place=Place.WORD, form="a certificate",
    options_from=lambda scope: _options(
        [name for name in _kept_names(scope) if name not in _renewed(scope)]
    ),
)  # fmt: skip
PASTED: Final = Choice[Pasted](
    key="what", prompt="What do you want to paste?", place=Place.WORD,
    options=(
        Option("signed", Pasted.SIGNED, "The certificate that an authority has signed."),
        Option("intermediates", Pasted.INTERMEDIATES, "Intermediate certificates."),
    ),
)  # fmt: skip
PEM: Final = Lines[str](
    key="pem", prompt="Paste it in PEM format.", of=str, place=Place.WORD,
    form="certificates in PEM",
)  # fmt: skip
EXPORTED: Final = Choice[str](
    key="name", prompt="Choose the certificate.", place=Place.WORD, form="a certificate",
    options_from=lambda scope: _options(_kept_names(scope)),
)  # fmt: skip
EXPORT_FILE: Final = Text(
    key="file", prompt="Enter the name of the file to write to /configuration:",
    of=parse_file_name, place=Place.WORD, form="the name of a file in /configuration",
)  # fmt: skip
EXPORT_PASSWORD: Final = Secret(
    key="password", prompt="Enter a password for the file:", place=Place.WORD, is_new=True
)
DELETED: Final = Choice[str](
    key="name", prompt="Choose the certificate.", place=Place.WORD, form="a certificate",
    options_from=lambda scope: _options(_names(scope)),
)  # fmt: skip


def _keep(scope: Settings, name: str, new: New, how: str) -> Shown:
    with refused_as_told():
        entry = operations.keep(scope.draft.desk, name, _entry(scope, name), new, how)
    scope.draft.put(TABLE, name, value=entry)
    lines = [f"The certificate {name} is kept. {BE_SURE}"]
    if new.request:
        lines += ["", "Send this request to an authority, and paste with EDIT what it signs:"]
        lines.append(new.request.decode("ascii"))
    return Shown("\n".join(lines).rstrip("\n"), {"name": name, "request": new.request.decode()})


async def _import(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        new = await operations.open_pkcs12(desk, scope[FILE], scope[PASSWORD])
    shown = _keep(scope, scope[NAME], new, f"imported from {scope[FILE]}")
    if scope[REMOVE_FILE]:
        with refused_as_told():
            remove_import(desk, scope[FILE])
    return shown


async def _paste(scope: Settings) -> Shown:
    content = "".join((scope[KEY_PEM], scope[CERTIFICATE_PEM], scope[INTERMEDIATES]))
    with refused_as_told():
        new = await operations.open_pem(scope.draft.desk, content, scope.get(KEY_PASSWORD) or "")
    return _keep(scope, scope[NAME], new, "pasted")


async def _new(scope: Settings) -> Shown:
    wanted = Wanted(
        common_name=scope[COMMON_NAME],
        organization=scope[ORGANIZATION],
        unit=scope[UNIT],
        locality=scope[LOCALITY],
        state=scope[STATE],
        country=scope[COUNTRY],
        email=scope[EMAIL],
        names=scope[ALTERNATIVES],
        days=scope[DAYS],
    )
    with refused_as_told():
        new = await operations.make_new(scope.draft.desk, scope[KEY_TYPE], wanted)
    return _keep(scope, scope[NEW_NAME], new, f"made for {wanted.common_name}")


async def _edit(scope: Settings) -> Shown:
    join = operations.join_signed
    if scope[PASTED] is Pasted.INTERMEDIATES:
        join = operations.join_intermediates
    name = scope[EDITED]
    with refused_as_told():
        new = await join(scope.draft.desk, name, _entry(scope, name) or {}, scope[PEM])
    return _keep(scope, name, new, f"pasted ({scope[PASTED].value})")


def _export(scope: Settings) -> str:
    name = scope[EXPORTED]
    with refused_as_told():
        operations.export_pkcs12(
            scope.draft.desk, name, _entry(scope, name) or {}, scope[EXPORT_FILE],
            scope[EXPORT_PASSWORD],
        )  # fmt: skip
    return f"The certificate {name} and its key are in /configuration/{scope[EXPORT_FILE]}."


def _delete(scope: Settings) -> str:
    name, desk = scope[DELETED], scope.draft.desk
    users = operations.users_in(desk, scope.draft.tree).get(name)
    if users:
        raise RefusedError(f"The certificate {name} is used by {', '.join(users)}.")
    entry = _entry(scope, name)
    if entry is not None:
        scope.draft.remove(TABLE, name)
        if not _is_kept(entry):
            return f"The certificate {name} is removed; its files stay. {BE_SURE}"
    with refused_as_told():
        is_gone = operations.delete(desk, name)
    if is_gone:
        return f"The certificate {name} and its key are deleted."
    return f"The certificate {name} is removed. Its key is deleted with the commit."


def _print(scope: Settings) -> Shown:
    desk = scope.draft.desk
    now = desk.administration.clock.time()
    with refused_as_told():
        listed = operations.list_all(desk, scope.draft.tree)
    if not listed:
        return Shown("There are no certificates.", [])
    heads = ["Name", "Common Name", "Issued By", "Status", "Remaining", "Used By"]
    lines = render_table(heads, [_row(each, now) for each in listed])
    for each in listed:
        if each.facts is not None:
            lines += ["", *_details(each)]
    return Shown("\n".join(lines), [_described(each) for each in listed])


def _row(each: Listed, now: float) -> list[str]:
    used = ", ".join(each.users) or ("" if each.is_configured else "not configured")
    if each.facts is None:
        return [each.name, "", "", each.trouble, "", used]
    facts = each.facts
    issuer = "itself" if facts.is_self_signed else facts.issuer
    left = days_left(facts.ends_at, now)
    status = "Valid" if facts.starts_at <= now else "Not yet valid"
    remaining = count_of(left, "day") if left >= 0 else "none"
    return [each.name, facts.subject, issuer, status if left >= 0 else "Expired", remaining, used]


def _details(each: Listed) -> list[str]:
    facts = each.facts
    assert facts is not None
    lines = [
        f"Name: {each.name}",
        f"Subject: {facts.subject}",
        f"For: {', '.join(facts.names)}",
        f"Issuer: {facts.issuer}",
        f"Valid: {date_of(facts.starts_at)} to {date_of(facts.ends_at)}",
        f"Key: {facts.key}, signed by {facts.signature}",
        f"Serial: {facts.serial}",
        f"SHA-256: {facts.fingerprint}",
    ]
    lines += [f"Intermediate: {issuer.subject}" for issuer in each.chain]
    if each.request and facts.is_self_signed:
        lines += ["Request:", *each.request.splitlines()]
    return [escape(line) for line in lines]


def _described(each: Listed) -> dict[str, Any]:
    described = each._asdict()
    described["facts"] = None if each.facts is None else asdict(each.facts)
    described["chain"] = [asdict(facts) for facts in each.chain]
    return described


def _has_any(scope: Settings) -> bool:
    return bool(_names(scope))


def _has_kept(scope: Settings) -> bool:
    return bool(_kept_names(scope))


CERTIFICATE: Final[Operation[SettingsDraft]] = Operation(
    name="CERTIFICATE", purpose="Import, create, edit or delete certificates.",
    menu=Menu(
        summary=lambda scope: f"There are {count_of(len(_names(scope)), 'certificate')}.",
        operations=(
            Operation(name="IMPORT", purpose="Import a certificate from a PKCS#12 file.",
                      questions=(NAME, FILE, PASSWORD, REMOVE_FILE), confirm=REPLACE,
                      act=_import),
            Operation(name="PASTE", purpose="Paste a certificate and its key.",
                      questions=(NAME, CERTIFICATE_PEM, KEY_PEM, KEY_PASSWORD, INTERMEDIATES),
                      confirm=REPLACE, act=_paste),
            Operation(name="NEW", purpose="Create a self-signed certificate and a request.",
                      questions=(NEW_NAME, COMMON_NAME, ORGANIZATION, UNIT, LOCALITY, STATE,
                                 COUNTRY, EMAIL, ALTERNATIVES, KEY_TYPE, DAYS), act=_new),
            Operation(name="EDIT", purpose="Paste a signed certificate, or intermediates.",
                      when=_has_kept, questions=(EDITED, PASTED, PEM), act=_edit),
            Operation(name="EXPORT", purpose="Export a certificate and its key as PKCS#12.",
                      when=_has_kept, questions=(EXPORTED, EXPORT_FILE, EXPORT_PASSWORD),
                      act=_export),
            Operation(name="DELETE", purpose="Delete a certificate and its key.", when=_has_any,
                      questions=(DELETED,), act=_delete,
                      confirm=Confirm(key="sure", prompt="Are you sure you want to delete it?")),
            Operation(name="PRINT", purpose="Show all certificates.", act=_print),
        ),
    ),
)  # fmt: skip
