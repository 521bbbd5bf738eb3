"""`awskms:` a key in AWS Key Management Service, or in what speaks its protocol."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..errors import ConfigurationError, SigningError
from ..inert import inert
from .base import KeyAccess, split_options
from .chain import credential, read_chain
from .cose import checked
from .file import expanded, read_public, shown

EXTRA = "signer awskms: the package boto3 is not installed; run pip install 'kzlabel[awskms]'"
OPTIONS = ("region", "endpoint", "cert", "alg")

# Seconds, and attempts in all: a key service answers in tens of milliseconds, and a batch must not hang on one that
# does not. At worst a signature takes ATTEMPTS * (CONNECT + READ) and the pauses between.
CONNECT, READ, ATTEMPTS = 3.0, 7.0, 3
CONNECTIONS = 16  # kept open: as many threads can sign at once without waiting for one another

# What the service calls our algorithms.
_ALGORITHMS = {f"es{size}": f"ECDSA_SHA_{size}" for size in (256, 384, 512)} | {
    f"ps{size}": f"RSASSA_PSS_SHA_{size}" for size in (256, 384, 512)
}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

# Error codes of the service. Its own sentences are not repeated: some quote the request, access key included.
_REASONS = {
    "AccessDeniedException": "these credentials may not use it; allow kms:GetPublicKey and kms:Sign on the key",
    "NotFoundException": "there is no such key in this region; check the key and region=",
    "InvalidArnException": "this is no key's ARN; check it",
    "DisabledException": "the key is disabled; enable it",
    "KMSInvalidStateException": "the key cannot be used in its present state; see whether it is pending deletion",
    "InvalidKeyUsageException": "the key is not for signing; use one with key usage SIGN_VERIFY",
    "UnsupportedOperationException": "the key is not for signing; use an asymmetric one with key usage SIGN_VERIFY",
    "UnrecognizedClientException": "the service does not know these credentials; check them",
    "InvalidClientTokenId": "the service does not know these credentials; check them",
    "InvalidSignatureException": "the secret access key is wrong, or the clock is; check both",
    "SignatureDoesNotMatch": "the secret access key is wrong; check it",
    "ExpiredTokenException": "the credentials have expired; get new ones",
    "ThrottlingException": "too many requests for this account; try later, or with fewer threads",
    "NoCredentialsError": "no credentials were found; set AWS_PROFILE, or what else boto3 reads",
    "PartialCredentialsError": "the credentials are incomplete; check them",
    "ProfileNotFound": "AWS_PROFILE names a profile that is not there; check it",
    "TokenRetrievalError": "the single sign-on session has ended; log in again",
    "NoRegionError": "no region is known; add region= to the URI",
    "InvalidRegionError": "region= is no region; check it",
    "ConnectTimeoutError": "the service cannot be reached in time",
    "ReadTimeoutError": "the service does not answer in time",
    "EndpointConnectionError": "the service cannot be reached",
    "SSLError": "the service's certificate is not accepted",
}


@dataclass(frozen=True)
class KmsKey:
    """Which key of which service. key: identifier, alias/NAME or ARN. region, endpoint: None where boto3 knows it."""

    key: str
    region: str | None
    endpoint: str | None

    @property
    def shown(self) -> str:
        return inert(f"awskms:///{self.key}")


@dataclass(frozen=True, eq=False)
class AwsKmsSigner:
    """Signs by asking the service, each signature checked against the certificate. Safe for threads and forks.

    chain, alg, fingerprint, news: see Signer.
    """

    chain: str = field(repr=False)
    alg: str
    fingerprint: str
    news: str | None
    _service: Service = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The raw COSE signature of `data`. Raises SigningError."""
        digest = hashlib.new(f"sha{self.alg[2:]}", data).digest()
        signature = self._service.sign(digest, _ALGORITHMS[self.alg])
        return checked(self.chain, self.alg, data, signature, self._service.key.shown)


def open_awskms(rest: str, access: KeyAccess) -> AwsKmsSigner:
    """The signer of `awskms:` and `//[HOST]/KEY?region=…&endpoint=…&cert=chain.pem&alg=…`; see docs/signing.md.

    Credentials are those that boto3 finds. Raises SigningError, ConfigurationError.
    """
    key, cert, alg = parse_kms_key(rest)
    if cert is None:
        raise ConfigurationError("signer awskms: the service keeps no certificates; name a PEM file with cert=/PATH")
    service = Service(key)
    certificates = read_chain(read_public(cert), shown(cert))
    fit = credential(certificates, service.public_key(), name=f"{key.shown}: {shown(cert)}", wanted=alg)
    if fit.alg not in _ALGORITHMS:
        raise SigningError(f"{key.shown}: {fit.alg} is not offered for keys of this service; use P-256 or RSA")
    return AwsKmsSigner(fit.chain, fit.alg, fit.fingerprint, fit.news, service)


