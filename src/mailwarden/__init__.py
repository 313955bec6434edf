"""Mailwarden: an email security gateway."""
