"""The command line: it only translates to operations."""
