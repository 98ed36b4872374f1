"""Write a file of every format that ``read_keypoints`` reads, with NumPy, json, csv, h5py, pickle and SciPy."""

import csv
import json
import pickle

import h5py
import numpy as np
import scipy.io

from posezoo.skeletons import get_skeleton
from tests.files import pandas_files

COCO = get_skeleton("coco17").joints
# Of the pictures; fractions of a power of two are exact.
SIZE = (1024, 512)


def poses(count=6, joints=17, seed=0):
    """Return (count, joints, 2) px and (count, joints) confidences."""
    generator = np.random.default_rng(seed)
    return (
        generator.uniform(1, 900, (count, joints, 2)).astype(np.float32),
        generator.uniform(0.1, 1, (count, joints)).astype(np.float32),
    )


def triplets(keypoints, confidence):
    """Return flat x, y, c lists, one a person."""
    return np.concatenate([keypoints, confidence[..., None]], -1).astype(float).reshape(-1, 3 * keypoints.shape[1]).tolist()


def openpose(keypoints, confidence, **extra):
    people = [
        {"person_id": [-1], "pose_keypoints_2d": flat, "face_keypoints_2d": []} for flat in triplets(keypoints, confidence)
    ]
    return {"version": 1.3, "people": people, **extra}


def coco(keypoints, confidence):
    """Return two pictures, the people shared between them."""
    annotations = [
        {
            "id": 100 + i,
            "image_id": 7 + i % 2,
            "category_id": 1,
            "keypoints": flat,
            "num_keypoints": 17,
            "bbox": [0, 0, 1, 1],
        }
        for i, flat in enumerate(triplets(keypoints, confidence))
    ]
    images = [{"id": 7, "width": 640, "height": 480, "file_name": "7.jpg"}, {"id": 8, "width": 500, "height": 333}]
    return {"info": {}, "images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


def write_plain_npz(folder):
    keypoints, confidence = poses()
    np.savez(folder / "plain.npz", keypoints=keypoints, confidence=confidence, skeleton="coco17", image_size=[1000, 900])
    return folder / "plain.npz", "coco17", keypoints, confidence


def write_bare_npz(folder):
    keypoints, _ = poses(joints=33)
    np.savez_compressed(folder / "bare.npz", anything=keypoints)
    return folder / "bare.npz", "mediapipe33", keypoints, None


def write_videopose3d(folder):
    keypoints, _ = poses(12)
    cameras = [keypoints[:2], keypoints[2:5], keypoints[5:6], keypoints[6:]]
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5, 6], [1, 2, 3]]}
    np.savez_compressed(folder / "data_2d_h36m_gt.npz", positions_2d={"S1": {"Walking 1": cameras}}, metadata=metadata)
    return folder / "data_2d_h36m_gt.npz", "h36m17", keypoints, None


def write_npy(folder):
    keypoints, confidence = poses(joints=26)
    np.save(folder / "a.npy", np.concatenate([keypoints, confidence[..., None]], -1))
    return folder / "a.npy", "halpe26", keypoints, confidence


def write_plain_json(folder):
    keypoints, confidence = poses()
    value = {"keypoints": keypoints.tolist(), "confidence": confidence.tolist(), "skeleton": "h36m17"}
    (folder / "plain.json").write_text(json.dumps({"format": "posezoo-keypoints/1", **value}))
    return folder / "plain.json", "h36m17", keypoints, confidence


def write_coco(folder):
    keypoints, _ = poses()
    flags = np.random.default_rng(1).integers(1, 3, (6, 17))
    (folder / "person_keypoints_val2017.json").write_text(json.dumps(coco(keypoints, flags)))
    return folder / "person_keypoints_val2017.json", "coco17", keypoints, np.ones((6, 17))


def write_coco_results(folder):
    keypoints, confidence = poses()
    entries = [
        {"image_id": f"{i // 2}.jpg", "category_id": 1, "keypoints": flat, "score": 2.5}
        for i, flat in enumerate(triplets(keypoints, confidence))
    ]
    (folder / "alphapose-results.json").write_text(json.dumps(entries))
    return folder / "alphapose-results.json", "coco17", keypoints, confidence


