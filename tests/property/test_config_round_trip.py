"""Every right configuration is read, and reads back from what is written of it."""

from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import HealthCheck, given, settings

from mailwarden.control.config.dump import dump_config
from mailwarden.control.config.reader import ConfigError, parse_config
from mailwarden.control.config.schema import build_schema
from tests.property.config_values import configurations

BASE = Path("/srv/gateway")
VALIDATOR = jsonschema.Draft202012Validator(build_schema())


def read(text: str) -> Any:
    return parse_config(text, "any.yaml", BASE, look_at_files=False)


# Names that differ only in case, or in Unicode form, can collide; routes can point to a listener.
PASSED_OVER = ("is the same as", "own listener", "is taken by")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configurations())
def test_right_configurations_read_back(plain: dict[str, Any]) -> None:
    text = yaml.safe_dump(plain, allow_unicode=True)
    try:
        config = read(text)
    except ConfigError as error:
        bad = [p for p in error.problems if not any(part in p.message for part in PASSED_OVER)]
        assert bad == [], text
        return
    assert read(dump_config(config)) == config
    assert read(dump_config(config, with_defaults=True)) == config
    assert dump_config(read(dump_config(config))) == dump_config(config)
    errors = [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]
    assert errors == []
