"""Leads a message through a configuration without sending it, and tells each decision."""
