"""State the facts of MPI-INF-3DHP. Mehta et al., 3DV 2017."""

from __future__ import annotations

from posezoo.skeletons import get_skeleton

SKELETON = get_skeleton("mpi3dhp17")
"""The test set's joints in their order, to which the training set is converted."""

JOINTS_OF_28 = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
"""Indices of the test set's joints among the 28 of the training annotations."""

CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
"""The cameras, of 14, at chest height or above, on which all papers train."""

TRAINING_SIZE = (2048, 2048)

FRAMES = {
    ("S1", "Seq1"): (6416, 25), ("S1", "Seq2"): (12430, 50), ("S2", "Seq1"): (6502, 25), ("S2", "Seq2"): (6081, 25),
    ("S3", "Seq1"): (12488, 50), ("S3", "Seq2"): (12283, 50), ("S4", "Seq1"): (6171, 25), ("S4", "Seq2"): (6675, 25),
    ("S5", "Seq1"): (12820, 50), ("S5", "Seq2"): (12312, 50), ("S6", "Seq1"): (6188, 25), ("S6", "Seq2"): (6145, 25),
    ("S7", "Seq1"): (6239, 25), ("S7", "Seq2"): (6320, 25), ("S8", "Seq1"): (6468, 25), ("S8", "Seq2"): (6054, 25),
}  # fmt: skip
"""Frames of each training sequence, and how many a second, as the dataset's own tools list them."""

SCENES = {"studio_gs": ("TS1", "TS2"), "studio_no_gs": ("TS3", "TS4"), "outdoor": ("TS5", "TS6")}
"""Scenes of the test set: studio with green screen, studio without, outdoors."""

TEST_FRAMES = {"TS1": 6151, "TS2": 6080, "TS3": 5838, "TS4": 6007, "TS5": 320, "TS6": 492}
TEST_VALID = 2929
"""Frames of the test set, and how many of all have annotations that count."""

TEST_SIZES = {name: (1920, 1080) if name in SCENES["outdoor"] else TRAINING_SIZE for name in TEST_FRAMES}

ACTIVITIES = ("Stand/Walk", "Exercise", "Sit on Chair", "Crouch/Reach", "On the Floor", "Sports", "Misc.")
