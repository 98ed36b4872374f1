"""Test the files of detectors and annotation tools: the right joints of the right people."""

import json
import pickle
import random
import zipfile

import h5py
import numpy as np
import pytest

import posezoo
from posezoo.errors import CorruptFileError, InputError, PoseZooError
from posezoo.formats.keypoints import read_keypoints
from posezoo.metrics.functional import p_mpjpe
from posezoo.poses.posedata import PoseData
from posezoo.skeletons import SKELETONS
from tests.formats.detector_samples import COCO, FRAMES, SAMPLES, flat, people, save_json
from tests.formats.walkers import SIZE, confidences, walker


@pytest.mark.parametrize("name", SAMPLES)
def test_joints_and_people_come_out_as_they_were_written(tmp_path, name):
    path, layout, found = SAMPLES[name](tmp_path)
    data = read_keypoints(path, image_size=SIZE)
    assert data.skeleton is SKELETONS[layout]
    assert len(data) == FRAMES * len(found)
    assert len(set(data.subject)) == len(found)
    assert {clip.image_size for clip in data.sequences} == {SIZE}
    for subject, (keypoints, confidence) in zip(dict.fromkeys(data.subject), found, strict=True):
        own = data[data.subject == subject]
        assert (own.frame - own.frame[0]).tolist() == list(range(FRAMES))
        np.testing.assert_allclose(own.keypoints_2d, keypoints, atol=2e-3)
        assert (own.confidence is None) == (confidence is None)
        if confidence is not None:
            np.testing.assert_allclose(own.confidence, confidence, atol=1e-6)


@pytest.fixture(scope="module")
def svma():
    return posezoo.load("svma")


LAYOUTS = [
    "body25b", "mpi15", "body135", "coco23", "wholebody133", "halpe136", "trtpose18", "aic14", "crowdpose14",
    "posetrack18", "ntu25", "azurekinect32", "canonpose16",
]  # fmt: skip


def test_every_new_layout_lifts_as_human36ms_does(svma):
    """Check that approximated joints add less than 30 mm of error; a joint taken for another adds hundreds."""
    expected = svma.predict(walker("h36m17", 12), skeleton="h36m17", image_size=SIZE).pose_3d
    errors = {}
    for layout in LAYOUTS:
        found = svma.predict(walker(layout, 12), skeleton=layout, image_size=SIZE).pose_3d
        errors[layout] = float(p_mpjpe(found, expected))
    assert max(errors.values()) < 30, errors
    assert errors["canonpose16"] < 10  # lacks the spine only


@pytest.mark.parametrize("model", ["body25", "body25b", "mpi15", "body135"])
def test_openpose_models_are_told_apart_and_lift_as_given_directly(tmp_path, svma, model):
    keypoints, confidence = walker(model, 12), confidences(12, len(SKELETONS[model]))
    for i in range(12):
        frame = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat(keypoints[i], confidence[i])}]}
        save_json(tmp_path / f"walk_{i:012d}_keypoints.json", frame)
    data = read_keypoints(tmp_path, image_size=SIZE)
    assert data.skeleton.name == model
    found = svma.predict(data.keypoints_2d, skeleton=data.skeleton, image_size=SIZE).pose_3d
    directly = svma.predict(keypoints, skeleton=model, image_size=SIZE).pose_3d
    assert float(p_mpjpe(found, directly)) < 0.1


@pytest.mark.parametrize("model", ["body25", "body25b"])
def test_openpose_models_of_25_joints_without_feet(tmp_path, model):
    keypoints, confidence = walker(model), confidences(FRAMES, 25)
    keypoints[:, 19:], confidence[:, 19:] = 0, 0
    for i in range(FRAMES):
        frame = {"people": [{"pose_keypoints_2d": flat(keypoints[i], confidence[i])}]}
        save_json(tmp_path / f"walk_{i:012d}_keypoints.json", frame)
    assert read_keypoints(tmp_path).skeleton.name == model


# --- several people of a picture, one person of several frames -------------------------------------------------------


