"""Tests of the core: values and decisions."""
