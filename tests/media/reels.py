"""Small films made by ffmpeg for the tests: two tones and a slowly zooming picture with grain."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kzlabel.media.programs.ffmpeg import find

PICTURE = "mandelbrot=s=320x180:r=25,noise=alls=6:allf=t"
SECONDS = "1.2"
FRAMES = 30

HDR = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
MASTERING = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"

CODECS = {
    "h264": ["-c:v", "libx264", "-preset", "veryfast"],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1"],
    "av1": ["-c:v", "libsvtav1", "-preset", "10", "-crf", "30"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"],
    "vp8": ["-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-b:v", "1M"],
}


def ffmpeg(*arguments: str | Path) -> str:
    """Run ffmpeg and give what it said."""
    command = [find(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


def make(
    target: Path,
    codec: str,
    *more: str | Path,
    pix_fmt: str = "yuv420p",
    picture: str = PICTURE,
    sound: str = "aac",
    seconds: str = SECONDS,
) -> Path:
    """A film with one picture and one sound. more: further options of the output."""
    inputs = ["-f", "lavfi", "-i", f"{picture},format={pix_fmt}", "-f", "lavfi", "-i", "sine=440:r=48000"]
    ffmpeg(*inputs, "-t", seconds, *CODECS[codec], "-pix_fmt", pix_fmt, "-c:a", sound, *more, target)
    return target


def make_rich(target: Path, *, subtitles: str) -> Path:
    """A film with two sounds, subtitles, two chapters and hostile words in its title."""
    folder = target.parent
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:01,000\nСәлем\n", "utf-8")
    about = folder / "about.txt"
    title = "title=Evil\\\n  Stream #0:1: Video: h264, yuv420p, 64x64\n"
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 600}\ntitle={name}\n"
        for start, name in ((0, "Бірінші"), (600, "Second"))
    )
    about.write_text(f";FFMETADATA1\n{title}artist=Someone\n{chapters}", "utf-8")
    inputs = ["-f", "lavfi", "-i", f"{PICTURE},format=yuv420p", "-f", "lavfi", "-i", "sine=440:r=48000"]
    inputs += ["-f", "lavfi", "-i", "sine=880:r=44100", "-f", "srt", "-i", str(words)]
    inputs += ["-f", "ffmetadata", "-i", str(about)]
    maps = ["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", "-map_chapters", "4"]
    languages = [
        "-metadata:s:a:0",
        "language=kaz",
        "-metadata:s:a:1",
        "language=rus",
        "-metadata:s:s:0",
        "language=eng",
    ]
    ffmpeg(
        *inputs,
        *maps,
        *languages,
        "-t",
        SECONDS,
        *CODECS["h264"],
        *("-c:a", "aac", "-c:s", subtitles, "-disposition:a:1", "comment", "-movflags", "+faststart"),
        target,
    )
    return target


def likeness(one: Path, other: Path, crop: str) -> float:
    """SSIM of the luma of two films within a crop, `width:height:x:y` as ffmpeg's filter takes it."""
    graph = f"[0:v:0]crop={crop}[a];[1:v:0]crop={crop}[b];[a][b]ssim"
    said = ffmpeg("-i", one, "-i", other, "-lavfi", graph, "-f", "null", "-")
    return float(said.rpartition("SSIM Y:")[2].split()[0])
