"""Signers as they are used: one for many threads, and none that the package could not do without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.signing import Passphrase
from kzlabel.trust import Anchor
from tests import pki
from tests.signing.stores import PASSPHRASE, VARIABLE, key_service, p12_file, pem_files
from tests.signing.works import picture

THREADS, WORKS = 8, 24
KINDS: dict[str, Callable[[Path, pki.PrivateSigner], str]] = {
    "file": lambda folder, made: pem_files(folder, made, PASSPHRASE),
    "pkcs12": p12_file,
    "command": key_service,
}


@pytest.mark.parametrize("kind", KINDS)
def test_eight_threads_share_one_signer_and_all_they_make_verifies(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "command" and os.name != "posix":
        pytest.skip("the program of this test begins with #!")
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    made = pki.signer(intermediate=True, days=90)
    signer, passphrase = KINDS[kind](tmp_path, made), Passphrase(variable=VARIABLE)
    options = LabelOptions(signer=signer, keys=tmp_path, passphrase=passphrase, watermark=False)
    labeller = Labeller(options)
    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(Anchor("Root", None, made.root),)), watermark=False))

    def one(number: int) -> tuple[str, str | None]:
        verdict = verifier.verify(labeller.image(picture(number), "jpeg"))
        return verdict.kind, verdict.identifier

    with ThreadPoolExecutor(THREADS) as pool:
        made_by_all = list(pool.map(one, range(WORKS)))
    assert {kind for kind, _ in made_by_all} == {"verified"}
    assert len({identifier for _, identifier in made_by_all}) == WORKS


def test_eight_threads_share_the_development_key(tmp_path: Path) -> None:
    labeller = Labeller(LabelOptions(keys=tmp_path, watermark=False))
    with ThreadPoolExecutor(THREADS) as pool:
        works = list(pool.map(lambda shade: labeller.image(picture(shade), "png"), range(WORKS)))
    root = Anchor("Development", None, (tmp_path / "root.pem").read_text())
    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(root,)), watermark=False))
    assert {verifier.verify(work).kind for work in works} == {"verified"}


_WITHOUT_EXTRAS = """
import importlib, pkgutil, sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pkcs11", "boto3", "botocore"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import kzlabel, kzlabel.signing
for found in pkgutil.walk_packages(kzlabel.signing.__path__, "kzlabel.signing."):
    importlib.import_module(found.name)
assert "cryptography" not in sys.modules, "imported before it is needed"
from kzlabel.errors import SigningError
from kzlabel.signing import KeyAccess, open_signer
from kzlabel.signing.base import SCHEMES
assert open_signer("dev:", KeyAccess(Path(sys.argv[1]))).sign(b"claim")
module = Path(sys.argv[1], "token.so")
module.write_bytes(b"")
for uri in (f"pkcs11:object=key?module-path={module}", "awskms:///alias/key?cert=chain.pem"):
    try:
        open_signer(uri, KeyAccess(Path(sys.argv[1])))
    except SigningError as error:
        print(error)
"""


def test_the_package_imports_without_any_extra_and_names_the_one_that_a_scheme_needs(tmp_path: Path) -> None:
    made = pki.signer()
    (tmp_path / "chain.pem").write_text(made.chain)
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_EXTRAS, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    token, cloud = done.stdout.splitlines()
    assert "pip install 'kzlabel[pkcs11]'" in token
    assert "pip install 'kzlabel[" in cloud
