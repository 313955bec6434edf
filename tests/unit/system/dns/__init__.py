"""Tests of `mailwarden.system.dns`."""

import pytest

pytest.register_assert_rewrite("tests.unit.system.dns.contract")
