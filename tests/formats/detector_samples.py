"""Write the files of detectors and annotation tools with the standard library, NumPy and h5py: two walkers, six frames.

Each writer returns the path, the layout, and by person the keypoints (frames, J, 2) and confidences (frames, J) or None.
"""

import csv
import json
import pickle

import h5py
import numpy as np

from posezoo.skeletons import get_skeleton
from tests.formats.walkers import SIZE, confidences, walker

COCO = get_skeleton("coco17").joints
FRAMES = 6


def people(layout="coco17", count=2):
    """Return keypoints and confidences by person."""
    joints = len(get_skeleton(layout))
    return [(walker(layout, FRAMES, person), confidences(FRAMES, joints, person)) for person in range(count)]


def flat(keypoints, confidence):
    return np.concatenate([keypoints, confidence[:, None]], -1).reshape(-1).tolist()


def save_json(path, value):
    path.write_text(json.dumps(value))
    return path


def _frames(make, count=2, layout="coco17"):
    """Return the frames of a clip: a list of ``make(keypoints, confidence, person)`` each."""
    found = people(layout, count)
    frames = [[make(k[i], c[i], person) for person, (k, c) in enumerate(found)] for i in range(FRAMES)]
    return frames, found


def _ultralytics(keypoints, confidence, person):
    points = {"x": keypoints[:, 0].tolist(), "y": keypoints[:, 1].tolist(), "visible": confidence.tolist()}
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    return {"name": "person", "class": 0, "confidence": 0.9, "box": box, "track_id": person + 1, "keypoints": points}


def write_ultralytics_video(folder):
    frames, found = _frames(_ultralytics)
    return save_json(folder / "video.json", frames), "coco17", found


def write_ultralytics_flat(folder):
    frames, found = _frames(_ultralytics)
    rows = [{"frame": i, **person} for i, frame in enumerate(frames) for person in frame]
    return save_json(folder / "flat.json", rows), "coco17", found


def write_ultralytics_fractions(folder):
    """Write what ``to_json(normalize=True)`` does."""
    found = people()
    frames = [[_ultralytics(k[i] / SIZE, c[i], person) for person, (k, c) in enumerate(found)] for i in range(FRAMES)]
    return save_json(folder / "normalised.json", frames), "coco17", found


def write_ultralytics_labels(folder):
    """Write what ``save_txt=True, save_conf=True`` does for a tracked video; frames count from 1."""
    found = people()
    (folder / "labels").mkdir(exist_ok=True)
    for i in range(FRAMES):
        lines = []
        for person, (k, c) in enumerate(found):
            points = np.concatenate([k[i] / SIZE, c[i][:, None]], -1).reshape(-1)
            lines.append(" ".join(f"{value:.7f}" for value in (0.5, 0.5, 0.1, 0.2, *points, 0.87)))
            lines[-1] = f"0 {lines[-1]} {person + 1}"
        (folder / "labels" / f"gym_{i + 1}.txt").write_text("\n".join(lines) + "\n")
    return folder / "labels", "coco17", found


def _instance(keypoints, confidence, person):
    return {
        "keypoints": keypoints.tolist(),
        "keypoint_scores": confidence.tolist(),
        "bbox": [[1.0, 2.0, 3.0, 4.0]],
        "bbox_score": 0.9,
    }


def write_mmpose_video(folder):
    frames, found = _frames(_instance)
    value = [{"frame_id": i, "instances": frame} for i, frame in enumerate(frames)]
    return save_json(folder / "clip.json", value), "coco17", found


def write_mmpose_demo(folder):
    """Write a demo script's file, of a model whose joints only ``meta_info`` names: Human3.6M's, by MMPose's names."""
    frames, found = _frames(_instance, layout="h36m17")
    names = ("root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot", "spine", "thorax",
             "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
             "right_wrist")  # fmt: skip
    meta = {"dataset_name": "h36m", "keypoint_id2name": {str(i): name for i, name in enumerate(names)}}
    info = [{"frame_id": i + 1, "instances": frame} for i, frame in enumerate(frames)]
    return save_json(folder / "results_clip.json", {"meta_info": meta, "instance_info": info}), "h36m17", found


