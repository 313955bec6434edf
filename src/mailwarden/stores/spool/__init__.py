"""The durable queue in which the mail's stations meet."""
