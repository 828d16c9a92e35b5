"""Verifies tokens with joserfc, on OpenSSL.

Reads {"jwks": …, "tokens": […]}; prints for each token its claims, or null if the signature is not one of these keys.
"""

import json
import sys

from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]


def claims(token, keys):
    try:
        return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except BadSignatureError:
        return None


given = json.load(sys.stdin)
keys = KeySet.import_key_set(given["jwks"])
json.dump([claims(token, keys) for token in given["tokens"]], sys.stdout)
