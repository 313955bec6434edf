"""Tests of `mailwarden.system.log`."""
