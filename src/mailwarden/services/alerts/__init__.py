"""Alerts: what people are told by mail, how often, and how it gets there without the queue."""
