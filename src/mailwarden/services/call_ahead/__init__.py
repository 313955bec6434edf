"""SMTP call-ahead: asks the server behind the gateway whether it takes a recipient."""
