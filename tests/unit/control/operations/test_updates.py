"""What of the configuration concerns updates."""

from mailwarden.control.operations.updates import components, update_plan
from tests.unit.control.config.sample import SAMPLE, read


def test_connections_leave_from_the_interfaces_that_are_named() -> None:
    config = read(f"{SAMPLE}updates: {{interface: Data2}}\ndns: {{interface: Data1}}\n")
    plan = update_plan(config)
    assert (plan.settings, plan.dns) == (config.updates, config.dns)
    assert (plan.address, plan.dns_address) == ("10.0.0.5", "203.0.113.5")
    anywhere = update_plan(read(SAMPLE))
    assert (anywhere.address, anywhere.dns_address) == ("", "")


def test_components_have_folders_of_their_own() -> None:
    config = read(f"{SAMPLE}state_directory: /var/lib/mailwarden\n")
    assert [each.name for each in components(lambda: config)] == ["reputation"]
