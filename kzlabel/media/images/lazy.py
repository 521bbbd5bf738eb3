"""An animation for Pillow's encoders whose frames are decoded and badged only when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base import Progress
from .raster import reading
from .stamp import Stamp

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile


def stamped_frames(
    picture: ImageFile, stamp: Stamp, frames: int, *, name: str, progress: Progress | None
) -> Image.Image:
    """`picture` with the badge on every frame, as an image that can be saved with save_all.

    One frame is in memory at a time, where a list of frames would hold them all.
    """
    from PIL import Image

    class Stamped(Image.Image):
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
                self.im = stamp.put(picture.copy()).im
                if progress:
                    progress((self._wanted + 1) / frames)
            return super().load()

    picture.load()
    stamped = Stamped()
    stamped._size, stamped._mode = picture.size, picture.mode
    stamped.im = picture.im
    return stamped
