"""Files of every format that read_keypoints knows, written by NumPy, json, csv, h5py, pickle and SciPy as published."""

import csv
import json
import pickle

import h5py
import numpy as np
import scipy.io

from posezoo.skeletons import get_skeleton

COCO = get_skeleton("coco17").joints


def poses(count=6, joints=17, seed=0):
    """(count, joints, 2) px and (count, joints) confidences."""
    generator = np.random.default_rng(seed)
    return (
        generator.uniform(1, 900, (count, joints, 2)).astype(np.float32),
        generator.uniform(0.1, 1, (count, joints)).astype(np.float32),
    )


def triplets(keypoints, confidence):
    """Flat x, y, c lists, one a person."""
    return np.concatenate([keypoints, confidence[..., None]], -1).astype(float).reshape(-1, 3 * keypoints.shape[1]).tolist()


def openpose(keypoints, confidence, **extra):
    people = [
        {"person_id": [-1], "pose_keypoints_2d": flat, "face_keypoints_2d": []} for flat in triplets(keypoints, confidence)
    ]
    return {"version": 1.3, "people": people, **extra}


def coco(keypoints, confidence):
    """Two pictures, the people shared between them."""
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
    keypoints, _ = poses(joints=16)
    np.savez_compressed(folder / "bare.npz", anything=keypoints)
    return folder / "bare.npz", "mpii16", keypoints, None


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
    keypoints, _ = poses(3, 15)
    (folder / "old.pkl").write_bytes(pickle.dumps(keypoints.astype(float).tolist(), protocol=0))
    return folder / "old.pkl", "humaneva15", keypoints, None


def write_mat(folder):
    keypoints, confidence = poses()
    scipy.io.savemat(folder / "a.mat", {"keypoints": keypoints, "confidence": confidence, "skeleton": "coco17"})
    return folder / "a.mat", "coco17", keypoints, confidence


def write_mat_73(folder):
    """HDF5 behind MATLAB's header, axes reversed."""
    keypoints, confidence = poses()
    with h5py.File(folder / "b.mat", "w", userblock_size=512) as file:
        file["keypoints"] = keypoints.transpose()
        file["confidence"] = confidence.transpose()
        file.attrs["skeleton"] = "coco17"
    with open(folder / "b.mat", "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return folder / "b.mat", "coco17", keypoints, confidence


WRITERS = {name.removeprefix("write_"): value for name, value in list(globals().items()) if name.startswith("write_")}
"""Each writes a file into a folder and gives its path, layout, keypoints (N, J, 2) and confidence (N, J) or None."""
