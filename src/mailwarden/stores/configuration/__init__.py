"""The configuration store: every version, who made it, and a chain that shows tampering."""
