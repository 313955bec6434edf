"""Alerts: what is told, how often, to whom."""
