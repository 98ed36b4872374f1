"""Write small datasets in the published layouts, with the libraries that their makers use."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from cdflib import cdfwrite
from scipy.io import savemat

from posezoo.geometry import h36m_cameras

H36M_TO_17 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
"""Of the 32 joints of D3_Positions, those that move: as Martinez et al. list them."""
MPI_TO_17 = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
RECORDINGS = {
    "S1": {"Directions": 7, "Directions 1": 5, "Sitting": 6, "SittingDown 2": 4},
    "S9": {"Sitting 1": 3, "SittingDown": 8, "WalkingDog": 5, "TakingPhoto 1": 4},
    "S11": {"Directions": 6, "Directions 1": 5},
}


def worlds(recordings: dict[str, dict[str, int]] = RECORDINGS) -> dict[tuple[str, str], np.ndarray]:
    """Return (N, 32, 3) mm about a place that all cameras see, by subject and the source's action name."""
    rng = np.random.default_rng(0)
    return {
        (subject, action): (rng.uniform(-400, 400, (count, 32, 3)) + [0, 0, 900]).astype(np.float32)
        for subject, actions in recordings.items()
        for action, count in actions.items()
    }


def write_cdf(path: Path, values: np.ndarray) -> None:
    """Write the variable ``Pose``, (1, N, D) float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = cdfwrite.CDF(str(path))
    sizes = list(values.shape[1:])
    described = {"Variable": "Pose", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": sizes}
    file.write_var(described, var_data=values)
    file.close()


def write_official(folder: Path) -> Path:
    """Write Human3.6M as downloaded, but for the pictures."""
    for (subject, action), poses in worlds().items():
        path = folder / subject / "MyPoseFeatures" / "D3_Positions" / f"{action}.cdf"
        write_cdf(path, poses.reshape(1, len(poses), -1))
    write_cdf(folder / "S1" / "MyPoseFeatures" / "D3_Positions" / "_ALL 1.cdf", np.zeros((1, 3, 96), np.float32))
    return folder


def write_martinez(folder: Path, detections: bool = True, hourglass: str = "StackedHourglass") -> Path:
    """Write the h5 files of 3d-pose-baseline; hourglass detections are MPII's 16 joints, at (row, joint)."""
    for (subject, action), poses in worlds().items():
        action = action.replace("WalkingDog", "WalkDog").replace("TakingPhoto", "Photo")
        path = folder / subject / "MyPoses" / "3D_positions" / f"{action}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["3D_positions"] = poses.reshape(len(poses), 96).T
        if not detections:
            continue
        for camera in h36m_cameras("S1"):
            path = folder / subject / hourglass / f"{action.replace(' ', '_')}.{camera.name}.h5"
            path.parent.mkdir(exist_ok=True)
            if (subject, action, camera.name) == ("S11", "Directions", "54138969"):
                continue  # its video is damaged
            with h5py.File(path, "w") as file:
                file["poses"] = np.stack(np.meshgrid(np.arange(len(poses)) * 10.0 + 5, np.arange(16.0), indexing="ij"), -1)
    return folder


LAYOUTS = {
    "h36m": {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]},
    "coco": {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
    },
    "hourglass": {"num_joints": 16, "keypoints_symmetry": [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]]},
    "reordered hourglass": {"num_joints": 16, "keypoints_symmetry": [[4, 5, 6, 10, 11, 12], [1, 2, 3, 13, 14, 15]]},
}
"""Metadata as VideoPose3D writes them; of the last SemGCN, which brings the hourglass's joints to Human3.6M's order."""


