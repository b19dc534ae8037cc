"""A Hub on 127.0.0.1 that serves one file of one dataset repository to the real client."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(repo_id: str, revision: str, files: dict[str, bytes], status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Serve `files` of a revision; yields the endpoint and the list of requests as they come in."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            requests.append(f"{self.command} {self.path}")
            name = self.path.partition(f"/datasets/{repo_id}/resolve/{revision}/")[2].partition("?")[0]
            found = status == 200 and name in files
            body = files[name] if found else b""
            self.send_response(200 if found else (status if status != 200 else 404))
            if not found:
                self.send_header("X-Error-Code", "EntryNotFound" if status == 200 else "")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", revision)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
