"""The originals of the demonstration, one of each medium, made by our own code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

POEM = """Кешкі дала

Күн батып барады, алыс таулардың басы алтынға малынды.
Жел тынды, шөп сыбдыры ғана естіледі.
Аспан кең, жол ұзақ, түн жақын.

Вечерняя степь

Солнце садится, вершины далёких гор окунулись в золото.
Ветер утих, слышен только шорох травы.
Небо широко, дорога длинна, ночь близка.

Evening on the steppe

The sun goes down; far summits are dipped in gold.
The wind has dropped, and only the grass can be heard.
The sky is wide, the road is long, the night is near.
"""

PAGE = """<!DOCTYPE html>
<html lang="kk">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Кешкі дала</title>
  <style>
    body { font: 1.1rem/1.6 Georgia, serif; max-width: 38rem; margin: 3rem auto; padding: 0 1rem; color: #222; }
    h1 { font-weight: 600; }
  </style>
</head>
<body>
  <h1>Кешкі дала</h1>
  <p>Күн батып барады, алыс таулардың басы алтынға малынды.
     Жел тынды, шөп сыбдыры ғана естіледі. Аспан кең, жол ұзақ, түн жақын.</p>
  <h2 lang="en">Evening on the steppe</h2>
  <p lang="en">The sun goes down; far summits are dipped in gold. The wind has dropped, and only the grass can be
     heard. The sky is wide, the road is long, the night is near.</p>
</body>
</html>
"""


@dataclass(frozen=True)
class Work:
    """An original and what the report calls it."""

    path: Path
    title: str


def make_works(folder: Path, *, ffmpeg: str) -> tuple[Work, ...]:
    """Draw, synthesise and write the originals into `folder`, which exists. `ffmpeg` is the program to encode with."""
    from .film import write_film, write_recording
    from .scenery import landscape

    picture = folder / "picture.jpg"
    scene = landscape(1600, 1067)
    scene.save(picture, quality=90, subsampling="4:2:0", optimize=True)

    film = folder / "film.mp4"
    write_film(film, ffmpeg=ffmpeg)

    recording = folder / "music.mp3"
    write_recording(recording, ffmpeg=ffmpeg)

    text = folder / "poem.txt"
    text.write_text(POEM, encoding="utf-8", newline="\n")
    page = folder / "page.html"
    page.write_text(PAGE, encoding="utf-8", newline="\n")
    return (
        Work(picture, "A picture"),
        Work(film, "A film"),
        Work(recording, "A recording"),
        Work(text, "A text"),
        Work(page, "A web page"),
    )