def write_mmpose_folder(folder):
    """Write Inferencer's output folder for a folder of pictures."""
    frames, found = _frames(_instance)
    (folder / "predictions").mkdir(exist_ok=True)
    for i, frame in enumerate(frames):
        save_json(folder / "predictions" / f"{i:06d}.json", frame)
    return folder / "predictions", "coco17", found


def write_mmpose_dump(folder):
    """Write what ``tools/test.py --dump`` does for a top-down model: an entry for each person."""
    found = people()
    entries = [
        {
            "id": 2 * i + person,
            "img_id": i,
            "ori_shape": (SIZE[1], SIZE[0]),
            "pred_instances": {"keypoints": k[i][None].astype(np.float32), "keypoint_scores": c[i][None].astype(np.float32)},
        }
        for i in range(FRAMES)
        for person, (k, c) in enumerate(found)
    ]
    (folder / "dump.pkl").write_bytes(pickle.dumps(entries))
    return folder / "dump.pkl", "coco17", found


def write_mmpose_batches(folder):
    """Write what ``tools/test.py --out`` of MMPose 0.x does: a batch for each picture."""
    found = people()
    batches = [
        {
            "preds": np.stack([np.concatenate([k[i], c[i][:, None]], -1) for k, c in found]),
            "boxes": np.zeros((len(found), 6)),
            "image_paths": [f"data/{i:06d}.jpg"] * len(found),
            "bbox_ids": list(range(len(found))),
            "output_heatmap": None,
        }
        for i in range(FRAMES)
    ]
    (folder / "res.pkl").write_bytes(pickle.dumps(batches))
    return folder / "res.pkl", "coco17", found


def write_openpifpaf_lines(folder):
    def make(k, c, _):
        return {"keypoints": flat(k, c), "bbox": [1, 2, 3, 4], "score": 0.9, "category_id": 1}

    frames, found = _frames(make)
    lines = [json.dumps({"frame": i + 1, "predictions": frame}) for i, frame in enumerate(frames)]
    (folder / "video.openpifpaf.json").write_text("\n".join(lines) + "\n")
    return folder / "video.openpifpaf.json", "coco17", found


def write_tfjs(folder):
    """Write what ``detector.estimatePoses(video)`` returns for every frame."""

    def make(k, c, _):
        points = [
            {"x": x, "y": y, "score": s, "name": name} for (x, y), s, name in zip(k.tolist(), c.tolist(), COCO, strict=True)
        ]
        return {"score": 0.9, "keypoints": points}

    frames, found = _frames(make)
    return save_json(folder / "movenet.json", frames), "coco17", found


def write_tfjs_one_person(folder):
    """Write the first pose of every frame, null where there was none."""
    frames, found = _frames(
        lambda k, c, _: {
            "keypoints": [
                {"x": x, "y": y, "confidence": s, "name": name}
                for (x, y), s, name in zip(k.tolist(), c.tolist(), COCO, strict=True)
            ]
        },
        1,
    )
    return save_json(folder / "ml5.json", [frame[0] for frame in frames]), "coco17", found


def write_ml5_posenet(folder):
    names = [
        "".join(word.title() if i else word for i, word in enumerate(joint.split("_"))) for joint in COCO
    ]  # leftShoulder

    def make(k, c, _):
        points = [
            {"score": s, "part": name, "position": {"x": x, "y": y}}
            for (x, y), s, name in zip(k.tolist(), c.tolist(), names, strict=True)
        ]
        return {"pose": {"score": 0.9, "keypoints": points}, "skeleton": []}

    frames, found = _frames(make)
    return save_json(folder / "posenet.json", frames), "coco17", found


def write_label_studio(folder):
    found = people(count=1)
    tasks = []
    for i, pose in enumerate(found[0][0]):
        result = [
            {
                "original_width": SIZE[0],
                "original_height": SIZE[1],
                "value": {"x": x / SIZE[0] * 100, "y": y / SIZE[1] * 100, "width": 0.3, "keypointlabels": [name]},
                "type": "keypointlabels",
            }
            for (x, y), name in zip(pose.tolist(), COCO, strict=True)
        ]
        tasks.append({"id": i, "data": {"img": f"/data/upload/1/img_{i}.jpg"}, "annotations": [{"result": result}]})
    return save_json(folder / "project-1.json", tasks), "coco17", [(found[0][0], None)]


