"""An animation for Pillow's encoders whose frames are decoded and drawn on only when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import Progress
from .overlay import Overlay
from .raster import reading

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile


def drawn_frames(
    picture: ImageFile, overlay: Overlay, frames: int, *, name: str, progress: Progress | None
) -> Image.Image:
    """`picture` with what is laid over it on every frame, as an image that can be saved with save_all.

    One frame is in memory at a time, where a list of frames would hold them all.
    """
    from PIL import Image

    class Drawn(Image.Image):
        n_frames = frames
        is_animated = frames > 1
        _shown = -1
        _wanted = 0

        def seek(self, frame: int) -> None:
            if not 0 <= frame < frames:
                raise EOFError("no more frames")
            self._wanted = frame

        def tell(self) -> int:
            return self._wanted

        def load(self) -> Any:
            if self._shown != self._wanted:
                self._shown = self._wanted
                with reading(name):  # the encoder asks, but it is the input that fails
                    picture.seek(self._wanted)
                    picture.load()
                self.im = overlay.put(picture.copy()).im
                if progress:
                    progress((self._wanted + 1) / frames)
            return super().load()

    picture.load()
    drawn = Drawn()
    drawn._size, drawn._mode = picture.size, picture.mode
    drawn.im = picture.im
    return drawn
