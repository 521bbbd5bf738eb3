"""A key service that speaks AWS KMS over HTTP: moto's, corrected where it does not sign as the service does.

Run as a program: prints its port, and serves until it is ended. Measured with moto 5.2.5: it takes no notice of
MessageType and hashes a digest again, and it salts PSS as long as the key allows; the service signs a digest as it
stands, with a salt of the digest's length (AWS KMS Developer Guide, "Key spec reference"). Keys described as
UNCORRECTED sign as moto does, which no verifier accepts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNCORRECTED = "signs as moto does"
ACCESS_KEY, SECRET_KEY = "AKIATESTACCESSKEY0001", "test-secret-access-key-93c1"
REGION = "eu-central-1"


@contextmanager
def running() -> Iterator[int]:
    """The server in a process of its own; yields its port."""
    command = (sys.executable, "-m", "tests.signing.kms_server")
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


def client(port: int) -> Any:
    """The service as its owner sees it, to make keys."""
    import boto3

    return boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION).client(
        "kms", endpoint_url=f"http://127.0.0.1:{port}"
    )


def main() -> None:
    from moto.kms.models import KmsBackend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    as_moto_does = KmsBackend.sign

    def sign(backend: Any, key_id: str, message: bytes, signing_algorithm: str) -> Any:
        told = as_moto_does(backend, key_id, message, signing_algorithm)  # refuses what it has to refuse
        key = backend.describe_key(key_id)
        if key.description == UNCORRECTED:
            return told
        return told[0], _signature(key.private_key.private_key, message, signing_algorithm), signing_algorithm

    KmsBackend.sign = sign
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


def _signature(key: Any, digest: bytes, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    kind = getattr(hashes, "SHA" + algorithm[-3:])()
    if algorithm.startswith("ECDSA"):
        return bytes(key.sign(digest, ec.ECDSA(Prehashed(kind))))
    salted = padding.PSS(padding.MGF1(kind), kind.digest_size)
    return bytes(key.sign(digest, salted if "PSS" in algorithm else padding.PKCS1v15(), Prehashed(kind)))


if __name__ == "__main__":
    main()
