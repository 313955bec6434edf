"""The kinds of keys that are made."""

from enum import Enum


class KeyType(Enum):
    """Kinds of keys (admin CRT-02); smaller ones are never made."""

    RSA_2048 = "RSA 2048"
    RSA_3072 = "RSA 3072"
    RSA_4096 = "RSA 4096"
    P_256 = "ECDSA P-256"
    P_384 = "ECDSA P-384"