def service_key(rest: str) -> Service:
    """The key itself, with or without a certificate. Raises ConfigurationError."""
    return Service(parse_kms_key(rest)[0])


def parse_kms_key(rest: str) -> tuple[KmsKey, Path | None, str | None]:
    """The key, the file with its certificates, and the algorithm, None where not told. Raises ConfigurationError."""
    path, options = split_options(rest, OPTIONS)
    if not path.startswith("//"):
        raise ConfigurationError("signer awskms: write awskms:///KEY, with three strokes, KEY an identifier or alias")
    host, _, key = path[2:].partition("/")
    key = unquote(key)
    if not key:
        raise ConfigurationError("signer awskms: no key is named; write awskms:///KEY, awskms:///alias/NAME or an ARN")
    if host and "endpoint" in options:
        raise ConfigurationError("signer awskms: the endpoint stands there twice; leave out one")
    if host:
        # As cosign has it. What listens on this machine is an emulator, and those speak plain HTTP.
        plain = host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK
        options["endpoint"] = f"{'http' if plain else 'https'}://{host}"
    endpoint = options.get("endpoint")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise ConfigurationError(
            "signer awskms: endpoint= is an address, such as https://kms.eu-central-1.amazonaws.com"
        )
    cert = expanded(options["cert"]) if options.get("cert") else None
    return KmsKey(key, options.get("region") or _region_of(key), endpoint), cert, options.get("alg")


def _region_of(key: str) -> str | None:
    """arn:aws:kms:REGION:ACCOUNT:key/ID names it."""
    parts = key.split(":")
    return parts[3] if len(parts) >= 6 and parts[0] == "arn" and parts[2] == "kms" else None


class Service:
    """The service, asked for one key, with connections of this process: after a fork, the parent's are left alone."""

    def __init__(self, key: KmsKey) -> None:
        self.key = key
        self._locks: dict[int, threading.Lock] = {}  # by process: a lock that was held when forking stays held
        self._client: tuple[int, Any] | None = None

    def public_key(self) -> Any:
        """Of the key, which must be for signing. Raises SigningError."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        with self._telling():
            told = self._connected().get_public_key(KeyId=self.key.key)
        if told.get("KeyUsage", "SIGN_VERIFY") != "SIGN_VERIFY":
            raise SigningError(f"{self.key.shown}: {_REASONS['InvalidKeyUsageException']}")
        try:
            return load_der_public_key(told["PublicKey"])
        except (ValueError, KeyError, UnsupportedAlgorithm):
            raise SigningError(f"{self.key.shown}: the key is of a kind that cannot sign C2PA claims") from None

    def sign(self, digest: bytes, algorithm: str) -> bytes:
        """The signature of a digest, by an algorithm as the service names it. Raises SigningError."""
        with self._telling():
            told = self._connected().sign(
                KeyId=self.key.key, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm
            )
            return bytes(told["Signature"])

    def _connected(self) -> Any:
        process = os.getpid()
        with self._locks.setdefault(process, threading.Lock()):
            if self._client is None or self._client[0] != process:
                self._client = (process, _connect(self.key))
            return self._client[1]

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            import botocore.exceptions
        except ImportError:
            raise SigningError(EXTRA) from None
        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise SigningError(
                f"{self.key.shown}: {_reason(str(error.response.get('Error', {}).get('Code')))}"
            ) from None
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError, ValueError, KeyError) as error:
            raise SigningError(f"{self.key.shown}: {_reason(type(error).__name__)}") from None


def _connect(key: KmsKey) -> Any:
    import boto3
    import botocore.config

    config = botocore.config.Config(  # type: ignore[no-untyped-call,unused-ignore]
        connect_timeout=CONNECT,
        read_timeout=READ,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        max_pool_connections=CONNECTIONS,
    )
    session: Any = boto3.session.Session()  # type: ignore[no-untyped-call,unused-ignore]
    return session.client("kms", region_name=key.region, endpoint_url=key.endpoint, config=config)


def _reason(code: str) -> str:
    return _REASONS.get(code) or f"the service reports {inert(code, 80)}"
