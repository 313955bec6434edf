"""The destination controls of a configuration as one table (mailflow 7.2)."""

from dataclasses import replace

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.destinations import DestinationRow, DestinationTable, table_of


def destination_table(config: GatewayConfig) -> DestinationTable:
    """Return the table that holds: that of the text, or else that of the rows.

    While bounce verification is off, no row asks for it.
    """
    table = _written_table(config)
    if config.bounce_verification.enabled:
        return table
    rows = tuple((name, _untagged(row)) for name, row in table.rows)
    return replace(table, default=_untagged(table.default), rows=rows)


def _untagged(row: DestinationRow) -> DestinationRow:
    return replace(row, bounce_validation=False) if row.bounce_validation else row


def _written_table(config: GatewayConfig) -> DestinationTable:
    delivery = config.delivery
    if not config.destination_controls:
        return table_of(
            config.destinations,
            send_tls_alert=delivery.send_tls_alert,
            certificate=delivery.certificate,
        )
    table = config.destination_controls.table
    return replace(
        table,
        send_tls_alert=table.send_tls_alert or delivery.send_tls_alert,
        certificate=table.certificate or delivery.certificate,
    )
