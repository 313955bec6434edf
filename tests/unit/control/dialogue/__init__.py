"""Tests of `mailwarden.control.dialogue`."""
