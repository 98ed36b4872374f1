"""Test Zhou et al. 2017: the network's shapes, what each picture contributes, and poses at the right places."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

import posezoo
from posezoo.cli import main
from posezoo.data import Prediction
from posezoo.data.named_pictures import options_of
from posezoo.data.pictures import PicturesDataModule, load_pictures
from posezoo.data.pictures.crops import crop_matrix
from posezoo.data.pictures.frames import Frames
from posezoo.data.pictures.resident import Distortion
from posezoo.errors import InputError, UnknownNameError
from posezoo.papers.hg3d import HG3D
from posezoo.papers.hg3d.networks import HourglassWithDepth
from posezoo.registry import save
from posezoo.skeletons import get_skeleton
from tests.papers.hg3d_samples import TINY, data_of, run

MPII = get_skeleton("mpii16")


def test_the_published_network():
    network = HourglassWithDepth(16)
    with torch.no_grad():
        heatmaps, depth = network.eval()(torch.zeros(1, 3, 256, 256))
    assert [tuple(maps.shape) for maps in heatmaps] == [(1, 16, 64, 64)] * 2
    assert depth.shape == (1, 16)
    # Four poolings of 64 x 64 maps leave 4 x 4 of 256 channels.
    assert network.depth.depth.in_features == 256 * 16
    assert len(network.depth.shrink) == 8
    assert all(len(steps) == 2 for steps in network.depth.shrink[::2])


def test_depth_sees_heatmaps_and_features():
    network = HourglassWithDepth(16, 8, 2, 1, 64).eval()
    picture = torch.rand(1, 3, 64, 64)
    before = network(picture)[1]
    with torch.no_grad():
        network.pose.from_heatmaps[-1].weight.mul_(3.0)
    assert not torch.allclose(before, network(picture)[1])
    depth = network(picture)[1].sum()
    gradients = torch.autograd.grad(
        depth, [network.pose.stem[0].weight, network.pose.hourglasses[0].stay[0].branch[2].weight]
    )
    assert all(gradient.abs().max() > 0 for gradient in gradients)  # end to end


def test_what_each_kind_of_picture_contributes(studio, wild):
    """Check Eq. 2: depth on labelled pictures, geometry on the others, taken of the annotated 2D."""
    model = HG3D(**TINY, weight_depth=0.1, weight_geometry=1.0)
    model.log = model.log_dict = lambda *given, **options: None
    data = data_of(studio, wild, augment=False)
    batch = next(iter(data.train_dataloader()))[0]
    assert {kind: len(part["picture"]) for kind, part in batch.items()} == {"labelled": 3, "annotated": 3}
    assert "depth" not in batch["annotated"]

    def loss(**changes) -> float:
        torch.manual_seed(0)
        model.hp.update(changes)
        with torch.no_grad():
            value = model.training_step(batch, 0)
        model.hp.update({"weight_geometry": 1.0, "weight_depth": 0.1, "labelled_geometry": False})
        return float(value)

    whole, no_geometry, no_depth = loss(), loss(weight_geometry=0.0), loss(weight_depth=0.0)
    assert no_geometry < whole
    assert no_depth < whole
    assert loss(labelled_geometry=True) > whole
    alone = {"labelled": batch["labelled"]}
    model.training_step(alone, 0)
    # Wrong depths of the labelled change the loss by weight x squared error / pictures of the batch.
    batch["labelled"]["depth"][0, 3] += 640.0
    pred = float(torch.sqrt(torch.tensor((loss() - whole) / 0.1 * 6)))
    assert pred == pytest.approx(640.0, rel=0.1)


def test_joints_that_are_not_annotated_do_not_count(wild):
    holes = wild.poses.keypoints_2d.copy()
    holes[:, :3] = np.nan
    people = replace(wild, poses=replace(wild.poses, keypoints_2d=holes))
    model = HG3D(**TINY, weight_geometry=0.01)
    run(model, data_of(None, people), 2)
    assert all(torch.isfinite(values).all() for values in model.state_dict().values())


def test_without_3d_no_3d_is_read(wild):
    weights = []
    for people in (wild, replace(wild, poses=replace(wild.poses, pose_3d=None))):
        torch.manual_seed(0)
        weights.append(run(HG3D(**TINY, weight_geometry=0.01), data_of(None, people), 3).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_it_learns_people_by_heart(studio):
    """Train 120 steps on four pictures: joints and depths are found, and the skeleton is that of the training people."""
    people = studio[np.arange(4) * 6]
    torch.manual_seed(0)
    model = HG3D(size=64, width=24, stacks=1, modules=1, learning_rate=2e-3)
    before = model.eval().evaluate(people)
    run(model.train(), data_of(people, None, batch_size=4, augment=False), 120)
    after = model.eval().evaluate(people)
    assert after["pckh"] > 60 > before["pckh"]
    assert after["mpjpe"] < 0.3 * before["mpjpe"]
    assert after["poses"] == 4
    assert after["pictures_left_out"] == 0
    assert set(after["per_action"]) <= set(people.poses.action)
    pose = torch.from_numpy(model.predict_image(people.read(0)).pose_3d)
    from posezoo.geometry import bone_lengths

    assert bone_lengths(pose, MPII).sum().item() == pytest.approx(float(model.canonical_mm.sum()), rel=1e-4)


class Oracle(torch.nn.Module):
    """Give heatmaps of the brightest place for all joints, and depths 0 to 15."""

    def forward(self, picture):
        gray = torch.nn.functional.avg_pool2d(picture.mean(1, keepdim=True) + 0.5, 4)
        return [gray.expand(-1, 16, -1, -1)], torch.arange(16.0).expand(len(picture), -1)


def test_predictions_are_in_px_of_the_picture(monkeypatch):
    model = HG3D(**TINY).eval()
    monkeypatch.setattr(model, "for_inference", lambda network: Oracle())
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[118:122, 238:242] = 255
    for box in (None, (200, 80, 90, 100), (150, -20, 300, 290)):
        result = model.predict_image(picture, box)
        side = 400 if box is None else 1.25 * max(box[2:])
        np.testing.assert_allclose(result.keypoints_2d[0], np.full((16, 2), [239.5, 119.5]), atol=side / 64 * 2.5)
        assert result.image_size == (400, 300)
        assert result.unit == "mm"
        # A joint's depth counts in 64ths of the crop; all joints lie in one place, so bones are as long as depths differ.
        steps = result.pose_3d[0, :, 2]
        np.testing.assert_allclose(np.diff(steps), np.diff(steps)[0], rtol=1e-3)
        assert abs(steps[MPII.root]) < 1e-4
    matrix = crop_matrix(np.array([244.5, 129.5]), 125.0, 64)
    np.testing.assert_allclose(matrix @ [244.5, 129.5, 1], [31.5, 31.5])


def test_bad_pictures_and_boxes(tmp_path):
    model = HG3D(**TINY).eval()
    picture = np.zeros((50, 60, 3), np.uint8)
    for image, box, words in (
        (picture[..., 0], None, "uint8"),
        (picture.astype(np.float32), None, "uint8"),
        (picture, (0, 0, 10), "x, y, width"),
        (picture, (70, 0, 10, 10), "outside"),
        (picture, (0, 0, 0, 10), "empty"),
        (picture, (0, float("nan"), 5, 10), "px"),
    ):
        with pytest.raises(InputError, match=words):
            model.predict_image(image, box)
    with pytest.raises(InputError, match="multiple of 64"):
        HG3D(size=160)
    with pytest.raises(InputError, match="nothing to train on"):
        PicturesDataModule()


def test_distortion_by_name():
    """Settings replace the defaults; what is none of them, no number or without resident crops is refused."""
    crops = {"dataset": "rendered_studio", "resident": True}
    distortion = PicturesDataModule(**crops, distortion={"occlusion": 0.1, "rotation": 20.0}).distortion
    assert distortion == replace(Distortion(), occlusion=0.1, rotation=20.0)
    with pytest.raises(UnknownNameError, match="setting of distortion 'occlusoin'; did you mean occlusion"):
        PicturesDataModule(**crops, distortion={"occlusoin": 0.1})
    with pytest.raises(InputError, match=r"noise is -1\.0"):
        PicturesDataModule(**crops, distortion={"noise": -1.0})
    with pytest.raises(InputError, match="resident pictures alone"):
        PicturesDataModule("rendered_studio", distortion={"occlusion": 0.1})


def test_data_by_name():
    data = PicturesDataModule(
        "rendered_studio", "rendered_wild", "rendered_wild", options={"side": 80}, test_count=7, size=64
    )
    assert sum(len(batch["number"]) for batch in data.test_dataloader()) == 7
    crop = data.people("tested", "val")[0].read(0)
    assert crop.shape == (80, 80, 3)
    assert data.keypoints().shape[1:] == (16, 2)
    with pytest.raises(InputError, match="val split"):
        PicturesDataModule({"train": data.people("tested", "val")[0]}).people("labelled", "val")


def test_people_with_2d_alone_can_be_tested_on(wild):
    flat = replace(wild, poses=replace(wild.poses, pose_3d=None))
    data = PicturesDataModule(annotated={"train": flat}, tested={"test": flat}, size=64)
    batch = next(iter(data.test_dataloader()))
    assert "pose_3d" not in batch
    assert batch["head_px"].shape == (24,)
    scores = HG3D(**TINY).eval().evaluate(flat)
    assert "pckh" in scores
    assert "mpjpe" not in scores


def test_datasets_get_the_options_they_know():
    options = {"side": 80, "scene": "outdoor"}
    assert options_of("rendered_wild", options) == {"side": 80}
    assert options_of("mpi_inf_3dhp", options) == {"scene": "outdoor"}
    assert options_of("mpii", options) == {}
    with pytest.raises(InputError, match="sides"):
        options_of("mpii", {"sides": 3})


def test_sizes_must_agree(studio):
    with pytest.raises(InputError, match="one size"):
        run(HG3D(size=128, width=8, stacks=1, modules=1), data_of(studio, None), 1)


@pytest.fixture
def shelf(tmp_path):
    """Write weights, and a folder of pictures of which one is damaged."""
    torch.manual_seed(0)
    weights = save(HG3D(**TINY), tmp_path / "tiny.safetensors")
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "b.png", "d.jpg"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    (folder / "c.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at")
    return weights, folder


def test_pictures_from_the_command_line(shelf, tmp_path, capsys):
    weights, folder = shelf
    out = tmp_path / "one.json"
    assert main(["predict", str(weights), str(folder / "a.jpg"), "--box", "10", "5", "40", "50", "-o", str(out)]) == 0
    one = Prediction.load(out)
    assert one.pose_3d.shape == (1, 16, 3)
    assert one.skeleton.name == "mpii16"
    direct = posezoo.load(weights).predict_image(folder / "a.jpg", (10, 5, 40, 50))
    np.testing.assert_allclose(one.pose_3d, direct.pose_3d, rtol=1e-5)
    np.testing.assert_allclose(one.keypoints_2d, direct.keypoints_2d, rtol=1e-4)

    drawn = tmp_path / "drawn.png"
    assert main(["predict", str(weights), str(folder), "-o", str(tmp_path / "all.npz"), "--picture", str(drawn)]) == 0
    assert len(Prediction.load(tmp_path / "all.npz")) == 3
    said = capsys.readouterr()
    assert "3 pictures, 1 that cannot be read left out" in said.out
    assert "c.png is no picture" in said.err
    assert cv2.imread(str(drawn)).shape[0] > 200


def test_pictures_of_a_folder_come_in_the_order_of_their_numbers_and_keep_their_names(shelf, tmp_path):
    weights, _ = shelf
    (tmp_path / "few").mkdir()
    names = ["frame1.jpg", "frame2.jpg", "frame10.jpg", "frame11.jpg"]
    pictures = [np.random.default_rng(i).integers(0, 255, (60, 80, 3), dtype=np.uint8) for i in range(4)]
    for name, picture in zip(names, pictures, strict=True):
        cv2.imwrite(str(tmp_path / "few" / name), picture)
    (tmp_path / "few" / "frame3.jpg").write_bytes(b"no picture")
    (tmp_path / "few" / "._frame1.jpg").write_bytes(b"what macOS writes")
    for ending in ("npz", "json", "csv"):
        assert main(["predict", str(weights), str(tmp_path / "few"), "-o", str(tmp_path / f"o.{ending}")]) == 0
    for ending in ("npz", "json"):
        result = Prediction.load(tmp_path / f"o.{ending}")
        assert result.picture.tolist() == names
        assert result.frame_number.tolist() == [0, 1, 3, 4]
    alone = posezoo.load(weights).predict_image(tmp_path / "few" / "frame10.jpg")
    np.testing.assert_allclose(result.keypoints_2d[2], np.asarray(alone.keypoints_2d).reshape(-1, 2), rtol=1e-3)
    rows = (tmp_path / "o.csv").read_text().splitlines()
    assert rows[0].startswith("frame,picture,")
    assert [row.split(",")[:2] for row in rows[1:]] == [["0", names[0]], ["1", names[1]], ["3", names[2]], ["4", names[3]]]


def test_videos_are_seen_frame_by_frame(shelf, tmp_path):
    weights, _ = shelf
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    shades = [0, 80, 160, 240]
    for shade in shades:
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    frames = list(Frames(path))
    assert [round(float(frame.picture.mean()) / 80) for frame in frames] == [0, 1, 2, 3]
    assert len(Frames(path)) == 4
    assert main(["predict", str(weights), str(path), "-o", str(tmp_path / "clip.json")]) == 0
    assert len(Prediction.load(tmp_path / "clip.json")) == 4


def test_what_is_no_picture_is_said_in_a_sentence(shelf, tmp_path, capsys):
    weights, folder = shelf
    (tmp_path / "cut.mp4").write_bytes(b"\x00\x00\x00 ftypisom and nothing else")
    (tmp_path / "empty").mkdir()
    out = str(tmp_path / "o.json")
    for source, words in (
        (tmp_path / "no.jpg", "not there"),
        (folder / "c.png", "no picture"),
        (folder / "notes.txt", "end in"),
        (tmp_path / "empty", "no picture"),
        (tmp_path / "cut.mp4", "no video"),
    ):
        assert main(["predict", str(weights), str(source), "-o", out]) != 0
        assert words in capsys.readouterr().err
        assert not (tmp_path / "o.json").exists()
    assert main(["predict", str(weights), str(folder / "a.jpg"), "--box", "900", "0", "5", "5", "-o", out]) != 0
    assert "outside" in capsys.readouterr().err
    assert main(["predict", str(weights), str(folder), "--skeleton", "coco17", "-o", out]) != 0
    assert "--skeleton is for keypoints" in capsys.readouterr().err
    assert main(["predict", "svma", str(folder / "notes.txt"), "--box", "1", "2", "3", "4", "-o", out]) != 0
    assert "--box" in capsys.readouterr().err


@pytest.mark.slow
def test_models_of_pictures_are_scored_from_the_command_line(shelf, capsys):
    weights = str(shelf[0])
    pictures = ["--data", "rendered_wild", "--side", "80", "--count", "6"]
    assert main(["eval", weights, *pictures, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["poses"] == 6
    people = load_pictures("rendered_wild", "test", side=80).thin(6)
    assert scores["mpjpe"] == pytest.approx(posezoo.load(weights).evaluate(people)["mpjpe"], rel=1e-5)
    assert main(["eval", weights, *pictures]) == 0
    printed = capsys.readouterr().out
    assert "pckh (%)" in printed
    assert "MPJPE by action" in printed
    for wrong, words in (
        (["--data", "openmocap"], "rendered_wild"),
        ([*pictures, "--keypoints", "detected"], "--keypoints"),
        ([*pictures[:-1], "0"], "count"),
    ):
        assert main(["eval", weights, *wrong]) != 0
        assert words in capsys.readouterr().err
    assert main(["eval", "svma", "--count", "5"]) != 0
    assert "--count" in capsys.readouterr().err
