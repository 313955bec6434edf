"""Declared dialogues: one declaration is menu, batch syntax, JSON, completion and documentation."""