def write_labelme(folder):
    found = people()
    (folder / "labelme").mkdir(exist_ok=True)
    for i in range(FRAMES):
        shapes = [
            {"label": name, "points": [point], "group_id": person, "shape_type": "point", "flags": {}}
            for person, (k, _) in enumerate(found)
            for name, point in zip(COCO, k[i].tolist(), strict=True)
        ]
        shapes.append({"label": "person", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"})
        value = {"version": "5.4.1", "shapes": shapes, "imageWidth": SIZE[0], "imageHeight": SIZE[1]}
        save_json(folder / "labelme" / f"img_{i:03d}.json", value)
    return folder / "labelme", "coco17", [(k, None) for k, _ in found]


def _points(keypoints):
    return "".join(
        f'<points label="{name}" outside="0" occluded="0" points="{x:.3f},{y:.3f}"/>'
        for name, (x, y) in zip(COCO, keypoints.tolist(), strict=True)
    )


def write_cvat_images(folder):
    found = people()
    images = "".join(
        f'<image id="{i}" name="walk/frame_{i:06d}.png" width="{SIZE[0]}" height="{SIZE[1]}">'
        + "".join(f'<skeleton label="person">{_points(k[i])}</skeleton>' for k, _ in found)
        + "</image>"
        for i in range(FRAMES)
    )
    (folder / "annotations.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>{images}</annotations>'
    )
    return folder / "annotations.xml", "coco17", [(k, None) for k, _ in found]


def write_cvat_video(folder):
    found = people()
    tracks = "".join(
        f'<track id="{person}" label="person">'
        + "".join(f'<skeleton frame="{i}" keyframe="1">{_points(pose)}</skeleton>' for i, pose in enumerate(k))
        + "</track>"
        for person, (k, _) in enumerate(found)
    )
    size = f"<original_size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></original_size>"
    (folder / "video.xml").write_text(
        f"<annotations><version>1.1</version><meta><task>{size}</task></meta>{tracks}</annotations>"
    )
    return folder / "video.xml", "coco17", [(k, None) for k, _ in found]


def write_easymocap(folder):
    found = people("body25")
    (folder / "annots" / "1").mkdir(parents=True, exist_ok=True)
    for i in range(FRAMES):
        annots = [
            {"personID": person, "bbox": [0, 0, 9, 9, 0.9], "keypoints": np.c_[k[i], c[i]].tolist()}
            for person, (k, c) in enumerate(found)
        ]
        value = {"filename": f"images/1/{i:06d}.jpg", "height": SIZE[1], "width": SIZE[0], "annots": annots}
        save_json(folder / "annots" / "1" / f"{i:06d}.json", value)
    return folder / "annots", "body25", found


def write_easy_vitpose(folder):
    found = people()
    frames = [
        {str(person): np.c_[k[i][:, ::-1], c[i]].tolist() for person, (k, c) in enumerate(found)} for i in range(FRAMES)
    ]
    value = {"keypoints": frames, "skeleton": {str(i): name for i, name in enumerate(COCO)}}
    return save_json(folder / "vitpose.json", value), "coco17", found


def write_detectron2(folder):
    """Write what ``infer_video_d2.py`` does: by class, x, y, logit, probability; no person in the last frame."""
    found = people()
    frames = np.empty((FRAMES + 1, 2), object)
    for i in range(FRAMES + 1):
        frames[i, 0] = []
        frames[i, 1] = []
        if i < FRAMES:
            frames[i, 1] = np.float32([np.stack([*k[i].T, 5 + c[i], c[i]]) for k, c in found])
    boxes = np.empty((FRAMES + 1, 2), object)
    metadata = {"w": SIZE[0], "h": SIZE[1]}
    np.savez_compressed(folder / "clip.mp4.npz", boxes=boxes, segments=None, keypoints=frames, metadata=metadata)
    return folder / "clip.mp4.npz", "coco17", found


def write_opencap(folder):
    found = people("body25")
    frames = [[{"person_id": [-1], "pose_keypoints_2d": flat(k[i], c[i])} for k, c in found] for i in range(FRAMES)]
    (folder / "Cam0_keypoints.pkl").write_bytes(pickle.dumps(frames))
    return folder / "Cam0_keypoints.pkl", "body25", found


def _sleap_arrays(found):
    tracks = np.stack([k for k, _ in found]).transpose(0, 3, 2, 1)  # (tracks, 2, nodes, frames)
    return tracks, np.stack([c for _, c in found]).transpose(0, 2, 1)


def write_sleap_analysis(folder):
    found = people()
    tracks, scores = _sleap_arrays(found)
    with h5py.File(folder / "clip.analysis.h5", "w") as file:
        file["tracks"], file["point_scores"] = tracks, scores
        file["node_names"] = np.array(COCO, dtype="S")
        file["track_names"] = np.array(["ann", "ben"], dtype="S")
        file["track_occupancy"] = np.ones((FRAMES, 2), dtype=np.uint8)
        file["instance_scores"] = np.ones((2, FRAMES))
        file["video_path"], file["labels_path"], file["provenance"] = "v.mp4", "x.slp", "{}"
    return folder / "clip.analysis.h5", "coco17", found


def write_sleap_standard(folder):
    """Write sleap-io's other order: (frame, track, node, xy)."""
    found = people()
    tracks, scores = _sleap_arrays(found)
    with h5py.File(folder / "standard.h5", "w") as file:
        file["tracks"], file["point_scores"] = tracks.transpose(3, 0, 2, 1), scores.transpose(2, 0, 1)
        file["node_names"] = np.array(COCO, dtype="S")
        file["track_names"] = np.array(["ann", "ben"], dtype="S")
    return folder / "standard.h5", "coco17", found


def write_slp(folder):
    """Write a project with predictions; its skeleton lists the nodes in another order than the file."""
    found = people()
    order = [*range(5, 17), *range(5)]
    skeleton = {"nodes": [{"id": COCO.index(COCO[node])} for node in order], "links": [], "graph": {"name": "s"}}
    metadata = {"version": "2.0.0", "skeletons": [skeleton], "nodes": [{"name": name, "weight": 1.0} for name in COCO]}
    points = np.dtype([("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?"), ("score", "f8")])
    instance = np.dtype(
        [("instance_id", "i8"), ("instance_type", "u1"), ("frame_id", "u8"), ("skeleton", "u4"), ("track", "i4")]
        + [("from_predicted", "i8"), ("score", "f4"), ("point_id_start", "u8"), ("point_id_end", "u8")]
    )
    frame = np.dtype(
        [("frame_id", "u8"), ("video", "u4"), ("frame_idx", "u8"), ("instance_id_start", "u8"), ("instance_id_end", "u8")]
    )
    rows, instances = [], []
    for i in range(FRAMES):
        for person, (k, c) in enumerate(found):
            instances.append((len(instances), 1, i, 0, person, -1, 0.9, len(rows), len(rows) + 17))
            rows += [(*k[i][node], True, True, c[i][node]) for node in order]
    backend = {"type": "MediaVideo", "shape": [FRAMES, SIZE[1], SIZE[0], 3], "filename": "walk.mp4"}
    with h5py.File(folder / "labels.slp", "w") as file:
        file.create_group("metadata").attrs.update({"format_id": 1.2, "json": json.dumps(metadata)})
        file["frames"] = np.array([(i, 0, i, 2 * i, 2 * i + 2) for i in range(FRAMES)], frame)
        file["instances"], file["pred_points"] = np.array(instances, instance), np.array(rows, points)
        file["points"] = np.zeros(0, [(name, points[name]) for name in points.names[:4]])
        file["tracks_json"] = np.array([json.dumps([0, name]) for name in ("ann", "ben")], dtype="S")
        file["videos_json"] = np.array([json.dumps({"filename": "walk.mp4", "backend": backend})], dtype="S")
    return folder / "labels.slp", "coco17", found


def write_sleap_csv(folder):
    found = people()
    with open(folder / "clip.analysis.csv", "w", newline="") as stream:
        writer = csv.writer(stream)
        axes = [f"{name}.{axis}" for name in COCO for axis in ("x", "y", "score")]
        writer.writerow(["track", "frame_idx", "instance.score", *axes])
        for person, (k, c) in zip(("ann", "ben"), found, strict=True):
            writer.writerows([person, i, 0.9, *flat(k[i], c[i])] for i in range(FRAMES))
    return folder / "clip.analysis.csv", "coco17", found


def write_mediapipe_array(folder):
    (keypoints, confidence), *_ = found = people("mediapipe33", 1)
    depth = np.full(confidence.shape, -0.2)
    array = np.concatenate([keypoints / SIZE, depth[..., None], confidence[..., None]], -1)
    np.save(folder / "landmarks.npy", array.reshape(FRAMES, 132))
    return folder / "landmarks.npy", "mediapipe33", found


def write_mediapipe_csv(folder):
    (keypoints, confidence), *_ = found = people("mediapipe33", 1)
    with open(folder / "landmarks.csv", "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([f"{axis}{i}" for i in range(1, 34) for axis in "xyzv"])
        for k, c in zip(keypoints / SIZE, confidence, strict=True):
            writer.writerow(np.c_[k, np.zeros(33) - 0.3, c].reshape(-1).tolist())
    return folder / "landmarks.csv", "mediapipe33", found


def write_mediapipe_by_frame(folder):
    (keypoints, confidence), *_ = found = people("mediapipe33", 1)
    value = {
        str(i): [
            {"X": x, "Y": y, "Z": 0.1, "Visibility": v} for (x, y), v in zip((k / SIZE).tolist(), c.tolist(), strict=True)
        ]
        for i, (k, c) in enumerate(zip(keypoints, confidence, strict=True))
    }
    return save_json(folder / "by_frame.json", value), "mediapipe33", found


def write_mediapipe_by_name(folder):
    """Write objects by the members of ``PoseLandmark``."""
    (keypoints, confidence), *_ = found = people("mediapipe33", 1)
    names = [
        f"MOUTH_{side}" if joint == f"{side.lower()}_mouth" else joint.upper()
        for joint in get_skeleton("mediapipe33").joints
        for side in (("LEFT", "RIGHT")["right" in joint],)
    ]
    value = [
        {
            name: {"x": x, "y": y, "visibility": v}
            for name, (x, y), v in zip(names, (k / SIZE).tolist(), c.tolist(), strict=True)
        }
        for k, c in zip(keypoints, confidence, strict=True)
    ]
    return save_json(folder / "by_name.json", value), "mediapipe33", found


def write_freemocap(folder):
    """Write (cameras, frames, 553 points, 3) of one camera: the body first, then hands and face."""
    (keypoints, confidence), *_ = found = people("mediapipe33", 1)
    array = np.full((1, FRAMES, 553, 3), 0.5)
    array[0, :, :33] = np.concatenate([keypoints, confidence[..., None]], -1)
    np.save(folder / "mediapipe2dData.npy", array)
    return folder / "mediapipe2dData.npy", "mediapipe33", found


def write_keypoints_by_frame(folder):
    """Write ``[result.keypoints.data for result in results]``, with no person in the last frame."""
    found = people("halpe26")
    frames = [np.stack([np.c_[k[i], c[i]] for k, c in found]) for i in range(FRAMES)]
    (folder / "keypoints.pkl").write_bytes(pickle.dumps([*frames, np.zeros((0, 26, 3))]))
    return folder / "keypoints.pkl", "halpe26", found


def write_movenet(folder):
    (keypoints, confidence), *_ = found = people(count=1)
    array = np.concatenate([(keypoints / SIZE)[..., ::-1], confidence[..., None]], -1)
    np.save(folder / "movenet.npy", array[:, None, None])
    return folder / "movenet.npy", "coco17", found


def write_coco_named(folder):
    """Write annotations in another order than COCO's, which ``categories`` tell."""
    found = people()
    order = sorted(range(17), key=COCO.__getitem__)
    annotations = [
        {"image_id": i, "category_id": 1, "track_id": person, "keypoints": flat(k[i][order], np.full(17, 2.0))}
        for i in range(FRAMES)
        for person, (k, _) in enumerate(found)
    ]
    images = [{"id": i, "width": SIZE[0], "height": SIZE[1]} for i in range(FRAMES)]
    categories = [{"id": 1, "name": "person", "keypoints": [COCO[i] for i in order]}]
    value = {"images": images, "annotations": annotations, "categories": categories}
    return save_json(folder / "annotations.json", value), "coco17", [(k, np.ones((FRAMES, 17))) for k, _ in found]


SAMPLES = {name.removeprefix("write_"): value for name, value in list(globals().items()) if name.startswith("write_")}
