"""The server as a process of its own, over a registry that is there: run by `serving`.

usage: python -m tests.resolution.serving REGISTRY TOKEN SECONDS MOST_CONTENT
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOKEN = "a token of the tests"


@contextmanager
def serving(registry: str, *, token: str = TOKEN, seconds: float = 30.0, most_content: int = 1 << 24) -> Iterator[str]:
    """The address of a server over this registry. token: empty for one that takes nothing."""
    arguments = [sys.executable, "-m", __name__, registry, token, str(seconds), str(most_content)]
    with subprocess.Popen(
        arguments, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    ) as run:
        try:
            assert run.stdout is not None
            port = run.stdout.readline().decode().strip()
            assert port, "the server did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            run.terminate()
            run.wait(20)


def main() -> None:
    import uvicorn

    from kzlabel.registry.place import named
    from kzlabel.resolution import ResolutionOptions, application

    registry = named(sys.argv[1]).open()
    options = ResolutionOptions(token=sys.argv[2] or None, seconds=float(sys.argv[3]), most_content=int(sys.argv[4]))
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    configuration = uvicorn.Config(application(registry, options), log_level="warning", lifespan="off")
    uvicorn.Server(configuration).run(sockets=[listening])


if __name__ == "__main__":
    main()
