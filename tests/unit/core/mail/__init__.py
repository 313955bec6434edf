"""Tests of `mailwarden.core.mail`."""
