"""Reads the configuration file: YAML text to one immutable value, or all that is wrong with it."""

import dataclasses
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mailwarden.control.config.build import Builder
from mailwarden.control.config.files import file_problems
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import (
    ConfigError,
    Findings,
    LocatedProblem,
    TooManyError,
    locate,
)
from mailwarden.control.config.references import reference_problems
from mailwarden.control.config.tables import Tables
from mailwarden.control.config.tree import TEXT_LENGTH_MAX, Node, Place, TreeError, parse_tree
from mailwarden.core.problem import Problem
from mailwarden.core.routes import RouteKind, parse_route

__all__ = ["ConfigError", "LocatedProblem", "demo_text", "load_config", "parse_config", "read_text"]

DEMO_NAME: Final = "demo.yaml"


def load_config(
    path: Path, *, look_at_files: bool = True, tables: Tables | None = None
) -> GatewayConfig:
    """Return the configuration in the file `path`; its folder is the base of relative paths.

    `look_at_files` and `tables` are as for `parse_config`.

    Raises:
        ConfigError: all that is wrong with it, unreadable or missing included.
    """
    base = path.absolute().parent
    text = read_text(path)
    return parse_config(text, str(path), base, look_at_files=look_at_files, tables=tables)


def read_text(path: Path) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigError: it cannot be read, is not UTF-8 or too long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(TEXT_LENGTH_MAX + 1)
    except OSError as error:
        raise _single(str(path), Place(1, 1), f"cannot be read: {error.strerror}") from error
    if len(content) > TEXT_LENGTH_MAX:
        raise _single(str(path), Place(1, 1), f"is larger than {TEXT_LENGTH_MAX} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        what = f"the byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise _single(str(path), Place(line, column), what) from error


def parse_config(
    text: str,
    name: str,
    base: Path,
    *,
    look_at_files: bool = True,
    tables: Tables | None = None,
) -> GatewayConfig:
    """Return the configuration in `text`; `name` is for messages, `base` is absolute.

    Certificates, credentials and folders are looked at, unless `look_at_files` is off: a process
    that has given up its rights may not be able to, and need not where another has done so.
    `tables` reads the files of tables, remembers what it has read for the next configuration, and
    holds the warnings about this one.

    Raises:
        ConfigError: all that is wrong with it.
    """
    findings = Findings(name)
    tables = Tables() if tables is None else tables
    tables.begin()
    try:
        config = _parse(text, findings, base, tables, look_at_files=look_at_files)
    except TreeError as error:
        findings.add(error.place, "", error.message)
    except TooManyError:
        pass  # those found so far are enough to go on with
    if findings:
        raise ConfigError(findings.sorted())
    tables.keep()
    return config


def build_config(
    root: Node, name: str, base: Path, tables: Tables, *, look_at_files: bool = False
) -> GatewayConfig:
    """Return the configuration in a tree that no text has; otherwise as `parse_config`.

    Raises:
        ConfigError: all that is wrong with it.
    """
    findings = Findings(name)
    tables.begin()
    try:
        findings.root = root
        config = _build(findings, base, tables, look_at_files=look_at_files)
    except TooManyError:
        pass
    if findings:
        raise ConfigError(findings.sorted())
    tables.keep()
    return config


def demo_text() -> str:
    """Return the configuration of `mailwarden run --demo`; relative paths are in it."""
    return resources.files("mailwarden.control.config").joinpath(DEMO_NAME).read_text("utf-8")


def _parse(
    text: str, findings: Findings, base: Path, tables: Tables, *, look_at_files: bool
) -> GatewayConfig:
    findings.root = parse_tree(text, lambda place, message: findings.add(place, "", message))
    return _build(findings, base, tables, look_at_files=look_at_files)


def _build(findings: Findings, base: Path, tables: Tables, *, look_at_files: bool) -> GatewayConfig:
    builder = Builder(findings, str(base), tables)
    config: GatewayConfig = builder.section(GatewayConfig, findings.root, "")
    _report(reference_problems(config, findings), findings)
    config = _with_absolute_routes(config, base)
    if look_at_files:
        _report(file_problems(config), findings)
    return config


def _report(problems: Iterable[Problem], findings: Findings) -> None:
    for problem in problems:
        if problem.line:
            findings.add_line(problem.path, problem.line, problem.message)
        else:
            findings.add_at(problem.path, problem.message)


def _with_absolute_routes(config: GatewayConfig, base: Path) -> GatewayConfig:
    routes = {key: _absolute(value, base) for key, value in config.smtp_routes.items()}
    return dataclasses.replace(config, smtp_routes=MappingProxyType(routes))


def _absolute(value: str, base: Path) -> str:
    route = parse_route(value)
    return f"maildir:{base / route.path}" if route.kind is RouteKind.MAILDIR else value


def _single(file: str, place: Place, message: str) -> ConfigError:
    return ConfigError([locate(file, place, "", message)])
