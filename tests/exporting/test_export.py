"""Test exported files: they give what ``predict`` gives, at batch sizes that were not traced, with correct metadata."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import posezoo
from posezoo.cli import main
from posezoo.data import PoseData, load_dataset
from posezoo.data.pictures import load_pictures
from posezoo.errors import InputError, SaveError, UnknownNameError
from posezoo.geometry import Camera, h36m_cameras
from posezoo.lifting import ZooModule
from posezoo.papers.integral import Integral
from posezoo.papers.martinez import Martinez
from posezoo.papers.svma import SVMA
from posezoo.skeletons import convert, get_skeleton

PEOPLE = {"split": "test", "actions": ["walk"], "frames_per_clip": 8}

ENDINGS = {"onnx": ".onnx", "torchscript": ".pt"}
MODELS = posezoo.list_models()
LIFTERS = [name for name in MODELS if not name.startswith(("hg3d", "cvugcn"))]


def run(path: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Run an exported file in its own runtime alone; return the outputs."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))
    outputs = torch.jit.load(path)(*map(torch.from_numpy, inputs.values()))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return dict(zip(written_in(path)["outputs"], (output.numpy() for output in outputs), strict=True))


def written_in(path: Path) -> dict:
    """Return the metadata; inputs and outputs by name."""
    if path.suffix == ".onnx":
        strings = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
        facts = {key: json.loads(value) if value[0] in "[{" else value for key, value in strings.items()}
    else:
        extra = {"posezoo.json": ""}
        torch.jit.load(path, _extra_files=extra)
        facts = json.loads(extra["posezoo.json"])
    return facts | {side: {port["name"]: port for port in facts[side]} for side in ("inputs", "outputs")}


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Assert equality to 1e-5 of the pose's size."""
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.nanmax(np.abs(expected)))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Write files of published weights, each once."""
    folder, written = tmp_path_factory.mktemp("exported"), {}

    def get(name: str, format: str, skeleton: str | None = None) -> Path:
        key = (name, format, skeleton)
        if key not in written:
            path = folder / f"{name}.{skeleton}{ENDINGS[format]}"
            written[key] = posezoo.export(name, path, format, skeleton).path
        return written[key]

    return get


# ONNX files of published weights take seven seconds each; test_a_small_network_as_onnx is their fast test.
FAST = {("torchscript", name) for name in LIFTERS if name.endswith(".mocap")}


def files(names: list[str]):
    """Parametrise a test by format and model; files that the fast tests do not write are slow."""
    pairs = [(format, name) for format in ENDINGS for name in names]
    return pytest.mark.parametrize(
        ("format", "name"), [pytest.param(*pair, marks=() if pair in FAST else pytest.mark.slow) for pair in pairs]
    )


def assert_gives_what_predict_gives(path: Path, model: ZooModule, people: PoseData) -> None:
    """Assert equal poses at several batch sizes."""
    for count in (1, 3, 64):
        keypoints = people.keypoints_2d[:count]
        assert len(keypoints) == count
        assert_close(run(path, keypoints_2d=keypoints)["pose_3d"], model.predict(keypoints).pose_3d)


@files(LIFTERS)
def test_lifters_give_what_predict_gives(name, format, exported, people):
    assert_gives_what_predict_gives(exported(name, format), posezoo.load(name), people)


def crops(size: int) -> np.ndarray:
    """Return 64 square pictures, which are crops as they are."""
    rendered = load_pictures("rendered_wild", "test", side=size, count=4)
    few = np.stack([rendered.read(number)[:size, :size] for number in range(4)])
    return np.concatenate([np.roll(few, shift, axis=2) for shift in range(16)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "format"), [*(("hg3d.render_small", format) for format in ENDINGS), ("hg3d.photo", "onnx")]
)
def test_pictures_give_what_predict_gives(name, format, exported):
    model, path = posezoo.load(name), exported(name, format)
    pictures = crops(model.size)
    expected = model.predict_images(pictures)
    for count in (1, 3, 64):
        found = run(path, picture=np.ascontiguousarray(pictures[:count].transpose(0, 3, 1, 2)))
        for output in ("keypoints_2d", "pose_3d", "confidence"):
            assert_close(found[output], getattr(expected, output)[:count])


def two_views(count: int, layout: str = "h36m17") -> tuple[np.ndarray, list[Camera], dict[str, np.ndarray]]:
    """Return keypoints of two cameras with distortion and errors, (V, T, J, 2) px, and the cameras as a file takes them."""
    cameras = list(h36m_cameras("S9")[:2])
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=8)
    pose = people.pose_3d[:count].astype(np.float64)
    pose = convert(pose - pose[:, :1], "h36m17", layout).keypoints
    world = torch.from_numpy(np.stack([pose[..., 0], pose[..., 2], 900 - pose[..., 1]], -1))
    views = np.stack([camera.project(world).numpy() for camera in cameras])
    views += np.random.default_rng(0).normal(scale=5, size=views.shape)
    arrays = {
        k: np.stack([getattr(camera, k).double().numpy() for camera in cameras]) for k in ("K", "R", "t", "distortion")
    }
    return views.astype(np.float32), cameras, arrays


@pytest.mark.slow
def test_two_views_give_what_predict_views_gives(exported):
    model, path = posezoo.load("cvugcn.cmu"), exported("cvugcn.cmu", "torchscript")
    for count in (1, 3, 64):
        views, cameras, arrays = two_views(count)
        confidence = np.random.default_rng(1).uniform(0.2, 1, views.shape[:-1]).astype(np.float32)
        views[0, 0, 3] = np.nan  # a joint that one view lacks is undefined
        confidence[1, -1, 5] = 0
        expected = model.predict_views(views, cameras, confidence=confidence)
        found = run(path, keypoints_2d=views.swapaxes(0, 1).copy(), confidence=confidence.swapaxes(0, 1).copy(), **arrays)
        assert np.isnan(found["world_mm"][0, 3]).all()
        assert np.isnan(found["world_mm"]).any(-1).sum() == expected.undefined
        assert_close(found["world_mm"], expected.world_mm)
        assert_close(found["camera_mm"].swapaxes(0, 1), expected.camera_mm)
        assert_close(found["triangulated_mm"], expected.triangulated_mm)


@pytest.mark.parametrize("format", ["torchscript", pytest.param("onnx", marks=pytest.mark.slow)])
def test_another_layout_is_converted_inside(format, exported, people):
    path = exported("svma.cmu", format, "coco17")
    coco = convert(people.keypoints_2d, "h36m17", "coco17").keypoints
    coco = np.where(np.isnan(coco), 300.0 + 10 * np.arange(17)[:, None], coco).astype(np.float32)
    coco[0, 5] = np.nan  # the left shoulder: of a joint that is needed nothing is invented
    coco[2, 0] = np.nan  # the nose of a person who is seen from behind stands between the ears
    expected = posezoo.load("svma.cmu").predict(coco[1:], skeleton="coco17").pose_3d
    found = run(path, keypoints_2d=coco)["pose_3d"]
    assert_close(found[1:], expected)
    assert np.isnan(found[0]).all()
    facts = written_in(path)
    assert facts["keypoints_joints"] == list(get_skeleton("coco17").joints)
    assert facts["approximated"]["pelvis"] == "0.5*left_hip +0.5*right_hip"


def assert_refuses_and_fills_in(path: Path, model: ZooModule, people: PoseData) -> None:
    """Assert that what ``predict`` refuses is NaN, and that joints are filled in where it does."""
    keypoints = people.keypoints_2d[:6].copy()
    keypoints[1, 4] = np.inf
    keypoints[2] = 77.0
    keypoints[3, 2, 0] = 2e6
    keypoints[4, [3, 6]] = np.nan
    keypoints[5, 1:10] = np.nan
    found = run(path, keypoints_2d=keypoints)["pose_3d"]
    refused = [1, 2, 3, 5] if model.fills_missing else [1, 2, 3, 4, 5]
    for row in refused:
        assert np.isnan(found[row]).all()
        with pytest.raises(InputError):
            model.predict(keypoints[row])
    for row in set(range(6)) - set(refused):
        assert_close(found[row], model.predict(keypoints[row]).pose_3d)


def test_marks_of_joints_that_were_not_found_are_no_pixels(exported, people):
    """Check the marks of Ultralytics, of other programs and of OpenPifPaf, and the middle of centred poses."""
    marks = np.float32([[0, 0], [-1, -1], [-100, -100], [0, -3]])
    keypoints = people.keypoints_2d[np.linspace(0, len(people) - 1, 6).astype(int)].copy()
    keypoints[:4, 13] = marks
    keypoints[4:] -= keypoints[4:, :1]  # the pelvis at (0, 0), joints on all sides
    unknown = keypoints[:4].copy()
    unknown[:, 13] = np.nan
    model, plain = posezoo.load("geoselfsup"), posezoo.load("svma.cmu")
    found = run(exported("geoselfsup.mocap", "torchscript"), keypoints_2d=keypoints)["pose_3d"]
    assert_close(found[:4], model.predict(unknown).pose_3d)
    assert_close(found[4:], model.predict(keypoints[4:]).pose_3d)
    found = run(exported("svma.cmu", "torchscript"), keypoints_2d=keypoints)["pose_3d"]
    assert np.isnan(found[:4]).all()
    assert_close(found[4:], plain.predict(keypoints[4:]).pose_3d)


@files(["svma.mocap", "martinez.mocap", "georep.mocap", "geoselfsup.mocap"])
def test_what_predict_refuses_is_nan_and_what_it_fills_in_is_filled_in(name, format, exported, people):
    assert_refuses_and_fills_in(exported(name, format), posezoo.load(name), people)


def test_a_small_network_as_onnx(tmp_path, people):
    model = Martinez(width=16, blocks=1).eval()
    path = posezoo.export(model, tmp_path / "small.onnx").path
    assert_gives_what_predict_gives(path, model, people)
    assert_refuses_and_fills_in(path, model, people)
    assert "x right, y down, z forward" in written_in(path)["frame"]
    assert str(Path(posezoo.__file__).parent).encode() not in path.read_bytes()
    graph = onnx.load(path).graph
    sizes = [
        [axis.dim_param or axis.dim_value for axis in values.type.tensor_type.shape.dim]
        for values in (graph.input[0], graph.output[0])
    ]
    assert sizes == [["batch", len(model.skeleton), 2], ["batch", len(model.skeleton), 3]]


@pytest.mark.parametrize(
    ("format", "name"),
    [pytest.param("onnx", "geoselfsup.mocap", marks=pytest.mark.slow), ("torchscript", "martinez.mocap")],
)
def test_a_file_says_what_it_is(format, name, exported):
    path, card = exported(name, format), posezoo.info(name)
    facts = written_in(path)
    assert facts["weights_sha256"] == card["sha256"]
    assert (facts["model"], facts["posezoo"], facts["licence"]) == (name, posezoo.__version__, card["licence"])
    assert (facts["unit"], facts["skeleton"]) == (card["unit"], "h36m17")
    assert "x right, y down, z forward" in facts["frame"]
    assert facts["joints"] == list(get_skeleton("h36m17").joints)
    assert facts["inputs"]["keypoints_2d"]["shape"] == ["batch", 17, 2]
    assert "px" in facts["inputs"]["keypoints_2d"]["meaning"]


@pytest.mark.slow
def test_the_same_model_gives_the_same_bytes(tmp_path, exported):
    again = posezoo.export(posezoo.load("svma.cmu"), tmp_path / "again.onnx")
    assert again.path.read_bytes() == exported("svma.cmu", "onnx").read_bytes()
    assert again.difference < 1e-5


def test_weights_that_were_trained_on_are_not_called_published(tmp_path):
    model = posezoo.load("svma.cmu")
    with torch.no_grad():
        model.average.module.pose.head.bias.add_(0.5)
    changed = posezoo.export(model, tmp_path / "changed.pt").metadata
    assert not {"weights_sha256", "licence"} & set(changed)
    assert changed["model"] == "svma.cmu"


@pytest.mark.parametrize("representation", [None, {"levels": 1, "map_size": 16, "points": 4, "width": 4}])
@pytest.mark.parametrize("format", ["torchscript", pytest.param("onnx", marks=pytest.mark.slow)])
def test_models_without_published_weights_are_exported(tmp_path, format, representation):
    model = Integral(size=64, layers=18, width=8, head_width=8, representation=representation).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    expected = model.predict_images(pictures)
    path = posezoo.export(model, tmp_path / f"integral{ENDINGS[format]}").path
    found = run(path, picture=np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
    assert_close(found["pose_3d"], expected.pose_3d)


class _Asking(SVMA):
    """Represent a model that asks what its keypoints are, which no graph can."""

    def lift(self, keypoints_2d):
        return super().lift(keypoints_2d if keypoints_2d.sum() > 0 else -keypoints_2d)


_Asking.__module__ = SVMA.__module__  # says whose paper it is


@pytest.mark.slow
def test_a_model_that_is_no_graph_is_refused_in_a_sentence(tmp_path, capfd):
    with pytest.raises(InputError, match=r"_Asking cannot be written as ONNX \(Could not guard .*; format='torchscript'"):
        posezoo.export(_Asking(width=16, critic_width=16).eval(), tmp_path / "svma.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_exporting_leaves_the_model_as_it_was(tmp_path, people):
    model = SVMA(width=16, critic_width=16).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pose = model.predict(people.keypoints_2d).pose_3d
    posezoo.export(model, tmp_path / "svma.pt")
    assert all(parameter.requires_grad for parameter in model.generator.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    np.testing.assert_array_equal(model.predict(people.keypoints_2d).pose_3d, pose)


class _Averaging(SVMA):
    """Represent a model whose poses depend on the rest of the batch; no graph of single poses gives them."""

    def lift(self, keypoints_2d):
        pose = super().lift(keypoints_2d)
        return pose * len(pose)


_Averaging.__module__ = SVMA.__module__  # says whose paper it is


def test_what_would_differ_is_not_written(tmp_path):
    path = tmp_path / "svma.pt"
    path.write_bytes(b"as it was")
    with pytest.raises(SaveError, match="would differ"):
        posezoo.export(_Averaging(width=16, critic_width=16).eval(), path)
    assert path.read_bytes() == b"as it was"
    assert [file.name for file in tmp_path.iterdir()] == ["svma.pt"]


def test_what_cannot_be_exported_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="unknown format 'onx'; did you mean onnx"):
        posezoo.export("svma", tmp_path / "svma.onnx", format="onx")
    with pytest.raises(InputError, match=r"ends in '.txt'; expected .onnx or .pt or .torchscript"):
        posezoo.export("svma", tmp_path / "svma.txt")
    with pytest.raises(InputError, match=r"ends in '.pt'; expected .onnx\."):
        posezoo.export("svma", tmp_path / "svma.pt", format="onnx")
    with pytest.raises(InputError, match="training mode"):
        posezoo.export(SVMA(width=16, critic_width=16), tmp_path / "svma.pt")
    with pytest.raises(InputError, match=r"cvugcn\.cmu .*onnx.*torchscript"):
        posezoo.export("cvugcn.cmu", tmp_path / "cvugcn.onnx")
    with pytest.raises(InputError, match="takes pictures"):
        posezoo.export("hg3d", tmp_path / "hg3d.pt", skeleton="coco17")
    with pytest.raises(SaveError, match="folder does not exist"):
        posezoo.export("svma", tmp_path / "no" / "svma.pt")
    monkeypatch.setattr(SVMA, "export_graph", ZooModule.export_graph)
    with pytest.raises(InputError, match="SVMA cannot be exported"):
        posezoo.export(SVMA(width=16, critic_width=16).eval(), tmp_path / "svma.pt")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'posezoo\[export\]'"):
        posezoo.export("svma", tmp_path / "svma.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_and_says_what_goes_in_and_out(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "svma", "--format", "torchscript", "--skeleton", "coco17"]) == 0
    text = capsys.readouterr().out
    assert "keypoints_2d  (batch, 17, 2)" in text
    assert "pose_3d" in text
    assert "pelvis = 0.5*left_hip" in text
    assert torch.jit.load(tmp_path / "svma.mocap.pt")(torch.rand(2, 17, 2) * 500).shape == (2, 17, 3)
    assert main(["export", "svma", "-o", "svma.bin"]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert error[0].startswith("posezoo export: error: --out svma.bin: expected a name that ends in .onnx")


def test_every_model_is_tested_here():
    kinds = {name: posezoo.info(name)["input"] for name in MODELS}
    assert {name for name, kind in kinds.items() if kind == "2D keypoints"} == set(LIFTERS)
    assert {name for name, kind in kinds.items() if kind == "picture"} == {"hg3d.photo", "hg3d.render_small"}
    assert set(MODELS) - set(LIFTERS) == {"hg3d.photo", "hg3d.render_small", "cvugcn.cmu", "cvugcn.mocap"}
