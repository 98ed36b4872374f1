"""Join the predictions of several people to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posezoo.poses.prediction import Prediction
from posezoo.poses.prediction_files import ARRAYS, LABELS


def join(results: Sequence[Prediction[np.ndarray]]) -> Prediction[np.ndarray]:
    """Return the rows of all predictions, one after the other; ``person`` and ``frame_number`` tell them apart.

    Args:
        results: of one model, from one file; at least one. A person without a name is named by the place, from 1.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> poses = np.zeros((2, 17, 3), np.float32)
        >>> first = Prediction(poses, get_skeleton("h36m17"), "mm", frame_number=np.array([0, 1]))
        >>> second = Prediction(poses[:1], get_skeleton("h36m17"), "mm", frame_number=np.array([1]))
        >>> both = join([first, second])
        >>> both.person.tolist(), both.frame_number.tolist()
        (['1', '1', '2'], [0, 1, 1])
    """
    named = [
        result if result.person is not None else replace(result, person=np.full(len(result), str(place)))
        for place, result in enumerate(results, 1)
    ]
    columns = {name: [getattr(result, name) for result in named] for name in (*ARRAYS, *LABELS)}
    if any(values is not None for values in columns["filled"]):
        columns["filled"] = [
            np.zeros(result.pose_3d.shape[:2], bool) if result.filled is None else result.filled for result in named
        ]
    joined: dict[str, Any] = {
        name: None if any(part is None for part in parts) else np.concatenate(parts) for name, parts in columns.items()
    }
    # What a person's notes say of rows is not true of the rows here, which have frame numbers.
    notes = dict.fromkeys(note for result in results for note in result.notes if "row 0" not in note)
    return replace(results[0], **joined, notes=tuple(notes))
