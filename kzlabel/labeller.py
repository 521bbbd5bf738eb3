"""`Labeller`: the use case "label one file", warm for many calls, for files and for what a pipeline holds in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .declaration import Declaration, Source
from .disclosure.wording import phrases
from .errors import OutputError, UsageError
from .files import default_target, scratch, spool, writing
from .labelling import Means, label_file
from .limits import Limits
from .media import Format, Medium
from .media.base import Progress
from .registry.place import place_of
from .registry.registrar import Registrar
from .request import Labelled, LabelOptions, Request
from .settings import config_folder
from .signing import KeyAccess, Signer, open_signer
from .signing.audit import open_trail
from .signing.time_stamping import TimeStamping
from .verification.collect import Collector

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


@dataclass(frozen=True)
class LabelledBytes:
    """A labelled work in memory. manifest: its sidecar, for the formats that cannot hold one."""

    data: bytes
    manifest: bytes | None
    labelled: Labelled


class Labeller:
    """Labels files, bytes, pictures, sound and text; keeps signer, formats and fonts warm.

    Safe for threads. Can be pickled for spawned processes: each opens the signer anew.
    """

    def __init__(self, options: LabelOptions | None = None) -> None:
        self.options = options or LabelOptions()
        self._prepare()

    def _prepare(self) -> None:
        self._lock = threading.Lock()
        self._signer: Signer | None = None
        self._news: str | None = None
        phrases(self.options.plan(Source.GENERATED))  # an unknown language is told before any work is done
        self._formats = self.options.all_formats()
        self._means = Means(
            self._warm_signer,
            TimeStamping(self.options.tsa, required=self.options.tsa_required),
            open_trail(self.options.audit),
            Registrar(
                place_of(self.options.registry, self.options.registry_token),
                required=self.options.registry_required,
                signer_uri=self.options.signer,
            ),
            Collector(limits=self.options.limits, formats=self._formats),
        )

    def __getstate__(self) -> LabelOptions:
        return self.options

    def __setstate__(self, options: LabelOptions) -> None:
        self.options = options
        self._prepare()

    def label(
        self,
        source: Path | str,
        target: Path | str | None = None,
        *,
        declaration: Declaration | None = None,
        parent: Path | str | None = None,
        sidecar: Path | str | None = None,
        expected: str | None = None,
        name: str | None = None,
        dry_run: bool = False,
        in_place: bool = False,
        alone: bool = False,
        drawn: bool = False,
        progress: Progress | None = None,
    ) -> Labelled:
        """Label one file. Without `target`, photo.jpg becomes photo.labelled.jpg beside it.

        declaration: what is asserted; a new identifier and "generated" by default. parent: the original of a modified
        work. sidecar: where the manifest goes instead of into the output. expected: the format that the input must
        have. name: as people know the input. in_place: replace the input, once its labelled copy is verified.
        alone: refuse formats that cannot hold their manifest, unless `sidecar` is given. drawn: the identifier of the
        declaration was drawn at random; a registry that has issued it already gives another one.
        Raises the errors of `kzlabel.errors`.
        """
        path = Path(source)
        if in_place and target is not None:
            raise UsageError(f"{path.name}: in_place replaces the input; leave out the target")
        request = Request(
            path,
            path if in_place else Path(target) if target is not None else default_target(path),
            declaration or Declaration(),
            name or path.name,
            Path(parent) if parent is not None else None,
            Path(sidecar) if sidecar is not None else None,
            expected,
            dry_run,
            in_place,
            alone,
            progress,
            drawn or declaration is None,
        )
        labelled = label_file(request, self.options, self._means)
        return replace(labelled, notes=(*self.take_news(), *labelled.notes))

    def label_bytes(
        self,
        source: bytes | BinaryIO,
        *,
        name: str = "input",
        declaration: Declaration | None = None,
        parent: Path | str | None = None,
    ) -> LabelledBytes:
        """Label a work in memory or an open binary file. name: its ending tells plain text from Markdown."""
        with self._room() as room:
            path = room / f"input{Path(name).suffix}"
            if isinstance(source, bytes):
                path.write_bytes(source)
            else:
                spool(source, room, limit=self.options.limits.max_spool_bytes).rename(path)
            return self._in_room(path, name, declaration, parent)

    def image(
        self,
        picture: Image.Image | np.ndarray[Any, Any],
        format: str = "png",
        *,
        declaration: Declaration | None = None,
        quality: int = 92,
    ) -> bytes:
        """Label a picture straight from a generator.

        picture: a Pillow image, or an array (height, width), (height, width, 3) or (height, width, 4), uint8.
        format: "png", "jpeg", "webp", "avif", "gif" or "tiff". quality: of lossy formats, 1..100. Returns the file.
        """
        from PIL import Image

        chosen = self._format(format, Medium.IMAGE)
        picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        with self._room() as room:
            path = room / f"input{chosen.extensions[0]}"
            _save(picture, path, chosen, quality)
            return self._in_room(path, path.name, declaration, None).data

    def audio(
        self,
        samples: np.ndarray[Any, Any],
        rate: int,
        format: str = "wav",
        *,
        declaration: Declaration | None = None,
    ) -> bytes:
        """Label sound straight from a generator.

        samples: (samples,) or (samples, channels), float in -1..1 or int16. rate: hertz.
        format: "wav", "flac", "mp3" or "m4a". Returns the file. Raises UsageError for formats that need a sidecar.
        """
        chosen = self._format(format, Medium.AUDIO)
        with self._room() as room:
            path = _encode(samples, rate, room, chosen, self.options.limits)
            return _whole(self._in_room(path, path.name, declaration, None), chosen)

    def text(self, text: str, format: str = "txt", *, declaration: Declaration | None = None) -> str:
        """Label a text straight from a generator. format: "txt", "md" or "html". Returns the labelled text."""
        chosen = self._format(format, Medium.TEXT)
        options = replace(self.options, encoding="utf-8")
        with self._room() as room:
            path = room / f"input{chosen.extensions[0]}"
            path.write_bytes(text.encode("utf-8"))
            made = Labeller._in_room(self._with(options), path, path.name, declaration, None)
            return _whole(made, chosen).decode("utf-8")

    def _with(self, options: LabelOptions) -> Labeller:
        """A twin with other options and the same warm signer."""
        twin = Labeller(options)
        twin._signer = self._warm_signer()
        twin._means = replace(twin._means, time_stamping=self._means.time_stamping)  # knows whether it is silent
        return twin

    @contextmanager
    def _room(self) -> Iterator[Path]:
        with scratch() as room, writing(room):
            yield room

    def _in_room(
        self, path: Path, name: str, declaration: Declaration | None, parent: Path | str | None
    ) -> LabelledBytes:
        target = path.with_name(f"output{path.suffix}")
        made = self.label(path, target, declaration=declaration, parent=parent, name=name)
        manifest = made.sidecar.read_bytes() if made.sidecar else None
        return LabelledBytes(target.read_bytes(), manifest, made)

    def _format(self, name: str, medium: Medium) -> Format:
        wanted = name.lower().lstrip(".")
        fitting = [format for format in self._formats if format.medium is medium and not format.refusal]
        for format in fitting:
            if wanted in format.names:
                return format
        known = ", ".join(format.extensions[0][1:] for format in fitting)
        raise UsageError(f"{name!r} is no {medium} format that kzlabel writes; choose one of {known}")

    def _warm_signer(self) -> Signer:
        with self._lock:
            if self._signer is None:
                folder = self.options.keys or config_folder() / "keys"
                access = KeyAccess(folder, self.options.passphrase, self.options.allow_shared_key)
                self._signer = open_signer(self.options.signer, access)
                self._news = self._signer.news
            return self._signer

    def take_news(self) -> tuple[str, ...]:
        """What a person must know about the signer and no note has told yet, such as that a key was made."""
        with self._lock:
            news, self._news = self._news, None
        return (news,) if news else ()


def _save(picture: Image.Image, path: Path, format: Format, quality: int) -> None:
    """Write a picture for the labeller to read: lossless where the format can, so that it is encoded lossily but once.

    JPEG is encoded twice with the same tables, which changes next to nothing the second time.
    """
    lossless = {"lossless": True} if format.mime == "image/webp" else {}
    frames = getattr(picture, "n_frames", 1)
    if format.mime == "image/jpeg" and picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("RGB")
    try:
        picture.save(path, format.mime.partition("/")[2].upper(), quality=quality, save_all=frames > 1, **lossless)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"this picture cannot be written as {format.name}: {error}") from None


def _encode(samples: np.ndarray[Any, Any], rate: int, room: Path, format: Format, limits: Limits) -> Path:
    """Write sound for the labeller to read."""
    from .media.audio import transcode, write_wave
    from .media.audio.recording import Recording

    wave = room / "input.wav"
    write_wave(samples, rate, wave)
    if format.mime == "audio/wav":
        return wave
    assert isinstance(format, Recording)
    path = room / f"input{format.extensions[0]}"
    transcode(wave, path, format, limits=limits)
    return path


def _whole(made: LabelledBytes, format: Format) -> bytes:
    if made.manifest is not None:
        raise OutputError(f"{format.name} cannot hold a manifest; use label_bytes, which returns the sidecar as well")
    return made.data
