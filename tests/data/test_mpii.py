"""Test MPII: the published counts on the real files where these exist, all else on files that the tests write."""

import h5py
import numpy as np
import pytest

from posezoo.data.mpii.annotations import detection_residuals, read_mpii
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.formats.keypoints import looks_upside_down
from tests.conftest import POSEZOO_DATA

DATA = POSEZOO_DATA / "mpii"
REAL = DATA / "valid.h5", DATA / "valid_stacked_hourglass.h5"
needs_data = pytest.mark.skipif(not all(path.is_file() for path in REAL), reason=f"MPII's files are not in {DATA}")


def write(folder, count=5, **changes):
    generator = np.random.default_rng(0)
    values = {
        "part": generator.integers(50, 900, (count, 16, 2)).astype(float),
        "scale": np.linspace(1, 5, count),
        "normalize": np.linspace(20, 100, count),
        "center": np.full((count, 2), 400.0),
        "visible": np.ones((count, 16)),
        "person": np.arange(count) % 2,
        "imgname": np.array([f"{i // 2:09d}.jpg" for i in range(count)], dtype="S"),
        "index": np.arange(count),
        **changes,
    }
    with h5py.File(folder / "valid.h5", "w") as file:
        for name, value in values.items():
            file[name] = value
    preds = values["part"] + generator.normal(0, 3, values["part"].shape)
    with h5py.File(folder / "preds.h5", "w") as file:
        file["preds"] = preds
    return values, preds


def test_what_the_files_say(tmp_path):
    part = np.random.default_rng(1).integers(50, 900, (5, 16, 2)).astype(float)
    part[1, 3] = 0
    part[2, 9, 1] = 0  # a head at the picture's upper edge
    values, preds = write(tmp_path, part=part)
    mpii = read_mpii(tmp_path / "valid.h5", tmp_path / "preds.h5")
    assert len(mpii) == 5
    assert mpii.people.skeleton.name == "mpii16"
    assert np.argwhere(np.isnan(mpii.people.keypoints_2d[..., 0])).tolist() == [[1, 3]]
    assert np.argwhere(mpii.people.confidence == 0).tolist() == [[1, 3]]
    assert mpii.complete.tolist() == [True, False, True, True, True]
    np.testing.assert_allclose(mpii.height_px, values["scale"] * 200, rtol=1e-6)
    np.testing.assert_allclose(mpii.detections.keypoints_2d, preds, rtol=1e-6)
    assert [(clip.trial, clip.subject) for clip in mpii.people.sequences[:3]] == [
        ("000000000.jpg", "0"),
        ("000000000.jpg", "1"),
        ("000000001.jpg", "0"),
    ]
    part_of = mpii[mpii.complete]
    assert len(part_of) == len(part_of.people) == len(part_of.detections) == len(part_of.scale) == 4


def test_residuals_are_in_body_heights(tmp_path):
    values, preds = write(tmp_path)
    residuals = detection_residuals(read_mpii(tmp_path / "valid.h5", tmp_path / "preds.h5"))
    for person in range(5):
        expected = (preds[person] - values["part"][person]) / (200 * values["scale"][person])
        np.testing.assert_allclose(residuals[person], expected, atol=1e-6)
    with pytest.raises(InputError, match="without detections"):
        detection_residuals(read_mpii(tmp_path / "valid.h5"))


def test_picture_names_as_character_codes(tmp_path):
    codes = np.array([[ord(letter) for letter in "012.jpg"] + [0, 0]] * 5, dtype=float)
    write(tmp_path, imgname=codes)
    assert read_mpii(tmp_path / "valid.h5").people.sequences[0].trial == "012.jpg"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"part": np.ones((5, 17, 2))}, r"'part' has shape \(5, 17, 2\); expected \(N, 16, 2\)"),
        ({"part": np.full((5, 16, 2), np.nan)}, "'part' holds NaN"),
        ({"part": np.ones((0, 16, 2))}, "no people"),
        ({"scale": np.ones(4)}, r"'scale' has shape \(4,\); expected \(5,\)"),
        ({"scale": np.zeros(5)}, "not positive"),
        ({"scale": np.array([b"a"] * 5)}, "expected numbers"),
        ({"imgname": np.array([b"a"] * 4)}, "4 rows for 5 people"),
    ],
)
def test_bad_files(tmp_path, changes, words):
    write(tmp_path, **changes)
    with pytest.raises(CorruptFileError, match=words):
        read_mpii(tmp_path / "valid.h5")


def test_a_key_that_is_missing(tmp_path):
    write(tmp_path)
    with h5py.File(tmp_path / "valid.h5", "a") as file:
        del file["part"]
    with pytest.raises(CorruptFileError, match="no dataset 'part'; it holds: center"):
        read_mpii(tmp_path / "valid.h5")


def test_other_people_missing_and_truncated(tmp_path):
    write(tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["preds"] = np.ones((4, 16, 2))
    with pytest.raises(InputError, match=r"other.h5 holds 4 people, .* 5"):
        read_mpii(tmp_path / "valid.h5", tmp_path / "other.h5")
    with pytest.raises(MissingFileError):
        read_mpii(tmp_path / "nothing.h5")
    data = (tmp_path / "valid.h5").read_bytes()
    (tmp_path / "valid.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFileError, match="HDF5"):
        read_mpii(tmp_path / "valid.h5")


@needs_data
def test_the_published_counts_and_the_detectors_pckh():
    mpii = read_mpii(*REAL)
    assert len(mpii) == 2958
    assert mpii.complete.sum() == 2016
    assert not looks_upside_down(mpii.people)
    # PCKh@0.5 written out, straight from the files.
    with h5py.File(REAL[0]) as file, h5py.File(REAL[1]) as found:
        part, head, preds = file["part"][()], file["normalize"][()], found["preds"][()]
    hits = [
        np.hypot(*(preds[n, j] - part[n, j])) <= 0.5 * head[n] for n in range(2958) for j in range(16) if part[n, j].any()
    ]
    assert 100 * np.mean(hits) == pytest.approx(89.0, abs=0.1)
    # And from what the reader gives.
    error = np.linalg.norm(mpii.detections.keypoints_2d - mpii.people.keypoints_2d, axis=-1) / mpii.normalize[:, None]
    assert 100 * np.mean(error[~np.isnan(error)] <= 0.5) == pytest.approx(100 * np.mean(hits), abs=0.01)


@needs_data
def test_real_residuals():
    residuals = detection_residuals(read_mpii(*REAL))
    assert residuals.shape == (2016, 16, 2)
    assert residuals.dtype == np.float32
    assert np.isfinite(residuals).all()
    median = np.median(np.linalg.norm(residuals, axis=-1), axis=0)
    assert (median < 0.05).all()  # a twentieth of the body's height
    # Ankles and wrists are found less well than shoulders.
    assert median[[0, 5, 10, 15]].min() > median[[12, 13]].max()
