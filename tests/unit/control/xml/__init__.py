"""Tests of XML configuration files."""
