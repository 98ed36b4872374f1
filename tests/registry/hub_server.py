"""Serve a Hugging Face hub on loopback, as far as downloads and uploads of models go, with the faults of networks."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from base64 import b64decode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c0ffee0123456789c0ffee0123456789c0ffee01"


@dataclass
class Fault:
    """Describe what goes wrong once, with the next request of a method.

    Attributes:
        method: ``HEAD``, ``GET`` or ``POST``.
        status: answered in place of the file, if not 200.
        headers: with that status.
        body: sent in place of the file's bytes.
        cut: the connection ends after so many bytes of the file, though the length said more.
        stall: nothing comes after those until the client has gone.
    """

    method: str = "GET"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    stall: bool = False


class Hub:
    """Hold files by ``(repository, file)``, at one commit; use up ``faults`` in order, and note ``requests``."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.token: str | None = None
        self.commit = COMMIT
        self.redirect = False
        self.declared: dict[tuple[str, str], str] = {}
        self.uploaded: dict[str, bytes] = {}
        self.commits: list[dict[str, Any]] = []
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def count(self, method: str, part: str = "") -> int:
        """Return how many requests of a method came."""
        return sum(each == method and part in path for each, path, _ in self.requests)

    def close(self) -> None:
        self.done.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        """Close connections that were kept open when the hub ends."""
        self.close_connection = self.hub.done.is_set()
        return not self.hub.done.is_set() and super().parse_request()

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/.+)?(\?.*)?", self.path):
            self._note()
            siblings = [{"rfilename": file} for repo, file in self.hub.files if repo == match[1]]
            self._json({"id": match[1], "sha": COMMIT, "siblings": siblings})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/.+", self.path):
            self._note()
            files = [(file, data) for (repo, file), data in self.hub.files.items() if repo == match[1]]
            self._json([{"type": "file", "path": file, "size": len(data), "oid": "0" * 40} for file, data in files])
        else:
            self._file()

    def _note(self) -> None:
        with self.hub.lock:
            self.hub.requests.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}))

    def _fault(self) -> Fault | None:
        with self.hub.lock:
            for number, fault in enumerate(self.hub.faults):
                if fault.method == self.command:
                    return self.hub.faults.pop(number)
        return None

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, content: Any, status: int = 200) -> None:
        self._send(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _file(self) -> None:
        self._note()
        fault = self._fault()
        if fault and fault.status != 200:
            return self._send(fault.status, fault.headers)
        match = re.fullmatch(r"/(cdn/)?([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)", self.path)
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._send(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        known = {repo for repo, _ in self.hub.files}
        if not match or match[2] not in known:
            return self._send(404, {"X-Error-Code": "RepoNotFound"})
        if match[3] not in ("main", self.hub.commit):
            return self._send(404, {"X-Error-Code": "RevisionNotFound"})
        key = match[2], match[4]
        if key not in self.hub.files:
            return self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.hub.commit})
        data = self.hub.files[key]
        headers = {
            "ETag": f'"{self.hub.declared.get(key) or hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": self.hub.commit,
            "Accept-Ranges": "bytes",
        }
        if self.hub.redirect and not match[1]:
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-Etag": headers["ETag"], "Location": f"/cdn{self.path}"}
            return self._send(302, headers)
        if self.command == "HEAD":
            return self._send(200, {**headers, "Content-Length": str(len(data))})
        return self._body(data, headers, fault)

    def _body(self, data: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        """Return the file or the rest of it, unless something goes wrong."""
        status, start = 200, 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, start = 206, int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest = (fault.body if fault and fault.body is not None else data)[start:]
        if fault and fault.cut is not None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(rest))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(rest[: fault.cut])
            self.wfile.flush()
            if fault.stall:
                self.hub.done.wait(5)
            self.close_connection = True
            return None
        return self._send(status, headers, rest)

    def do_POST(self) -> None:
        """Answer uploads: a repository, the check of a card's header, large files, the commit."""
        self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault := self._fault():
            return self._json({"error": "Internal"}, fault.status)
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._json({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            repo = "{organization}/{name}".format(**json.loads(body))
            return self._json({"url": f"{self.hub.url}/{repo}", "name": repo, "id": repo})
        if self.path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            mode = {True: "lfs", False: "regular"}
            return self._json(
                {"files": [{"path": f["path"], "uploadMode": mode[f["path"].endswith(".safetensors")],
                            "shouldIgnore": False} for f in files]}
            )  # fmt: skip
        if self.path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            actions = [{**o, "actions": {"upload": {"href": f"{self.hub.url}/put/{o['oid']}"}}} for o in objects]
            return self._json({"transfer": "basic", "objects": actions})
        if "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                self.hub.commits.append(entry)
                if entry["key"] == "file":
                    self.hub.uploaded[entry["value"]["path"]] = b64decode(entry["value"]["content"])
            return self._json({"commitUrl": f"{self.hub.url}/x/y/commit/{COMMIT}", "commitOid": COMMIT, "success": True})
        return self._send(404, {})

    def do_PUT(self) -> None:
        self._note()
        self.hub.uploaded[self.path.rsplit("/", 1)[1]] = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200, {})