def write_videopose3d(folder: Path, names: dict[str, str] | None = None, longer: int = 2) -> Path:
    """Write archives with pickled dictionaries; 2D runs on for some frames after the 3D. Of ``names``: whose metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"cpn_ft_h36m_dbb": "h36m", "sh_ft_h36m": "hourglass"} if names is None else names
    three: dict[str, dict[str, np.ndarray]] = {}
    two: dict[str, dict[str, dict[str, list[np.ndarray]]]] = {name: {} for name in names}
    for (subject, action), poses in worlds().items():
        action = action.replace("WalkingDog", "WalkDog").replace("TakingPhoto", "Photo")
        three.setdefault(subject, {})[action] = poses / np.float32(1000)
        for name, kind in names.items():
            joints = LAYOUTS[kind]["num_joints"]
            views = [
                np.broadcast_to(
                    np.arange(joints)[:, None] + [100.0 * view, 100.0 * view + 1], (len(poses) + longer, joints, 2)
                ).astype(np.float32)
                for view in range(4)
            ]
            two[name].setdefault(subject, {})[action] = views
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=three)
    for name, kind in names.items():
        np.savez_compressed(folder / f"data_2d_h36m_{name}.npz", positions_2d=two[name], metadata=LAYOUTS[kind])
    return folder


def write_mpi_training(folder: Path, subject: str, sequence: str, count: int, short: dict[int, int] | None = None) -> None:
    """Write ``annot.mat`` (MATLAB 5, cells of 14 cameras) and the calibration; value = frame + joint / 100 + camera."""
    path = folder / subject / sequence / "annot.mat"
    path.parent.mkdir(parents=True)
    content = {"frames": np.arange(count)[:, None], "cameras": np.arange(14)[None]}
    for key, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3)):
        cells = np.empty((14, 1), object)
        for camera in range(14):
            rows = (short or {}).get(camera, count)
            cells[camera, 0] = np.repeat(np.arange(rows)[:, None] + np.arange(28) / 100 + camera, axes, axis=1)
            if key == "univ_annot3":
                cells[camera, 0] *= 0.5
        content[key] = cells
    savemat(path, content)
    lines = ["Skeletool Camera Calibration File V1.0"]
    for camera in range(14):
        cos, sin = np.cos(camera / 10), np.sin(camera / 10)
        extrinsic = [cos, 0, sin, 10.0 * camera, 0, 1, 0, 200, -sin, 0, cos, 3000, 0, 0, 0, 1]
        lines += [
            f"name          {camera}", "  sensor      10 10", "  size        2048 2048", "  animated    0",
            f"  intrinsic   {1500 + camera} 0 1024 0 0 1499 1020 0 0 0 1 0 0 0 0 1",
            "  extrinsic   " + " ".join(map(str, extrinsic)), "  radial      0",
        ]  # fmt: skip
    path.with_name("camera.calibration").write_text("\n".join(lines) + "\n")


def write_mpi_test(folder: Path, name: str, count: int) -> None:
    """Write ``annot_data.mat`` (version 7.3, axes reversed): every third frame is not valid, activities 1 to 7 in turn."""
    path = folder / name / "annot_data.mat"
    path.parent.mkdir(parents=True)
    rng = np.random.default_rng(len(name) + count)
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3)):
            file[key] = rng.uniform(0, 1000, (count, 1, 17, axes))
        file["valid_frame"] = (np.arange(count) % 3 != 0).astype(np.float64)[:, None]
        file["activity_annotation"] = (np.arange(count) % 7 + 1).astype(np.float64)[:, None]
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\x00\x02IM")


def write_humaneva(folder: Path) -> Path:
    """Write VideoPose3D's HumanEva archives."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    three: dict[str, dict[str, np.ndarray]] = {}
    two: dict[str, dict[str, list[np.ndarray]]] = {}
    for part in ("Train", "Validate"):
        for subject in ("S1", "S2", "S3"):
            for action in ("Walking 1 chunk0", "Jog 1 chunk1", "Box 1 chunk2"):
                poses = rng.uniform(-1, 1, (5, 15, 3)).astype(np.float32)
                three.setdefault(f"{part}/{subject}", {})[action] = poses
                views = [rng.uniform(0, 480, (6, 15, 2)).astype(np.float32) for _ in range(3)]
                two.setdefault(f"{part}/{subject}", {})[action] = views
    three["Unlabeled/S4"] = {"Box 1 chunk0": np.zeros((2, 15, 3), np.float32)}
    np.savez_compressed(folder / "data_3d_humaneva15.npz", positions_3d=three)
    metadata = {
        "layout_name": "humaneva15",
        "num_joints": 15,
        "keypoints_symmetry": [[2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]],
    }
    np.savez_compressed(folder / "data_2d_humaneva15_gt.npz", positions_2d=two, metadata=metadata)
    return folder
