"""The management process: administrators' sessions, commits, and what runs slowly beside mail."""
