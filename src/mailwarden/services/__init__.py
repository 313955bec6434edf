"""Answer questions about a message or a peer; independent of one another."""
