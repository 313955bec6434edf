"""Tests of `mailwarden.system.dns`."""
