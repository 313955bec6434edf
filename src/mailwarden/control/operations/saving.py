"""Configurations as XML files: to be shown, written to `/configuration`, or mailed (admin 4.2)."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.exchange import FILE_BYTES_MAX, write_export
from mailwarden.control.operations.export_key import ExportKeyError, need_export_key
from mailwarden.control.operations.versions import MIGRATIONS
from mailwarden.control.xml.document import ENCODING
from mailwarden.control.xml.dtd import build_dtd
from mailwarden.control.xml.faults import XmlError
from mailwarden.control.xml.origin import file_name
from mailwarden.control.xml.protection import Protection, Seal, node_seal, passphrase_seal
from mailwarden.control.xml.write import SaveOptions, write_configuration
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file

DTD: Final = "config.dtd"
WITH_SECRETS: Final = "saveconfig"  # what somebody has to be allowed who wants more than asterisks


@dataclass(frozen=True, slots=True)
class Form:
    """How secrets are written; without a passphrase they are encrypted with the node's key."""

    protection: Protection = Protection.MASK
    passphrase: str = ""


MASKED: Final = Form()


async def show(desk: Desk, form: Form = MASKED, number: int = 0) -> str:
    """Return a version as XML in ASCII, so that it is the same however it is copied.

    0 is the version in force.

    Raises:
        RefusedOperationError: it may not be, or there is no such version.
    """
    desk.require("showconfig")
    content = await _written(desk, form, number)
    if form.protection is not Protection.MASK:
        desk.record("showconfig", f"secrets {form.protection.value}")
    return content.decode(ENCODING).encode("ascii", "xmlcharrefreplace").decode("ascii")


async def save(desk: Desk, form: Form, name: str = "") -> Path:
    """Write the version in force to `/configuration`; return where it is.

    Raises:
        RefusedOperationError: it may not or cannot be.
    """
    desk.require("saveconfig")
    content = await _written(desk, form)
    name = name or suggested_name(desk.administration)
    if name == DTD:
        raise RefusedOperationError(f"{DTD} is the description of the form; choose another name")
    path = write_export(desk, name, content)
    desk.record("saveconfig", f"{name}, secrets {form.protection.value}")
    return path


async def attachment(desk: Desk, form: Form) -> tuple[str, bytes]:
    """Return name and content of the version in force, to be mailed; raises as `save`."""
    desk.require("mailconfig")
    return suggested_name(desk.administration), await _written(desk, form)


def suggested_name(administration: Administration) -> str:
    """Return how a file that is saved now is called (XML-22)."""
    return file_name(administration.facts, _now(administration))


def publish_dtd(folder: Path) -> None:
    """Put `config.dtd` where administrators find it (XML-02). Raises OSError."""
    path, content = folder / DTD, build_dtd().encode("ascii")
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return
    files = SystemFiles()
    files.close(replace_file(files, str(path), [content]))


async def _written(desk: Desk, form: Form, number: int = 0) -> bytes:
    if form.protection is not Protection.MASK:
        desk.require(WITH_SECRETS)
        if desk.administration.facts.fips and form.protection is Protection.PLAIN:
            raise RefusedOperationError("in FIPS mode no secrets are written in plain")
    tree = _tree(desk, number)
    # Minutes of work with large tables, and tenths of a second for a passphrase: others go on.
    return await asyncio.to_thread(_write, desk.administration, tree, form)


def _write(administration: Administration, tree: Mapping[str, Any], form: Form) -> bytes:
    options = SaveOptions(
        protection=form.protection,
        seal=_seal(administration, form),
        random_bytes=secrets.token_bytes,
        key_store=administration.key_store,
        pairs=() if form.protection is Protection.MASK else administration.pairs(),
    )
    try:
        content = write_configuration(tree, administration.facts, _now(administration), options)
    except XmlError as error:
        raise RefusedOperationError(str(error)) from error
    if len(content) > FILE_BYTES_MAX:
        raise RefusedOperationError(f"as XML it is larger than {FILE_BYTES_MAX} bytes")
    return content


def _seal(administration: Administration, form: Form) -> Seal | None:
    if form.protection is not Protection.ENCRYPT:
        return None
    try:
        if form.passphrase:
            return passphrase_seal(form.passphrase, secrets.token_bytes)
        return node_seal(need_export_key(administration.folder, secrets.token_bytes))
    except (ExportKeyError, ValueError) as error:
        raise RefusedOperationError(str(error)) from error


def _tree(desk: Desk, number: int) -> Mapping[str, Any]:
    store = desk.administration.versions.store
    try:
        head = store.head()
        if head is None:
            raise RefusedOperationError("nothing was ever committed")
        kept = store.read(number or head.number)
        return MIGRATIONS.migrate(kept.tree, kept.version.schema).tree
    except StoreError as error:
        raise RefusedOperationError(str(error)) from error


def _now(administration: Administration) -> datetime:
    return datetime.fromtimestamp(administration.clock.time(), UTC)
