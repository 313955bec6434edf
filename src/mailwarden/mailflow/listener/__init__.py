"""From connection to spool."""
