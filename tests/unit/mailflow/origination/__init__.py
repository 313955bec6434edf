"""Tests of `mailwarden.mailflow.origination`."""
