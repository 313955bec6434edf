"""Tests of the SMTP cores."""
