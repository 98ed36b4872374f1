"""Lift the pictures of this machine's camera while it runs, and show them on a local page: ``posezoo webcam``."""

from __future__ import annotations

import argparse
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from posezoo.cli.checks import check_name
from posezoo.errors import InputError

_PAGE = b"""<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>PoseZoo</title><body style="margin:0;background:#222"><img src="stream" style="width:100%" alt="camera and pose">"""


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser(
        "webcam",
        help="lift the person before a camera, live on a page",
        epilog="The page is of this machine alone, and nothing is stored. Ctrl-C ends it.",
    )
    command.add_argument("name", nargs="?", default="geoselfsup", help="a model of single views (default geoselfsup)")
    command.add_argument("--camera", type=int, default=0, metavar="N", help="which camera, counted from 0")
    command.add_argument("--detector", help="rtmlib, mediapipe or torchvision; the one that is installed by default")
    command.add_argument("--detector-model", help="as for predict")
    command.add_argument("--detector-device", help="where the detector computes: cpu (the default), cuda, mps")
    command.add_argument("--port", type=int, default=8765, help="of the page (default 8765; 0: any that is free)")
    command.add_argument("--frames", type=int, metavar="N", help="end after so many")
    command.add_argument("--device", help="where the model computes: cpu (the default), cuda, cuda:1, mps")
    command.set_defaults(run=run, check=check)


def check(options: argparse.Namespace) -> None:
    """Refuse impossible options before anything is imported."""
    check_name(options.name)
    if options.camera < 0 or not 0 <= options.port < 65536 or (options.frames is not None and options.frames < 1):
        raise InputError("--camera is 0 or more, --port 0 to 65535, --frames 1 or more.")


def run(options: argparse.Namespace) -> int:
    """Open camera, detector and page, and show each picture until the camera or the user ends it."""
    import posezoo
    from posezoo.files.opencv import opencv
    from posezoo.lifting import LiftingModule
    from posezoo.video import detectors
    from posezoo.video.live import lift_pictures, side_by_side

    cv2 = opencv()
    model = posezoo.load(options.name, options.device, kind=LiftingModule)
    camera = cv2.VideoCapture(options.camera)
    if not camera.isOpened():
        camera.release()
        raise InputError(f"there is no camera {options.camera}, or another program has it; --camera N names another.")
    page, count, found = _Page(options.port), 0, 0
    try:
        with detectors.get_detector(options.detector, options.detector_model, options.detector_device or "cpu") as detector:
            print(f"{model.zoo_name}, {detector.name}: open {page.address} (Ctrl-C ends)", flush=True)
            for seen in lift_pictures(_pictures(camera, options.frames), detector, model):
                count, found = count + 1, found + (seen.pose_3d is not None)
                page.show(cv2.imencode(".jpg", side_by_side(seen)[..., ::-1])[1].tobytes())
    except KeyboardInterrupt:
        pass
    finally:
        camera.release()
        page.close()
    if not count:
        raise InputError(f"camera {options.camera} gave no picture; --camera N names another.")
    print(f"{count} pictures, a person lifted in {found}")
    return 0


def _pictures(camera: Any, most: int | None) -> Iterator[np.ndarray]:
    """Yield RGB pictures until the camera ends."""
    count = 0
    while most is None or count < most:
        there, picture = camera.read()
        if not there:
            return
        count += 1
        yield np.ascontiguousarray(picture[..., ::-1])


class _Page:
    """A page on loopback that shows the latest picture; its secret path keeps other pages of the browser out."""

    def __init__(self, port: int) -> None:
        self.latest, self.number, self.ended = b"", 0, False
        self.changed = threading.Condition()
        self.secret = secrets.token_urlsafe(9)
        try:
            self.server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"page": self}))
        except OSError as error:
            raise InputError(f"--port {port} cannot be used ({error.strerror}); give another, or 0.") from error
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/{self.secret}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def show(self, jpeg: bytes) -> None:
        with self.changed:
            self.latest, self.number = jpeg, self.number + 1
            self.changed.notify_all()

    def pictures(self) -> Iterator[bytes]:
        """Yield each picture as soon as it is there; a slow reader misses some."""
        seen = 0
        while True:
            with self.changed:
                while self.number == seen and not self.ended:
                    self.changed.wait()
                if self.number == seen:
                    return
                seen, picture = self.number, self.latest
            yield picture

    def close(self) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    page: _Page

    def log_message(self, *_: object) -> None:
        """Print nothing of requests."""

    def do_GET(self) -> None:
        """Answer with the page, or with pictures one after the other (multipart/x-mixed-replace)."""
        if self.path not in (f"/{self.page.secret}/", f"/{self.page.secret}/stream"):
            self.send_error(404)
            return
        streams = self.path.endswith("stream")
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture" if streams else "text/html")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        try:
            if not streams:
                self.wfile.write(_PAGE)
                return
            for picture in self.page.pictures():
                head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                self.wfile.write(head.encode() + picture + b"\r\n")
        except ConnectionError:  # the reader closed the connection
            return
