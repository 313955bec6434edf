"""An ACME client: certificates from an authority that checks by itself whose names they are for.

certbot's library `acme` was the other choice. It blocks, and reads answers without a limit; it
shows not when a server wants to be asked again, tries once after a nonce that was refused, and
trusts a list of authorities of its own. It brings eight packages into the process that may do most.
What we need of RFC 8555 is small once `cryptography` makes keys, hashes and requests.
"""
