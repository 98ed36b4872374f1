"""Test adapters of detectors, driven by stand-ins that return what the packages return."""

from __future__ import annotations

import os
import sys
import types
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from posezoo.errors import InputError, MissingFileError, UnknownNameError
from posezoo.skeletons import get_skeleton
from posezoo.terminal import silence
from posezoo.video.detectors import DETECTORS, MediaPipe, RTMLib, TorchVision, get_detector
from posezoo.video.detectors.base import without_native_messages
from tests.video.samples import BODY, rtmlib_model

try:
    from mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark
    from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarkerResult
except ImportError:  # the same fields; the tests run with the real classes where they are installed

    @dataclass
    class NormalizedLandmark:  # type: ignore[no-redef]
        x: float | None = None
        y: float | None = None
        z: float | None = None
        visibility: float | None = None
        presence: float | None = None
        name: str | None = None

    @dataclass
    class PoseLandmarkerResult:  # type: ignore[no-redef]
        pose_landmarks: list
        pose_world_landmarks: list
        segmentation_masks: list | None = field(default=None)


PICTURE = np.zeros((120, 160, 3), np.uint8)
PICTURE[20:100, 10:50, 0] = 255  # a red box


def test_rtmlib_gets_bgr_and_gives_coco():
    found = RTMLib(rtmlib_model).detect(PICTURE)
    np.testing.assert_allclose(found.keypoints[0], np.array([10, 20]) + BODY * [40, 80])
    np.testing.assert_allclose(found.confidence, 0.9)
    many = RTMLib(lambda picture: (np.zeros((3, 17, 2), np.float32), np.full((3, 17), 1.07, np.float32))).detect(PICTURE)
    assert (len(many), many.confidence.max()) == (3, 1.0)
    # RTMO gives empty arrays where it finds nobody.
    assert len(RTMLib(lambda picture: (np.array([]), np.array([]))).detect(PICTURE)) == 0
    with pytest.raises(InputError, match="to_openpose=False"):
        RTMLib(lambda picture: (np.zeros((1, 18, 2)), np.zeros((1, 18)))).detect(PICTURE)


def test_mediapipe_landmarks_are_fractions_of_the_picture():
    def person(shift, visibility):
        marks = [NormalizedLandmark(x=0.25 + shift, y=i / 33, z=0.0, visibility=visibility, presence=1.0) for i in range(33)]
        return marks

    seen = []

    def model(picture):
        seen.append(picture)
        return PoseLandmarkerResult([person(0, 0.7), person(0.5, None)], [])

    found = MediaPipe(model).detect(PICTURE)
    assert seen[0][30, 20].tolist() == [255, 0, 0]  # RGB
    assert found.keypoints.shape == (2, 33, 2)
    np.testing.assert_allclose(found.keypoints[:, 32], [[40, 32 / 33 * 120], [120, 32 / 33 * 120]])
    np.testing.assert_allclose(found.confidence[:, 0], [0.7, 1.0])
    assert len(MediaPipe(lambda picture: PoseLandmarkerResult([], [])).detect(PICTURE)) == 0
    with pytest.raises(InputError, match="21 landmarks"):
        MediaPipe(lambda picture: PoseLandmarkerResult([person(0, 1)[:21]], [])).detect(PICTURE)


def test_torchvision_logits_become_confidences():
    seen = []

    def model(pictures):
        seen.extend(pictures)
        keypoints = torch.rand(2, 17, 3)
        return [
            {
                "boxes": torch.rand(2, 4),
                "labels": torch.ones(2, dtype=torch.int64),
                "scores": torch.tensor([0.9, 0.5]),
                "keypoints": keypoints,
                "keypoints_scores": torch.tensor([[0.0] * 17, [30.0] * 17]),
            }
        ]

    found = TorchVision(model).detect(PICTURE)
    assert (seen[0].shape, seen[0].dtype, float(seen[0].max())) == ((3, 120, 160), torch.float32, 1.0)
    assert float(seen[0][0, 30, 20]) == 1.0  # red first
    assert found.keypoints.shape == (2, 17, 2)
    np.testing.assert_allclose(found.confidence[:, 0], [0.45, 0.5], atol=1e-6)
    empty = {"keypoints": torch.zeros(0, 17, 3), "keypoints_scores": torch.zeros(0, 17), "scores": torch.zeros(0)}
    assert len(TorchVision(lambda pictures: [empty]).detect(PICTURE)) == 0


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_that_is_not_installed_is_one_sentence(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError) as caught:
        get_detector(name)
    assert "pip install" in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_rtmlib_prints_of_its_download_is_no_result(monkeypatch, capsys):
    def body(**_):
        print("Downloading: https://example.org/model.zip")
        return rtmlib_model

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=body))
    get_detector("rtmlib")
    said = capsys.readouterr()
    assert (said.out, "Downloading" in said.err) == ("", True)
    with silence():
        get_detector("rtmlib")
    assert capsys.readouterr() == ("", "")


