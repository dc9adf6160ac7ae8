"""Serve a folder as the site's host will: below its base path, compressed, with its own 404 page."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
# Served below the path it will have in the end, because the 404 page's addresses start there.
BASE = urlsplit(yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]).path

TEXTS = {".html", ".css", ".js", ".svg", ".json", ".xml", ".txt"}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder below BASE, and its 404 page for everything else."""

    def translate_path(self, path: str) -> str:
        """Map an address below BASE to a file; anything else to a file that is not there."""
        inside = path.startswith(BASE)
        return super().translate_path("/" + path[len(BASE) :] if inside else "/no-such-file")

    def send_head(self) -> IO[bytes] | None:
        """Send a text file compressed to a browser that takes it, and everything else as it is."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() and self.path.endswith("/") else path
        wanted = path.suffix in TEXTS and "gzip" in self.headers.get("Accept-Encoding", "")
        if not wanted or not path.is_file():
            return super().send_head()
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the site's own 404 page, as the hosts of static sites do."""
        page = Path(self.directory) / "404.html"
        if code != 404 or not page.is_file():
            return super().send_error(code, message, explain)
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


def serve(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port; yield the address of its start page, with a slash at the end."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}{BASE}"
        server.shutdown()