def test_people_of_one_picture_are_people(tmp_path):
    found = people()
    mmpose = [{"keypoints": k[0].tolist(), "keypoint_scores": c[0].tolist(), "bbox": [[1, 2, 3, 4]]} for k, c in found]
    pifpaf = [{"keypoints": flat(k[0], c[0]), "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 1} for k, c in found]
    tfjs = [
        {"keypoints": [{"x": x, "y": y, "name": name} for (x, y), name in zip(k[0].tolist(), COCO, strict=True)]}
        for k, _ in found
    ]
    for value in (mmpose, pifpaf, tfjs, {"meta_info": {}, "instance_info": mmpose}):
        data = read_keypoints(save_json(tmp_path / "a.json", value))
        assert (data.frame.tolist(), len(set(data.subject))) == ([0, 0], 2)
    # Two people who embrace are still two.
    mmpose[1] = mmpose[0]
    assert len(set(read_keypoints(save_json(tmp_path / "a.json", mmpose)).subject)) == 2


def test_empty_frames_keep_their_place(tmp_path):
    k, c = people(count=1)[0]
    instance = {"keypoints": k[0].tolist(), "keypoint_scores": c[0].tolist()}
    frames = [{"frame_id": i, "instances": [instance] if i in (2, 5) else []} for i in range(7)]
    assert read_keypoints(save_json(tmp_path / "a.json", frames)).frame.tolist() == [2, 5]
    points = {"x": k[0][:, 0].tolist(), "y": k[0][:, 1].tolist()}
    value = [[], [{"keypoints": points}], [], [{"keypoints": points}]]
    assert read_keypoints(save_json(tmp_path / "a.json", value)).frame.tolist() == [1, 3]
    poses = [None, *({"keypoints": [{"x": 1.0 + i, "y": 2.0 + i, "name": n} for i, n in enumerate(COCO)]} for _ in "ab")]
    assert read_keypoints(save_json(tmp_path / "a.json", poses)).frame.tolist() == [1, 2]


@pytest.mark.parametrize("ending", [(), (0.87,), (3,), (0.87, 3)])
@pytest.mark.parametrize("columns", [3, 2])
def test_lines_of_labels_with_and_without_confidence_and_track(tmp_path, columns, ending):
    k, c = people(count=1)[0]
    points = np.c_[k[0] / SIZE, c[0]][:, :columns].reshape(-1)
    (tmp_path / "img7.txt").write_text(" ".join(map(str, (0, 0.5, 0.5, 0.1, 0.2, *points, *ending))))
    data = read_keypoints(tmp_path / "img7.txt", image_size=SIZE)
    np.testing.assert_allclose(data.keypoints_2d[0], k[0], atol=1e-3)
    assert (data.frame.tolist(), data.subject.tolist()) == ([7], ["3" if 3 in ending else "0"])
    with pytest.raises(InputError, match="fractions of the picture"):
        read_keypoints(tmp_path / "img7.txt")


def test_slp_by_hand_before_predicted_and_old_pixels(tmp_path):
    """Let points set by hand replace predictions of their frame; before version 1.1 shift pixels by half a pixel."""
    path, _, found = SAMPLES["slp"](tmp_path)
    with h5py.File(path, "r+") as file:
        instances, points = file["instances"][()], file["pred_points"][()]
        instances["instance_type"][0], instances["point_id_start"][0], instances["point_id_end"][0] = 0, 0, 17
        by_hand = np.zeros(17, file["points"].dtype)
        for name in ("x", "y", "visible"):
            by_hand[name] = points[name][:17]
        by_hand["x"] += 7
        by_hand["visible"][3] = False
        del file["points"], file["instances"]
        file["points"], file["instances"] = by_hand, instances
        file["metadata"].attrs["format_id"] = 1.0
    data = read_keypoints(path)
    assert data.frame.tolist() == [0, *sorted([*range(1, FRAMES)] * 2)]
    expected = found[0][0][0] + [6.5, -0.5]
    missing = COCO.index(COCO[[*range(5, 17), *range(5)][3]])
    np.testing.assert_allclose(np.delete(data.keypoints_2d[0], missing, 0), np.delete(expected, missing, 0), atol=1e-3)
    assert np.isnan(data.keypoints_2d[0, missing]).all()


def test_names_that_fill_no_layout_but_can_be_lifted(tmp_path, svma):
    """Lift twelve joints, a neck and a head: the nose and the rest are made up as from any layout."""
    limbs = [j for j in COCO if j.split("_")[-1] in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]
    points = {**dict(zip(COCO, walker("coco17").transpose(1, 0, 2), strict=True))}
    points["neck"], points["head_top"] = (walker("h36m17")[:, SKELETONS["h36m17"].index(j)] for j in ("thorax", "head_top"))
    names = [*limbs, "nose", "left_eye", "neck", "head_top"]
    header = ",".join(f"{name}_{axis}" for name in names for axis in "xy")
    rows = [",".join(str(value) for name in names for value in points[name][i]) for i in range(FRAMES)]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
    data = read_keypoints(tmp_path / "a.csv", image_size=SIZE)
    assert (data.skeleton.name, len(data.skeleton)) == ("joints of the file", 16)
    expected = svma.predict(walker("h36m17"), skeleton="h36m17", image_size=SIZE).pose_3d
    found = svma.predict(data.keypoints_2d, skeleton=data.skeleton, image_size=SIZE).pose_3d
    assert float(p_mpjpe(found, expected)) < 15


# --- what cannot be used ---------------------------------------------------------------------------------------------

K, C = people(count=1)[0]
INSTANCE = {"keypoints": K[0].tolist(), "keypoint_scores": C[0].tolist()}
DEEP = {"keypoints": np.c_[K[0], K[0][:, 0]].tolist(), "keypoint_scores": C[0].tolist()}
YOLO = {"keypoints": {"x": K[0][:, 0].tolist(), "y": K[0][:, 1].tolist(), "visible": C[0].tolist()}}
POINTS = [{"x": x, "y": y, "name": name} for (x, y), name in zip(K[0].tolist(), COCO, strict=True)]
SHAPES = [{"label": name, "points": [point], "shape_type": "point"} for name, point in zip(COCO, K[0].tolist(), strict=True)]
TASK = {"value": {"x": 1, "y": 2, "keypointlabels": ["nose"]}, "original_width": 10, "original_height": 10}
WORLD = [{"x": (-1) ** i * 0.3, "y": -0.2, "z": 0.1} for i in range(33)]
REFUSED = {
    "MMPose in 3D": ([{"frame_id": 0, "instances": [DEEP]}], "holds 3D poses of MMPose .* pose2d='human' instead of pose3d"),
    "MMPose of nobody": ({"meta_info": {}, "instance_info": []}, "holds no people"),
    "MMPose of a face": (
        {
            "meta_info": {"keypoint_id2name": {"0": "jaw"}},
            "instance_info": [{"keypoints": [[1, 2]], "keypoint_scores": [1]}],
        },
        "its 1 body parts .jaw. are not those",
    ),
    "MMPose cut": ([{"frame_id": 0, "instances": [INSTANCE, 3]}], "an entry is '3'; expected a person like the others"),
    "MMPose ragged": ([INSTANCE, {"keypoints": [[1, 2]], "keypoint_scores": [1]}], "unequal lengths"),
    "MMPose scores": ([{**INSTANCE, "keypoint_scores": [0.5]}], "one value a joint"),
    "Ultralytics cut": ([[{"keypoints": {"x": [1, 2], "y": [1]}}]], "unequal lengths"),
    "Ultralytics text": ([[{"keypoints": {"x": ["a"] * 17, "y": [1] * 17}}]], "expected numbers"),
    "Ultralytics boxes": (
        [[{"name": "person", "class": 0, "box": {"x1": 1}}]],
        "holds boxes of Ultralytics without keypoints",
    ),
    "objects in lists": ([[{"name": "person", "corners": {"x1": 1}}]], "holds a list of 1 values"),
    "TensorFlow.js text": ([{"keypoints": [*POINTS[:-1], {"x": "a", "y": 1, "name": "right_ankle"}]}], "expected numbers"),
    "OpenPifPaf of nobody": ([{"frame": 1, "predictions": []}], "holds a list of 1 objects with frame, predictions"),
    "labelme twice": ({"shapes": SHAPES * 2}, "the label 'nose' stands twice in group None; give every person a group_id"),
    "labelme polygons": ({"shapes": [{"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "polygon"}]}, "no people"),
    "labelme other labels": ({"shapes": [{**SHAPES[0], "label": "tree"}]}, "its 1 body parts .tree. are not those"),
    "Label Studio twice": (
        [{"annotations": [{"result": [TASK, TASK]}]}],
        "the label 'nose' stands twice in task 0; relate",
    ),
    "Label Studio without a size": ([{"annotations": [{"result": [{"value": TASK["value"]}]}]}], "image size"),
    "EasyMocap without keypoints": ({"annots": [{"bbox": [1, 2, 3, 4]}]}, "lacks `keypoints`"),
    "easy_ViTPose cut": ({"keypoints": [{"0": [[1, 2]]}], "skeleton": {}}, "frame 0 is not y, x, score"),
    "MediaPipe world landmarks alone": ([{"pose_world_landmarks": WORLD}], "world landmarks are .metres from the hips"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path, name):
    value, words = REFUSED[name]
    with pytest.raises(InputError, match=words) as caught:
        read_keypoints(save_json(tmp_path / "a.json", value), image_size=SIZE)
    assert "\n" not in str(caught.value)


ENTITIES = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotations><image id="&c;"/></annotations>'
XML = {
    "entities": (ENTITIES, CorruptFileError, "declares a document type"),
    "files of others": ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', CorruptFileError, "document type"),
    "cut": ("<annotations><image>", CorruptFileError, "cannot be read as XML"),
    "another root": ("<data/>", InputError, "is XML of <data>; expected CVAT"),
    "nothing labelled": ("<annotations><image id='0' name='a.png'/></annotations>", InputError, "without points"),
    "points that are none": (
        "<annotations><image id='0'><points label='nose' points='1,2;3,4'/></image></annotations>",
        InputError,
        "the points of 'nose' are '1,2;3,4'; expected one x,y",
    ),
    "a label twice": (
        "<annotations><image><points label='nose' points='1,2'/><points label='nose' points='3,4'/></image></annotations>",
        InputError,
        "'nose' stands twice in one picture",
    ),
}


@pytest.mark.parametrize("name", XML)
def test_xml_that_cannot_be_used(tmp_path, name):
    text, error, words = XML[name]
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(error, match=words):
        read_keypoints(tmp_path / "a.xml")


def test_texts_and_folders_that_cannot_be_used(tmp_path):
    (tmp_path / "a.txt").write_text("hello world\n")
    with pytest.raises(InputError, match="is text, but not labels of Ultralytics"):
        read_keypoints(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.2\n")
    with pytest.raises(InputError, match="has 5 numbers a line; expected those of Ultralytics' poses"):
        read_keypoints(tmp_path / "a.txt", image_size=SIZE)
    (tmp_path / "a.jsonl").write_text('{"frame": 1, "predictions": []}\n{"frame": 2,\n')
    with pytest.raises(CorruptFileError, match="line 2, cannot be read as JSON lines"):
        read_keypoints(tmp_path / "a.jsonl")
    for camera in "12":
        (tmp_path / "annots" / camera).mkdir(parents=True)
        save_json(tmp_path / "annots" / camera / "0.json", {"annots": []})
    with pytest.raises(InputError, match=r"holds 2 folders of frames \(1, 2\); give one of them"):
        read_keypoints(tmp_path / "annots")
    save_json(tmp_path / "annots" / "1" / "1.json", {"shapes": SHAPES})
    with pytest.raises(InputError, match=r"1\.json is not a frame of EasyMocap"):
        read_keypoints(tmp_path / "annots" / "1")


@pytest.mark.parametrize(
    ("inside", "words"), [("xl/workbook.xml", "is a spreadsheet; save it as CSV"), ("model/data.pkl", "is a PyTorch file")]
)
def test_archives_of_other_programs_are_called_what_they_are(tmp_path, inside, words):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr(inside, "<a/>")
    with pytest.raises(InputError, match=words):
        read_keypoints(tmp_path / "a.xlsx")


def _damaged(data, dice):
    """Return the bytes cut short, or a few of them changed."""
    data = bytearray(data)
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    for _ in range(dice.choice((1, 2, 6))):
        data[dice.randrange(min(len(data), dice.choice((600, len(data)))))] = dice.choice((0, 34, 44, 91, 125, 255))
    return data


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("slp", "sleap_analysis", "sleap_standard")])
def test_damaged_files_are_read_or_refused(tmp_path, name):
    path, layout, _ = SAMPLES[name](tmp_path)
    file = sorted(path.rglob("*.*"))[0] if path.is_dir() else path
    whole, dice = file.read_bytes(), random.Random(name)
    for _ in range(25):
        file.write_bytes(_damaged(whole, dice))
        try:
            data = read_keypoints(path, layout, SIZE)
        except PoseZooError as error:
            if "\n" in str(error):
                pytest.fail(f"more than one line: {error}")
        else:
            assert isinstance(data, PoseData)
            assert not np.isinf(data.keypoints_2d).any()


def test_json_lines_are_a_list_of_their_values(tmp_path):
    lines = [{"x": [1.0] * 2}, {"x": [2.0] * 2}]
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match="holds a list"):
        read_keypoints(tmp_path / "a.jsonl")


def _ultralytics(keypoints, confidence):
    return {"keypoints": {"x": keypoints[:, 0].tolist(), "y": keypoints[:, 1].tolist(), "visible": confidence.tolist()}}


def _mmpose_before_1_0(keypoints, confidence):
    return {"keypoints": np.c_[keypoints, confidence].tolist(), "bbox": [1, 2, 3, 4]}


def _coco_without_a_picture(keypoints, confidence):
    return {"category_id": 1, "keypoints": flat(keypoints, confidence)}


@pytest.mark.parametrize("person", [_ultralytics, _mmpose_before_1_0, _coco_without_a_picture])
def test_one_list_of_frames_is_told_from_one_picture(tmp_path, person):
    """Part frames where identities repeat or boxes overlap the next frame's; keep two people who embrace in one picture."""
    frames = [[person(keypoints[i], confidence[i]) for i in range(FRAMES)] for keypoints, confidence in people(count=2)]
    alone = read_keypoints(save_json(tmp_path / "a.json", frames[0]))
    assert (alone.frame.tolist(), len(alone.sequences)) == (list(range(FRAMES)), 1)
    np.testing.assert_allclose(alone.keypoints_2d, people()[0][0], atol=1e-3)
    both = [{**frames[who][i], "track_id": who + 1} for i in range(FRAMES) for who in (0, 1)]
    data = read_keypoints(save_json(tmp_path / "a.json", both))
    assert data[data.subject == "2"].frame.tolist() == list(range(FRAMES))
    embrace = read_keypoints(save_json(tmp_path / "a.json", frames[0][:2]))
    assert (embrace.frame.tolist(), len(embrace.sequences)) == ([0, 0], 2)


def test_mmpose_dumps_of_its_test_script(tmp_path):
    found = people(count=2)
    entries = [
        {
            "id": 2 * i + p, "img_id": 3 * i, "ori_shape": (SIZE[1], SIZE[0]), "gt_instances": {"bboxes": np.zeros((1, 4))},
            "pred_instances": {"keypoints": k[i][None].astype(np.float32), "keypoint_scores": c[i][None].astype(np.float32)},
        }
        for i in range(4) for p, (k, c) in enumerate(found)
    ]  # fmt: skip
    (tmp_path / "dump.pkl").write_bytes(pickle.dumps(entries))
    data = read_keypoints(tmp_path / "dump.pkl")
    own = data[data.subject == data.subject[0]]
    assert (own.frame.tolist(), data.sequences[0].image_size) == ([0, 3, 6, 9], SIZE)
    np.testing.assert_allclose(own.keypoints_2d, found[0][0][:4], atol=1e-3)


@pytest.mark.parametrize("ending", ["pkl", "json"])
def test_batches_of_the_test_script_of_mmpose_0(tmp_path, ending):
    found = people(count=2)
    rows = [[np.concatenate([k[i], c[i][:, None]], -1) for k, c in found] for i in range(4)]
    batches = [
        {
            "preds": np.stack([*rows[i], *rows[i + 1]]),
            "boxes": np.zeros((4, 6)),
            "image_paths": [f"data/walk_{5 * (i + j):06d}.jpg" for j in (0, 1) for _ in found],
            "bbox_ids": [0, 1, 2, 3],
            "output_heatmap": None,
        }
        for i in (0, 2)
    ]
    path = tmp_path / f"res.{ending}"
    if ending == "pkl":
        path.write_bytes(pickle.dumps(batches))
    else:
        save_json(path, [{key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in b.items()} for b in batches])
    data = read_keypoints(path)
    for subject, (keypoints, confidence) in zip(dict.fromkeys(data.subject), found, strict=True):
        own = data[data.subject == subject]
        assert own.frame.tolist() == [0, 5, 10, 15]
        np.testing.assert_allclose(own.keypoints_2d, keypoints[:4], atol=1e-3)
        np.testing.assert_allclose(own.confidence, confidence[:4], atol=1e-3)
    del batches[0]["image_paths"][0]
    path.write_bytes(pickle.dumps(batches))
    with pytest.raises(PoseZooError, match="MMPose"):
        read_keypoints(path)


def test_mediapipe_frames_by_their_names_and_beside_other_arrays(tmp_path):
    k, c = people("mediapipe33", 1)[0]
    frames = {
        f"frame_{2 * i}": [{"x": x, "y": y, "z": 0.1, "visibility": v} for (x, y), v in zip(k[i] / SIZE, c[i], strict=True)]
        for i in range(len(k))
    }
    data = read_keypoints(save_json(tmp_path / "a.json", frames), image_size=SIZE)
    np.testing.assert_allclose(data.keypoints_2d, k, atol=1e-2)
    assert data.frame.tolist() == [2 * i for i in range(len(k))]
    rows = np.concatenate([k / SIZE, np.zeros((*c.shape, 1)), c[..., None]], -1)
    np.savez(tmp_path / "a.npz", pose_landmarks=rows, pose_world=rows[..., :3], fps=30)
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npz", image_size=SIZE).keypoints_2d, k, atol=1e-2)


def test_points_labelled_by_number(tmp_path):
    """Read 1 to 17 of CVAT, and 0 to 16 of Label Studio and labelme, in any order, as tables of such names are read."""
    for name, first in (("cvat_images", 1), ("label_studio", 0), ("labelme", 0)):
        (tmp_path / name).mkdir()
        path, layout, found = SAMPLES[name](tmp_path / name)
        for file in [path] if path.is_file() else path.iterdir():
            text = file.read_text()
            for place, joint in enumerate(COCO):
                text = text.replace(f'"{joint}"', f'"{first + place}"')
            file.write_text(text)
        data = read_keypoints(path, layout)
        assert data.skeleton.name == "coco17"
        people = {who: data[data.subject == who].keypoints_2d for who in dict.fromkeys(data.subject.tolist())}
        for own, (keypoints, _) in zip(people.values(), found, strict=True):
            np.testing.assert_allclose(own, keypoints, atol=2e-3)
        with pytest.raises(InputError, match="name the right one"):
            read_keypoints(path)
