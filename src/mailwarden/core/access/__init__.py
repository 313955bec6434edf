"""Who may do what: users, roles, passwords, keys and where they may come from; no I/O."""