def test_rtmlib_is_loaded_as_asked(monkeypatch):
    asked = {}

    class Body:
        def __init__(self, **settings):
            asked.update(settings)

        def __call__(self, picture):
            return rtmlib_model(picture)

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=Body))
    assert len(get_detector("rtmlib").detect(PICTURE)) == 1
    assert asked == {"mode": "balanced", "to_openpose": False, "backend": "onnxruntime", "device": "cpu"}
    get_detector("rtmlib", "lightweight", "cuda")
    assert (asked["mode"], asked["device"]) == ("lightweight", "cuda")
    with pytest.raises(InputError, match="cpu, cuda, mps"):
        get_detector("rtmlib", device="tpu")
    with pytest.raises(InputError, match="lightweight, balanced, performance"):
        get_detector("rtmlib", "huge")

    def offline(**settings):
        raise OSError("<urlopen error [Errno -2] Name or service not known>")

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=offline))
    with pytest.raises(InputError, match="downloads it on first use"):
        get_detector("rtmlib")


def solutions(closed, seen):
    """Stand in for ``solutions.pose`` of MediaPipe 0.10.21, with one person at half of the picture."""

    class Pose:
        def __init__(self, static_image_mode, model_complexity):
            assert model_complexity <= 1  # 2 is downloaded

        def process(self, picture):
            os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
            seen.append(picture)
            if not picture.any():
                return types.SimpleNamespace(pose_landmarks=None)
            marks = [NormalizedLandmark(x=0.5, y=0.25, z=0.0, visibility=0.8) for _ in range(33)]
            return types.SimpleNamespace(pose_landmarks=types.SimpleNamespace(landmark=marks))

        def close(self):
            closed.append(self)

    return types.SimpleNamespace(
        __version__="0.10.21", solutions=types.SimpleNamespace(pose=types.SimpleNamespace(Pose=Pose))
    )


def test_mediapipe_that_holds_weights_needs_no_file(monkeypatch, capfd):
    closed, seen = [], []
    monkeypatch.setitem(sys.modules, "mediapipe", solutions(closed, seen))
    with get_detector("mediapipe") as detector:
        found, nobody = detector.detect(PICTURE), detector.detect(np.zeros_like(PICTURE))
    assert (len(found), len(nobody)) == (1, 0)
    np.testing.assert_allclose(found.keypoints, np.broadcast_to([80.0, 30.0], (1, 33, 2)))
    np.testing.assert_allclose(found.confidence, 0.8)
    assert seen[-2][30, 20].tolist() == [255, 0, 0]  # RGB
    assert len(closed) == 1
    assert capfd.readouterr().err == ""


def test_what_a_library_says_is_shown_where_it_fails_unless_silence_was_asked_for(capfd):
    @without_native_messages()
    def fail():
        os.write(2, b"F0000 out of memory\n")
        raise RuntimeError

    for asked, shown in ((nullcontext(), "F0000 out of memory\n"), (silence(), "")):
        with asked, pytest.raises(RuntimeError):
            fail()
        assert capfd.readouterr().err == shown


def test_mediapipe_without_weights_says_both_ways_out(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mediapipe", types.SimpleNamespace(__version__="1.2.0"))
    with pytest.raises(InputError, match=r"1\.2\.0.*\.task file .*--detector-model FILE.*mediapipe<=0\.10\.21"):
        get_detector("mediapipe")
    (tmp_path / "pose.task").write_bytes(b"no model")

    def broken(options):
        raise RuntimeError("Unable to open zip archive.")

    landmarker = types.SimpleNamespace(create_from_options=broken)
    vision = types.SimpleNamespace(PoseLandmarker=landmarker, PoseLandmarkerOptions=lambda **settings: settings)
    monkeypatch.setitem(
        sys.modules, "mediapipe.tasks.python", types.SimpleNamespace(BaseOptions=lambda **settings: settings)
    )
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python.vision", vision)
    with pytest.raises(InputError, match=r"Unable to open zip archive"):
        get_detector("mediapipe", str(tmp_path / "pose.task"))


def test_the_first_detector_that_is_installed_is_taken(monkeypatch):
    for name in DETECTORS:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="no detector of people is installed"):
        get_detector()
    monkeypatch.setitem(sys.modules, "mediapipe", solutions([], []))
    assert isinstance(get_detector(), MediaPipe)
    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Body=lambda **settings: rtmlib_model))
    assert isinstance(get_detector(), RTMLib)


def test_models_that_are_not_there():
    with pytest.raises(MissingFileError, match=r"\.task file"):
        get_detector("mediapipe", "none.task")
    with pytest.raises(InputError, match="leave out 'large'"):
        get_detector("torchvision", "large")
    with pytest.raises(UnknownNameError, match="did you mean rtmlib"):
        get_detector("rtmlip")


def test_every_detector_names_a_layout():
    for detector in DETECTORS.values():
        assert len(get_skeleton(detector.skeleton)) in (17, 33)
    mine = RTMLib(rtmlib_model)
    assert get_detector(mine) is mine
