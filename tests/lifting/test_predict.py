"""Test ``predict``: any layout is taken, the result is labelled, bad input is refused in one sentence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from posezoo.data import load_dataset
from posezoo.errors import InputError, PoseZooWarning, UnknownNameError
from posezoo.geometry import h36m_cameras
from posezoo.papers.cvugcn import CVUGCN
from posezoo.papers.geoselfsup import GeoSelfSup
from posezoo.papers.hg3d import HG3D
from posezoo.papers.martinez import Martinez
from posezoo.papers.svma import SVMA
from posezoo.skeletons import SKELETONS, convert

PEOPLE = {"split": "test", "actions": ["walk"], "frames_per_clip": 5}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return SVMA(width=32, critic_width=32).eval()


def test_the_result_says_what_it_is(model, people):
    out = model.predict(people.keypoints_2d, skeleton="h36m17", image_size=(1000, 1002))
    assert out.pose_3d.shape == (len(people), 17, 3)
    assert out.pose_3d.dtype == np.float32
    assert (out.skeleton.name, out.unit, out.image_size) == ("h36m17", "relative", (1000, 1002))
    assert "root-relative" in out.frame
    np.testing.assert_array_equal(out.pose_3d[:, 0], np.zeros((len(people), 3)))


@pytest.mark.parametrize(
    ("made", "name", "call"),
    [
        (lambda: HG3D(size=64, width=8, stacks=1, modules=1), "predict", "picture: call model.predict_image"),
        (lambda: CVUGCN(width=8), "predict", "two calibrated views: call model.predict_views"),
        (lambda: SVMA(width=8, critic_width=8), "predict_image", "2D keypoints: call model.predict"),
    ],
)
def test_a_method_of_another_kind_says_which_to_call(made, name, call):
    model = made()
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=rf"has no {name}\(\); its input is .*{call}\("):
        getattr(model, name)


@pytest.mark.parametrize("name", SKELETONS)
def test_every_named_layout_is_taken(model, people, name):
    keypoints = convert(people.keypoints_2d, "h36m17", name).keypoints
    if not np.isfinite(keypoints).all():
        keypoints = np.random.default_rng(0).uniform(100, 900, keypoints.shape)
    out = model.predict(keypoints, skeleton=name)
    assert out.pose_3d.shape == (len(people), 17, 3)
    assert np.isfinite(out.pose_3d).all()


def test_leading_dimensions_and_kinds_of_arrays_are_kept(model, people):
    keypoints = people.keypoints_2d[:12]
    flat = model.predict(keypoints).pose_3d
    np.testing.assert_allclose(model.predict(keypoints.reshape(3, 4, 17, 2)).pose_3d, flat.reshape(3, 4, 17, 3), atol=1e-6)
    single = model.predict(keypoints[0]).pose_3d
    assert single.shape == (17, 3)
    np.testing.assert_allclose(single, flat[0], atol=1e-5)
    np.testing.assert_allclose(model.predict(keypoints, batch_size=5).pose_3d, flat, atol=1e-5)
    tensor = model.predict(torch.from_numpy(keypoints)).pose_3d
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_allclose(tensor.numpy(), flat, atol=1e-6)
    np.testing.assert_allclose(model.predict(keypoints.tolist()).pose_3d, flat, atol=1e-6)


def test_the_caller_s_array_is_read_alone(model, people):
    """A memory map may be read-only, and what is written into an array later is no part of the result."""
    keypoints = people.keypoints_2d[:4].copy()
    keypoints.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = model.predict(keypoints)
    assert not np.shares_memory(result.keypoints_2d, keypoints)
    np.testing.assert_array_equal(result.keypoints_2d, keypoints)


def test_where_and_how_large_a_person_stands_does_not_matter(model, people):
    keypoints = people.keypoints_2d[:8].astype(np.float64)
    np.testing.assert_allclose(
        model.predict(keypoints * 0.3 + [500, 20]).pose_3d, model.predict(keypoints).pose_3d, atol=1e-3
    )


def test_svma_reprojects_onto_its_input(model, people):
    # The lifted pose lies on the rays of the input: seen from d in front of it, it is the input again.
    pose = torch.from_numpy(people.keypoints_2d)
    normalized = model.normalize(pose)
    points = model.average.module.lift(normalized)
    torch.testing.assert_close(points[..., :2] / points[..., 2:], normalized, atol=1e-5, rtol=1e-5)


def test_confidence_is_carried(model, people):
    coco = convert(people.keypoints_2d, "h36m17", "mpii16").keypoints
    out = model.predict(np.nan_to_num(coco, nan=300.0), skeleton="mpii16", confidence=np.full(coco.shape[:-1], 0.5))
    assert out.confidence.shape == (len(people), 17)
    assert (out.confidence == 0.5).all()
    assert "spine" in out.approximated


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k[:, :16], r"\(40, 16, 2\); h36m17 needs \(..., 17, 2\)"),
        (lambda k: k[..., :1], r"needs \(..., 17, 2\)"),
        (lambda k: k[:0], "no person"),
        (lambda k: np.where(np.arange(17)[:, None] == 3, np.nan, k), "40 of 40 poses .* right_ankle"),
        (lambda k: np.where(np.arange(40)[:, None, None] == 7, np.inf, k), "1 of 40 poses .* pose 7, pelvis"),
        (lambda k: [["a", "b"]] * 17, "no array of numbers"),
        (lambda k: None, "no array of numbers|shape"),
        (lambda k: k * 0, "40 of 40 poses lack joints .*geoselfsup"),
        (lambda k: k * 1e30, "expected pixels"),
        (lambda k: k.astype(np.float64) * 1e300, "infinite"),
        (lambda k: k + 1j, "no array of numbers"),
        (lambda k: torch.from_numpy(k).to("meta"), "meta tensor"),
        (lambda k: torch.from_numpy(k).to_sparse(), "sparse"),
        (lambda k: load_dataset("procedural", split="test", actions="walk", frames_per_clip=1), r"data\.keypoints_2d"),
        (lambda k: np.ma.masked_array(k, np.broadcast_to(np.arange(17)[:, None] == 3, k.shape)), "right_ankle"),
    ],
)
def test_bad_keypoints_are_refused(model, people, change, message):
    with pytest.raises(InputError, match=message) as caught:
        model.predict(change(people.keypoints_2d), skeleton="h36m17")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("without_type_checks")
def test_bad_settings_are_refused(model, people):
    with pytest.raises(UnknownNameError, match="coco17"):
        model.predict(people.keypoints_2d, skeleton="coco")
    for size in ((0, 100), 5, ("a", "b"), (float("nan"), 5), (1, 2, 3), np.full((40, 2), 1000)):
        with pytest.raises(InputError, match="image_size") as caught:
            model.predict(people.keypoints_2d, image_size=size)
        assert "\n" not in str(caught.value)
    for camera in ("S9", h36m_cameras("S9")):
        with pytest.raises(InputError, match=r"one posezoo\.geometry\.Camera"):
            model.predict(people.keypoints_2d, camera=camera)
    with pytest.raises(InputError, match="confidence"):
        model.predict(people.keypoints_2d, confidence=np.ones(3))
    with pytest.raises(InputError, match="confidence goes up to 90; expected 0 to 1: divide percent by 100"):
        model.predict(people.keypoints_2d, confidence=np.full(people.keypoints_2d.shape[:2], 90.0))


def test_upside_down_people_and_normalised_pixels_are_warned_of(model, people, request):
    with pytest.warns(UserWarning, match="y down"):
        model.predict(1000 - people.keypoints_2d)
    with pytest.warns(UserWarning, match="multiply by the image"):
        model.predict(people.keypoints_2d / 1000)
    with pytest.warns(UserWarning, match="outside an image of 100 x 100") as caught:
        model.predict(people.keypoints_2d, image_size=(100, 100))
    if not request.config.getoption("--jaxtyping-packages", default=None):  # which adds calls before the warning
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=r"height - y, and are these joints those of coco17"):
        model.predict(people.keypoints_2d[0], skeleton="coco17")


def test_keypoints_that_look_wrong_are_warned_of_where_every_pose_lacks_a_joint(people):
    model = GeoSelfSup(skeleton="h36m17", width=8, critic_width=8, completion_width=8).eval()
    keypoints = people.keypoints_2d.copy()
    keypoints[:, 13] = np.nan  # a wrist that is never seen
    for changed, words in (
        (1000 - keypoints, "heads are below feet"),
        (keypoints[..., ::-1], "exchange the two"),
        (keypoints / keypoints[np.isfinite(keypoints)].max(), "fractions of the image"),
    ):
        with pytest.warns(PoseZooWarning, match=words):
            model.predict(changed)


def test_martinez_gives_millimetres(people):
    model = Martinez(width=32, normalization="root").eval()
    out = model.predict(people.keypoints_2d)
    assert out.unit == "mm"
    assert out.pose_3d.shape == (len(people), 17, 3)


def test_predictions_follow_the_weights(people):
    model = Martinez(width=16, normalization="root").eval()
    keypoints = people.keypoints_2d[:3]
    first = model.predict(keypoints).pose_3d
    np.testing.assert_array_equal(model.predict(keypoints).pose_3d, first)
    with torch.no_grad():
        model.network.head.bias.add_(1.0)
    changed = model.predict(keypoints).pose_3d
    assert np.abs(changed - first).max() > 0.5
    other = Martinez(width=16, normalization="root").eval()
    model.load_state_dict(other.state_dict())
    np.testing.assert_allclose(model.predict(keypoints).pose_3d, other.predict(keypoints).pose_3d, atol=1e-5)
    wide = Martinez(width=16, normalization="root").double().eval()
    model.load_state_dict(wide.state_dict(), assign=True)
    assert model.precision == torch.float64
    np.testing.assert_allclose(model.predict(keypoints).pose_3d, wide.predict(keypoints).pose_3d, atol=1e-5)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_models_and_keypoints_of_other_precisions(people, precision):
    model = SVMA(width=32).eval()
    keypoints = people.keypoints_2d[:8]
    expected = model.predict(keypoints, "h36m17").pose_3d
    of_tensor = model.predict(torch.from_numpy(keypoints).to(precision), "h36m17").pose_3d
    of_model = model.to(precision).predict(keypoints, "h36m17").pose_3d
    assert (of_tensor.dtype, of_model.dtype) == (torch.float32, np.float32)
    # Pixels of a bfloat16 are rounded to four.
    tolerance = {torch.float16: 0.05, torch.bfloat16: 0.3, torch.float64: 1e-4}[precision]
    np.testing.assert_allclose(of_tensor.numpy(), expected, atol=tolerance)
    np.testing.assert_allclose(of_model, expected, atol=tolerance)


def test_no_poses_at_a_time_are_refused(model, people):
    with pytest.raises(InputError, match="batch_size is 0; expected"):
        model.predict(people.keypoints_2d, batch_size=0)


def test_a_model_in_training_mode_is_refused(people):
    with pytest.raises(InputError, match=r"SVMA is in training mode; call its \.eval\(\)"):
        SVMA(width=16, critic_width=16).predict(people.keypoints_2d)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.slow
def test_models_of_keypoints_are_called_compiled_and_exported(people):
    model = SVMA(width=32).eval()
    keypoints = torch.from_numpy(people.keypoints_2d[:8])
    with torch.no_grad():
        expected = model(keypoints)
        compiled = torch.compile(model, backend="eager", fullgraph=True)(keypoints)
        batch = torch.export.Dim("batch")
        exported = torch.export.export(model, (keypoints,), dynamic_shapes=({0: batch},), strict=False).module()
        torch.testing.assert_close(compiled, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(exported(keypoints[:3]), expected[:3], rtol=1e-4, atol=1e-4)
        half = model.half()(keypoints)
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_models_of_pictures_take_bytes_in_any_precision(precision):
    torch.manual_seed(0)
    model = HG3D(size=64, width=8, stacks=1, modules=1).eval()
    picture = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = model.predictor(model.normalize(picture))[1]
        model = model.to(precision)
        found = model.predictor(model.normalize(picture))[1]
        pose, confidence = model(picture)
    assert (found.dtype, pose.dtype, confidence.dtype) == (precision, torch.float32, torch.float32)
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.05 * float(expected.abs().max()))
    assert model.predict_image(picture[0].permute(1, 2, 0).numpy()).pose_3d.dtype == np.float32


def test_models_of_views_say_what_to_call():
    with pytest.raises(InputError, match=r"model\.predict_views"):
        CVUGCN()(torch.zeros(1, 2, 17, 2))


def test_poses_of_tensors_can_be_changed_and_learnt_from(model, people):
    out = model.predict(torch.from_numpy(people.keypoints_2d), skeleton="h36m17")
    weight = torch.ones(3, requires_grad=True)
    (out.pose_3d * weight).sum().backward()
    torch.testing.assert_close(weight.grad, out.pose_3d.sum((0, 1)))
    assert not out.pose_3d.add_(1).is_inference()


@pytest.mark.skipif(torch.cuda.is_available(), reason="moving to CUDA succeeds here")
def test_a_model_that_could_not_be_moved_still_predicts(people):
    own = SVMA(width=16, critic_width=16).eval()
    before = own.predict(people.keypoints_2d, skeleton="h36m17").pose_3d
    with pytest.raises((AssertionError, RuntimeError)):
        own.to("cuda")
    assert own.device == torch.device("cpu")
    np.testing.assert_array_equal(own.predict(people.keypoints_2d, skeleton="h36m17").pose_3d, before)
