"""A session's changes before they are committed: paths, edits, differences, conflicts."""
