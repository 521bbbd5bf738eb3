"""Keys in a key service that speaks AWS KMS."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import KeyAccess, open_signer
from kzlabel.signing import awskms as module
from kzlabel.signing.awskms import parse_kms_key
from kzlabel.signing.base import Signer
from kzlabel.signing.certificates import public_der
from kzlabel.signing.cose import leaf_key, verify_signature
from kzlabel.signing.elsewhere import request_elsewhere
from kzlabel.trust import Anchor, Trust

from .. import pki
from .kms_server import ACCESS_KEY, REGION, SECRET_KEY, UNCORRECTED, client, running

SPECS = {"es256": "ECC_NIST_P256", "es384": "ECC_NIST_P384", "es512": "ECC_NIST_P521", "ps256": "RSA_2048"}


@dataclass(frozen=True)
class Key:
    """A key of the service with a certificate. id, arn: its names. chain: a file."""

    alg: str
    id: str
    arn: str
    chain: Path
    issued: pki.PrivateSigner


@dataclass(frozen=True)
class Service:
    port: int
    owner: Any
    folder: Path

    def key(self, alg: str, **about: Any) -> Key:
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        made = self.owner.create_key(KeyUsage="SIGN_VERIFY", KeySpec=SPECS[alg], **about)["KeyMetadata"]
        public = load_der_public_key(self.owner.get_public_key(KeyId=made["KeyId"])["PublicKey"])
        issued = pki.signer(alg, public_key=public, intermediate=True)
        chain = self.folder / f"{made['KeyId']}.pem"
        chain.write_text(issued.chain)
        return Key(alg, made["KeyId"], made["Arn"], chain, issued)

    def uri(self, key: str, chain: Path, **more: str) -> str:
        options = {"region": REGION, "endpoint": f"http://127.0.0.1:{self.port}", "cert": str(chain), **more}
        return f"awskms:///{key}?" + "&".join(f"{name}={quote(value)}" for name, value in options.items())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running() as port:
        yield Service(port, client(port), tmp_path_factory.mktemp("kms"))


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[str, Key]:
    return {alg: service.key(alg) for alg in SPECS}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


def opened(uri: str) -> Signer:
    return open_signer(uri, KeyAccess(Path("unused")))


def signs(signer: Signer) -> bool:
    return verify_signature(leaf_key(signer.chain), signer.alg, b"a claim", signer.sign(b"a claim"))


def refused(uri: str, words: str) -> None:
    with pytest.raises(SigningError, match=words) as told:
        opened(uri)
    assert ACCESS_KEY not in str(told.value)
    assert SECRET_KEY not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("alg", SPECS)
def test_a_key_of_the_service_signs_a_picture(service: Service, keys: dict[str, Key], alg: str) -> None:
    from PIL import Image

    key = keys[alg]
    signer = opened(service.uri(key.id, key.chain))
    assert (signer.alg, signer.chain, signer.fingerprint) == (alg, key.issued.chain, key.issued.fingerprint)
    assert signs(signer)

    labeller = Labeller(LabelOptions(signer=service.uri(key.id, key.chain)))
    made = labeller.image(Image.linear_gradient("L").resize((320, 240)).convert("RGB"), "jpeg")
    trust = Trust((Anchor("the root", None, key.issued.root),))
    assert Verifier(VerifyOptions(trust=trust)).verify(made).kind == "verified"


@pytest.mark.parametrize("alg", ["ps384", "ps512"])
def test_an_rsa_key_signs_with_the_digest_that_is_asked_for(service: Service, keys: dict[str, Key], alg: str) -> None:
    signer = opened(service.uri(keys["ps256"].id, keys["ps256"].chain, alg=alg))
    assert signer.alg == alg
    assert signs(signer)


def test_a_key_is_named_by_alias_or_arn_and_the_service_by_its_host(service: Service, keys: dict[str, Key]) -> None:
    key = keys["es256"]
    service.owner.create_alias(AliasName="alias/labels", TargetKeyId=key.id)
    assert signs(opened(service.uri("alias/labels", key.chain)))
    endpoint = f"http://127.0.0.1:{service.port}"
    assert signs(opened(f"awskms:///{key.arn}?endpoint={endpoint}&cert={key.chain}"))
    assert signs(opened(f"awskms://127.0.0.1:{service.port}/{key.id}?region={REGION}&cert={key.chain}"))


def test_eight_threads_share_one_signer(service: Service, keys: dict[str, Key]) -> None:
    signer = opened(service.uri(keys["es256"].id, keys["es256"].chain))
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(signs, [signer] * 24))


def test_a_forked_process_connects_for_itself(service: Service, keys: dict[str, Key]) -> None:
    script = (
        "import os, sys; from pathlib import Path; from kzlabel.signing import KeyAccess, open_signer\n"
        "signer = open_signer(sys.argv[1], KeyAccess(Path('unused')))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    print(len(signer.sign(b'child')), flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(len(signer.sign(b'parent')))\n"
    )
    uri = service.uri(keys["es256"].id, keys["es256"].chain)
    done = subprocess.run([sys.executable, "-c", script, uri], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "64\n64\n"


@pytest.mark.parametrize("alg", ["es256", "ps256"])
def test_a_signature_that_does_not_fit_the_certificate_is_never_returned(service: Service, alg: str) -> None:
    key = service.key(alg, Description=UNCORRECTED)
    signer = opened(service.uri(key.id, key.chain))
    with pytest.raises(SigningError, match="signed with another key than the certificate's, or another algorithm"):
        signer.sign(b"a claim")


def test_what_is_wrong_with_a_key_is_said_in_a_sentence(service: Service, keys: dict[str, Key]) -> None:
    good = keys["es256"]
    refused(service.uri("00000000-0000-0000-0000-000000000000", good.chain), "there is no such key in this region")
    refused(service.uri("alias/absent", good.chain), "there is no such key in this region")
    refused(service.uri(keys["es384"].id, good.chain), "does not belong to the certificate")
    refused(service.uri(good.id, good.chain, alg="ps256"), "cannot sign with ps256")
    refused(service.uri(good.id, service.folder / "absent.pem"), "absent.pem: no such file")

    encrypting = service.owner.create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    refused(service.uri(encrypting, good.chain), "the key is not for signing")
    foreign = service.owner.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_SECG_P256K1")["KeyMetadata"]["KeyId"]
    refused(service.uri(foreign, good.chain), "does not belong to the certificate")


@pytest.mark.parametrize("alg", SPECS)
def test_a_key_of_the_service_signs_its_own_request(service: Service, keys: dict[str, Key], alg: str) -> None:
    from cryptography import x509

    output = service.folder / f"{alg}.request.pem"
    uri = service.uri(keys[alg].id, keys[alg].chain).partition("&cert=")[0]
    request_elsewhere("Studio labels", uri, output)
    request = x509.load_pem_x509_csr(output.read_bytes())
    assert request.is_signature_valid
    assert public_der(request) == public_der(leaf_key(keys[alg].issued.chain))


def test_a_service_that_is_not_there_or_does_not_answer_is_given_up(
    keys: dict[str, Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = keys["es256"].chain
    monkeypatch.setattr(module, "READ", 0.2)
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        refused(f"awskms://{address}/key?region={REGION}&cert={chain}", "the service does not answer in time")
    refused(f"awskms://{address}/key?region={REGION}&cert={chain}", "the service cannot be reached")


def test_missing_credentials_and_regions_are_told_apart(keys: dict[str, Key], monkeypatch: pytest.MonkeyPatch) -> None:
    chain = keys["es256"].chain
    refused(f"awskms:///key?cert={chain}", "no region is known; add region=")
    refused(f"awskms:///key?cert={chain}&region=no/where", "region= is no region")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    refused(f"awskms:///key?cert={chain}&region={REGION}", "the credentials are incomplete")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    refused(f"awskms:///key?cert={chain}&region={REGION}", "no credentials were found")


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("key?cert=a.pem", "three strokes"),
        ("///?cert=a.pem", "no key is named"),
        ("///key?cert=a.pem&colour=red", "colour"),
        ("//host/key?cert=a.pem&endpoint=https://host", "stands there twice"),
        ("///key?cert=a.pem&endpoint=host:4566", "endpoint= is an address"),
    ],
)
def test_what_is_malformed_is_refused(rest: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse_kms_key(rest)


def test_a_signer_needs_its_certificates() -> None:
    with pytest.raises(ConfigurationError, match="cert=/PATH"):
        opened("awskms:///key")


def test_only_this_machine_is_asked_without_encryption_unless_an_address_says_so() -> None:
    ends = {
        host: parse_kms_key(f"//{host}/key?cert=a.pem")[0].endpoint
        for host in ("localhost:4566", "kms.example:443", "")
    }
    assert ends == {"localhost:4566": "http://localhost:4566", "kms.example:443": "https://kms.example:443", "": None}
    key = "arn:aws:kms:eu-north-1:111122223333:alias/labels"
    assert parse_kms_key(f"///{key}?cert=a.pem")[0].region == "eu-north-1"


def test_without_the_extra_its_name_is_told(keys: dict[str, Key], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "botocore", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    refused(f"awskms:///key?region={REGION}&cert={keys['es256'].chain}", r"pip install 'kzlabel\[awskms\]'")
