"""Signers by the scheme of their URI, also those that another package offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import Signer, open_signer
from kzlabel.trust import Anchor
from tests import pki
from tests.signing.stores import access, pem_files
from tests.signing.works import picture

MODULE = """
from dataclasses import dataclass
from kzlabel.signing import open_signer

@dataclass(frozen=True, eq=False)
class Vault:
    inner: object
    key = b"the key's name in this service, and no private key"
    alg = property(lambda self: self.inner.alg)
    chain = property(lambda self: self.inner.chain)
    fingerprint = property(lambda self: self.inner.fingerprint)
    news = None
    def sign(self, data):
        return self.inner.sign(data)

def open_vault(rest, access):
    return Vault(open_signer(rest, access))
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package beside kzlabel that offers vault:, and others that cannot be loaded or that claim a scheme of ours."""
    site = tmp_path / "site"
    told = site / "studio_vault-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: studio-vault\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[kzlabel.signers]\nvault = studio_vault:open_vault\nlost = studio_vault:missing\n"
        "gone = no_such_module:opener\nfile = studio_vault:open_vault\n"
    )
    (site / "studio_vault.py").write_text(MODULE)
    monkeypatch.syspath_prepend(site)
    return site


@pytest.mark.usefixtures("installed")
def test_a_scheme_of_another_package_signs(tmp_path: Path) -> None:
    made = pki.signer(days=90)
    uri = f"Vault:{pem_files(tmp_path, made)}"
    assert isinstance(open_signer(uri, access(tmp_path)), Signer)
    data = Labeller(LabelOptions(signer=uri, keys=tmp_path)).image(picture(), "png")
    verdict = Verifier(VerifyOptions(trust=Trust(anchors=(Anchor("Root", None, made.root),)))).verify(data)
    assert verdict.kind == "verified", verdict.notes


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("scheme", ["lost", "gone"])
def test_a_package_that_cannot_be_loaded_is_one_sentence(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=f"signer {scheme}: the package that offers it cannot be loaded"):
        open_signer(f"{scheme}:x", access(tmp_path))


@pytest.mark.usefixtures("installed")
def test_no_package_takes_the_place_of_a_scheme_of_ours(tmp_path: Path) -> None:
    made = pki.signer()
    assert type(open_signer(pem_files(tmp_path, made), access(tmp_path))).__module__ == "kzlabel.signing.local"


@pytest.mark.parametrize("uri", ["", ":", "chain.pem,leaf.key", "vault:x", "c:\\keys\\chain.pem", "\x1b[31m:x"])
def test_what_names_no_scheme_that_is_known_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no scheme|is not known") as caught:
        open_signer(uri, access(tmp_path))
    assert str(caught.value).isprintable()
