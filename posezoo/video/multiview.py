"""Match frames and people of several synchronised cameras: frames by number, people by reprojection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import Camera, triangulate
from posezoo.geometry.rig_fit import RigFit, fit_rig, leg_length, reprojection_share
from posezoo.poses.tracking import Track
from posezoo.skeletons import Skeleton

_SAME = 0.15  # of a person's height: further apart are different people, whatever the calibration
_FRAMES = 60  # that are compared, evenly spread


@dataclass(frozen=True)
class Observed:
    """One person as V views saw them.

    Attributes:
        keypoints: (V, T, J, 2) px; NaN where a view does not see a joint.
        confidence: (V, T, J), 0 where unknown.
        frames: (T,) numbers of the frames that two views or more have.
    """

    keypoints: Float[np.ndarray, "V T J 2"]
    confidence: Float[np.ndarray, "V T J"]
    frames: Int[np.ndarray, " T"]

    @property
    def presence(self) -> float:
        """Confidence summed over views and frames: who is seen longest and best has most."""
        return float(self.confidence.mean(-1).sum())

    @property
    def views(self) -> list[int]:
        """The views that see the person."""
        return [view for view in range(len(self.keypoints)) if np.isfinite(self.keypoints[view]).any()]

    def of(self, views: Sequence[int]) -> Observed:
        """Return what some of the views saw."""
        return Observed(self.keypoints[list(views)], self.confidence[list(views)], self.frames)

    def joined(self, view: int, track: Track) -> Float[np.ndarray, "V T J 2"]:
        """Return the keypoints with a track in place of what a view saw."""
        keypoints, rows = self.keypoints.copy(), self.frames - track.first_frame
        inside = (rows >= 0) & (rows < len(track))
        keypoints[view] = np.nan
        keypoints[view, inside] = track.keypoints[rows[inside]]
        return keypoints

    def misfit(self, cameras: Sequence[Camera]) -> float:
        """Return :func:`posezoo.geometry.rig_fit.reprojection_share` of some frames."""
        return reprojection_share(self._some(), cameras)

    def leg_mm(self, cameras: Sequence[Camera], skeleton: Skeleton) -> float:
        """Return :func:`posezoo.geometry.rig_fit.leg_length` in some frames, as the cameras triangulate them."""
        return leg_length(self.triangulated(cameras), skeleton)

    def triangulated(self, cameras: Sequence[Camera]) -> Float[np.ndarray, "S J 3"]:
        """Return the poses of some frames, mm, in the world."""
        return triangulate(self._some().double().movedim(0, 1), cameras).numpy()

    def _some(self) -> Float[Tensor, "V S J 2"]:
        """Return the keypoints of frames that are spread evenly."""
        rows = np.unique(np.linspace(0, len(self.frames) - 1, min(_FRAMES, len(self.frames))).astype(int))
        return torch.from_numpy(self.keypoints[:, rows])


def observe(tracks: Sequence[Sequence[Track]], first: Sequence[int] | None = None) -> Observed | None:
    """Combine the tracks of one person, frame by frame.

    Args:
        tracks: of each view, none or some that do not overlap.
        first: frame of the recording that each view's frame 0 is; the same in all views where not given.

    Returns:
        None where no frame has two views.
    """
    joints = next((track.keypoints.shape[1] for view in tracks for track in view), 0)
    offset = list(first or [0] * len(tracks))
    seen = [
        np.unique(np.concatenate([np.empty(0, np.int64), *(t.first_frame + begin + np.flatnonzero(t.seen) for t in own)]))
        for own, begin in zip(tracks, offset, strict=True)
    ]
    numbers, counts = np.unique(np.concatenate(seen), return_counts=True)
    frames = np.asarray(numbers[counts > 1])
    if not len(frames):
        return None
    keypoints = np.full((len(tracks), len(frames), joints, 2), np.nan, dtype=np.float32)
    confidence = np.zeros(keypoints.shape[:-1], dtype=np.float32)
    for view, own in enumerate(tracks):
        for track in own:
            rows = frames - track.first_frame - offset[view]
            inside = (rows >= 0) & (rows < len(track))
            keypoints[view, inside] = track.keypoints[rows[inside]]
            confidence[view, inside] = track.confidence[rows[inside]]
    known = np.asarray(np.isfinite(keypoints).all(-1))
    return Observed(np.where(known[..., None], keypoints, np.nan), np.where(known, confidence, 0.0), frames)


def match_people(views: Sequence[Sequence[Track]], cameras: Sequence[Camera]) -> list[Observed]:
    """Match the people of each view with those of another, by how well their keypoints triangulate.

    Views are added one by one. The tracks of the next view join the people so far by :func:`assign_tracks`. A track that
    fits nobody is a person of its own, whom later views may see.

    Args:
        views: tracks of each view.
        cameras: one a view.

    Returns:
        people whom two views or more see, who is seen longest and best first.
    """
    people: list[list[list[Track]]] = [[[track], *[[] for _ in views[1:]]] for track in views[0]]
    for view in range(1, len(views)):
        misfits = np.full((len(people), len(views[view])), np.inf)
        for number, person in enumerate(people):
            for place, track in enumerate(views[view]):
                joined = observe([*person[:view], [track], *person[view + 1 :]])
                if joined is not None:
                    misfits[number, place] = _misfit_of_seen(joined, cameras)
        overlapping = np.array([[_overlap(one, other) for other in views[view]] for one in views[view]])
        chosen = assign_tracks(misfits, overlapping.reshape(2 * misfits.shape[1:]))
        for number, place in chosen:
            people[number][view].append(views[view][place])
        taken = {place for _, place in chosen}
        for place, track in enumerate(views[view]):
            if place not in taken:
                people.append([[track] if other == view else [] for other in range(len(views))])
    found = [observed for person in people if (observed := observe(person)) is not None]
    return sorted(found, key=lambda person: -person.presence)


def assign_tracks(
    misfits: Float[np.ndarray, "P N"], overlapping: Bool[np.ndarray, "N N"], limit: float = _SAME
) -> list[tuple[int, int]]:
    """Give each track to one person or to nobody, so that all pairs together fit best.

    A person may have several tracks, as a tracker loses and finds people, but not two at one time. The choice minimises
    the sum of the misfits, where a track of nobody counts ``limit``. That is an assignment with exclusions, which
    ``scipy.optimize.linear_sum_assignment`` cannot state and ``scipy.optimize.milp`` solves exactly.

    Args:
        misfits: of each person and track; infinite where the two cannot be compared.
        overlapping: whether two tracks have a frame in common.
        limit: greatest misfit of a pair.

    Returns:
        pairs of a person and a track.
    """
    persons, tracks = np.nonzero(misfits <= limit)
    same_person, same_track = persons[:, None] == persons, tracks[:, None] == tracks
    one, other = np.nonzero(np.triu(same_track | (same_person & overlapping[tracks][:, tracks]), 1))
    if not len(one):
        return list(zip(persons.tolist(), tracks.tolist(), strict=True))
    from scipy.optimize import Bounds, LinearConstraint, milp  # a third of a second

    excluded = np.zeros((len(one), len(persons)))
    excluded[np.arange(len(one)), one] = excluded[np.arange(len(one)), other] = 1
    # Beyond the limit by no more than rounding: a pair at the limit is better than none.
    gain = misfits[persons, tracks] - limit * (1 + 1e-6)
    solved = milp(gain, integrality=np.ones(len(gain)), bounds=Bounds(0, 1), constraints=LinearConstraint(excluded, ub=1))
    return [(int(persons[pair]), int(tracks[pair])) for pair in np.flatnonzero(solved.x > 0.5)]


def _overlap(one: Track, other: Track) -> bool:
    first, last = max(one.first_frame, other.first_frame), min(one.first_frame + len(one), other.first_frame + len(other))
    return first < last


def _misfit_of_seen(person: Observed, cameras: Sequence[Camera]) -> float:
    """Return the misfit of a person in the cameras of the views that see them."""
    try:
        return person.of(person.views).misfit([cameras[view] for view in person.views])
    except InputError:
        return float("inf")


def people_and_rig(
    views: Sequence[Sequence[Track]], cameras: Sequence[Camera], as_given: bool = False
) -> tuple[list[Observed], RigFit]:
    """Match people across views, with the cameras in the order and the convention that fits.

    Args:
        views: tracks of each view, who is seen longest and best first.
        cameras: as a file has them.
        as_given: whether no other order or convention is tried, as where the keypoints themselves are wrong.

    Returns:
        the people, and what was found out about the cameras. Where nothing fits, people are matched by their rank in each
        view, so that the error can be measured and said.

    Raises:
        InputError: a view in which nobody is found, or views without a common frame.
    """
    if any(not view for view in views):
        empty = next(number for number, view in enumerate(views) if not view)
        raise InputError(f"nobody is found in view {empty + 1}.")
    ranked = observe([[view[0]] for view in views])
    if ranked is None:
        raise InputError(
            "no frame is seen by two views: "
            + ", ".join(f"view {n + 1} has frames {v[0].first_frame} on" for n, v in enumerate(views))
        )

    def misfit(given: Sequence[Camera]) -> float:
        matched = match_people(views, given)
        seen_by_all = [p for p in matched if len(p.views) == len(views)]
        return min((_misfit_of_seen(p, given) for p in seen_by_all), default=ranked.misfit(given))

    fit = fit_rig(cameras, misfit, as_given)
    people = match_people(views, fit.cameras)
    whole = [person for person in people if len(person.views) == len(views)]
    return (people if whole or (len(views) > 2 and people) else [ranked]), fit
