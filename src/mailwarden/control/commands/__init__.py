"""The commands of the CLI (admin 1.6), declared: one file for each, on top of the operations."""