def write_coco_results_by_number(folder):
    keypoints, confidence = poses()
    entries = [
        {"image_id": 7 + i // 2, "category_id": 1, "keypoints": flat, "score": 0.8}
        for i, flat in enumerate(triplets(keypoints, confidence))
    ]
    (folder / "results.json").write_text(json.dumps(entries))
    return folder / "results.json", "coco17", keypoints, confidence


def write_mpii(folder):
    """Write what simple-baselines does: pixels are counted from 1."""
    keypoints = np.random.default_rng(0).integers(1, 900, (4, 16, 2)).astype(np.float32)
    people = [
        {"image": f"{i}.jpg", "joints": (each + 1).tolist(), "joints_vis": [1] * 16, "center": [200.0, 210.0], "scale": 1.5}
        for i, each in enumerate(keypoints)
    ]
    (folder / "valid.json").write_text(json.dumps(people))
    return folder / "valid.json", "mpii16", keypoints, None


def write_labelme_frame(folder):
    keypoints, _ = poses(2)
    shapes = [
        {"label": name, "points": [point], "group_id": person, "shape_type": "point", "flags": {}}
        for person, each in enumerate(keypoints.tolist())
        for name, point in zip(COCO, each, strict=True)
    ]
    value = {"version": "5.4.1", "shapes": shapes, "imageWidth": SIZE[0], "imageHeight": SIZE[1]}
    (folder / "img_000.json").write_text(json.dumps(value))
    return folder / "img_000.json", "coco17", keypoints, None


def write_openpose(folder):
    keypoints, confidence = poses(3, 25)
    (folder / "clip_000000000012_keypoints.json").write_text(json.dumps(openpose(keypoints, confidence)))
    return folder / "clip_000000000012_keypoints.json", "body25", keypoints, confidence


def write_openpose_folder(folder):
    keypoints, confidence = poses(8, 18)
    (folder / "clip").mkdir(exist_ok=True)
    for frame in range(4):
        rows = slice(2 * frame, 2 * frame + 2)
        name = f"clip_{frame:012d}_keypoints.json"
        (folder / "clip" / name).write_text(json.dumps(openpose(keypoints[rows], confidence[rows])))
    return folder / "clip", "openpose18", keypoints, confidence


def write_csv(folder):
    keypoints, confidence = poses()
    with open(folder / "a.csv", "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["frame", "person", *(f"{joint}_{axis}" for joint in COCO for axis in ("x", "y", "confidence"))])
        for i, flat in enumerate(triplets(keypoints, confidence)):
            writer.writerow([i // 2, "ab"[i % 2], *flat])
    return folder / "a.csv", "coco17", keypoints, confidence


def write_hourglass(folder):
    keypoints, _ = poses(joints=16)
    with h5py.File(folder / "detections.h5", "w") as file:
        file["preds"] = keypoints.astype(float)
    return folder / "detections.h5", "mpii16", keypoints, None


def write_martinez(folder):
    keypoints, _ = poses(joints=16)
    with h5py.File(folder / "Walking.55011271.h5", "w") as file:
        file["poses"] = keypoints
    return folder / "Walking.55011271.h5", "mpii16", keypoints, None


def write_plain_hdf5(folder):
    keypoints, confidence = poses()
    with h5py.File(folder / "plain.h5", "w") as file:
        file.create_dataset("keypoints", data=keypoints, compression="gzip", chunks=(2, 17, 2))
        file["confidence"] = confidence
        file["frame"] = np.arange(len(keypoints))
        file.attrs["skeleton"] = "coco17"
    return folder / "plain.h5", "coco17", keypoints, confidence


def write_pickle(folder):
    keypoints, confidence = poses()
    value = {"keypoints": keypoints, "confidence": confidence, "skeleton": "coco17", "image_size": (640, 480)}
    (folder / "a.pkl").write_bytes(pickle.dumps(value))
    return folder / "a.pkl", "coco17", keypoints, confidence


def write_old_pickle(folder):
    keypoints, _ = poses(3, 28)
    (folder / "old.pkl").write_bytes(pickle.dumps(keypoints.astype(float).tolist(), protocol=0))
    return folder / "old.pkl", "mpi3dhp28", keypoints, None


def write_mat(folder):
    keypoints, confidence = poses()
    scipy.io.savemat(folder / "a.mat", {"keypoints": keypoints, "confidence": confidence, "skeleton": "coco17"})
    return folder / "a.mat", "coco17", keypoints, confidence


def write_mat_73(folder):
    """Write HDF5 behind MATLAB's header, axes reversed."""
    keypoints, confidence = poses()
    with h5py.File(folder / "b.mat", "w", userblock_size=512) as file:
        file["keypoints"] = keypoints.transpose()
        file["confidence"] = confidence.transpose()
        file.attrs["skeleton"] = "coco17"
    with open(folder / "b.mat", "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return folder / "b.mat", "coco17", keypoints, confidence


def landmarks(keypoints, confidence):
    """Return MediaPipe's objects, person by person."""
    fractions = (keypoints.astype(float) / SIZE).tolist()
    return [
        [{"x": x, "y": y, "z": -0.1, "visibility": float(v)} for (x, y), v in zip(person, seen, strict=True)]
        for person, seen in zip(fractions, confidence, strict=True)
    ]


def write_mediapipe(folder):
    keypoints, confidence = poses(4, 33)
    (folder / "mediapipe.json").write_text(json.dumps(landmarks(keypoints, confidence)))
    return folder / "mediapipe.json", "mediapipe33", keypoints, confidence


def write_mediapipe_frames(folder):
    keypoints, confidence = poses(4, 33)
    frames = [{"frame": i, "pose_landmarks": person} for i, person in enumerate(landmarks(keypoints, confidence))]
    value = {"width": 1024, "height": 512, "fps": 30, "frames": [*frames, {"frame": 4, "pose_landmarks": None}]}
    (folder / "frames.json").write_text(json.dumps(value))
    return folder / "frames.json", "mediapipe33", keypoints, confidence


def alphapose(keypoints, confidence):
    """Return two people a frame, as AlphaPose with PoseFlow writes them."""
    return [
        {
            "image_id": f"{i // 2}.jpg",
            "category_id": 1,
            "keypoints": flat,
            "score": 2.9,
            "box": [1.0, 2.0, 30.0, 40.0],
            "idx": [float(i % 2 + 1)],
        }
        for i, flat in enumerate(triplets(keypoints, confidence))
    ]


def write_alphapose(folder):
    keypoints, confidence = poses(joints=26)
    (folder / "alphapose-halpe.json").write_text(json.dumps(alphapose(keypoints, confidence)))
    return folder / "alphapose-halpe.json", "halpe26", keypoints, confidence


def write_alphapose_cmu(folder):
    keypoints, confidence = poses(joints=18)
    flat = triplets(keypoints, confidence)
    frames = {
        f"clip_{i:04d}.png": {"version": "AlphaPose v0.3", "bodies": [{"joints": pose} for pose in flat[2 * i : 2 * i + 2]]}
        for i in range(3)
    }
    (folder / "alphapose-cmu.json").write_text(json.dumps(frames))
    return folder / "alphapose-cmu.json", "openpose18", keypoints, confidence


def _columns_of_coco(keypoints, confidence):
    """Return names as people choose them, in another order than COCO's, and the values of their columns."""
    order = [*range(5, 17), *range(5)]
    parts = [COCO[joint].title().replace("_", "") if joint % 2 else COCO[joint] for joint in order]
    values = np.concatenate([keypoints.astype(float), confidence.astype(float)[..., None]], -1)[:, order]
    return parts, values.reshape(len(keypoints), -1)


def write_deeplabcut_fixed(folder):
    keypoints, confidence = poses()
    parts, values = _columns_of_coco(keypoints, confidence)
    return (
        pandas_files.write_fixed(folder / "fixed.h5", pandas_files.columns(parts), values, list(range(6))),
        "coco17",
        keypoints,
        confidence,
    )


def write_deeplabcut_table(folder):
    keypoints, confidence = poses()
    parts, values = _columns_of_coco(keypoints, confidence)
    return (
        pandas_files.write_table(folder / "table.h5", pandas_files.columns(parts), values, list(range(6))),
        "coco17",
        keypoints,
        confidence,
    )


def write_deeplabcut_csv(folder):
    keypoints, confidence = poses()
    parts, values = _columns_of_coco(keypoints, confidence)
    with open(folder / "clipDLC_resnet50_peopleJun5shuffle1_50000.csv", "w", newline="") as stream:
        rows = zip(*pandas_files.columns(parts), strict=True)
        csv.writer(stream).writerows([name, *row] for name, row in zip(("scorer", "bodyparts", "coords"), rows, strict=True))
        csv.writer(stream).writerows([i, *row] for i, row in enumerate(values.tolist()))
    return folder / "clipDLC_resnet50_peopleJun5shuffle1_50000.csv", "coco17", keypoints, confidence


def kinetics(keypoints, confidence):
    """Return a frame for each person."""
    data = [
        {"frame_index": i + 1, "skeleton": [{"pose": pose, "score": score}]}
        for i, (pose, score) in enumerate(
            zip((keypoints.astype(float) / SIZE).reshape(len(keypoints), -1).tolist(), confidence.tolist(), strict=True)
        )
    ]
    return {"data": data, "label": "abseiling", "label_index": 0}


def write_kinetics(folder):
    keypoints, confidence = poses(joints=18)
    (folder / "0tiEyDOGqQ0.json").write_text(json.dumps(kinetics(keypoints, confidence)))
    return folder / "0tiEyDOGqQ0.json", "openpose18", keypoints, confidence


def write_lsp(folder):
    """Write LSP's joints: MATLAB counts from 1, and the third row is 1 where a joint is hidden."""
    keypoints, _ = poses(joints=14)
    joints = np.concatenate([keypoints.astype(float) + 1, np.zeros((6, 14, 1))], -1)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints.transpose(2, 1, 0)})
    return folder / "joints.mat", "lsp14", keypoints, np.ones((6, 14))


WRITERS = {name.removeprefix("write_"): value for name, value in list(globals().items()) if name.startswith("write_")}
"""Each writes a file into a folder and gives its path, layout, keypoints (N, J, 2) and confidence (N, J) or None."""
