"""Say what does not fit among the views and cameras that ``posezoo predict`` is given, and how well the result fits."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from posezoo.errors import InputError, PoseZooWarning

if TYPE_CHECKING:
    from posezoo.geometry import Camera
    from posezoo.geometry.rig_fit import RigFit
    from posezoo.geometry.view_faults import ViewFault
    from posezoo.poses.multiview import MultiViewPrediction
    from posezoo.poses.tracking import Track
    from posezoo.skeletons import Skeleton
    from posezoo.video.multiview import Observed


@dataclass(frozen=True)
class Seen:
    """What several cameras saw.

    Attributes:
        people: all whom two views or more see.
        person: the one that is asked for.
        fit: the cameras, one a view.
        names: of the views.
        sizes: (width, height) of each view's pictures, where they are known.
        tracks: of each view, who is seen longest and best first.
        skeleton: the keypoints' layout.
    """

    people: Sequence[Observed]
    person: Observed
    fit: RigFit
    names: Sequence[str]
    sizes: Sequence[tuple[int, int] | None]
    tracks: Sequence[Sequence[Track]]
    skeleton: Skeleton

    @property
    def part(self) -> tuple[list[int], Observed, list[Camera], list[float]]:
        """The views that see the person, what they saw, their cameras and the widths of their pictures."""
        views, widths = self.person.views, self.widths
        cameras = [self.fit.cameras[view] for view in views]
        return views, self.person.of(views), cameras, [widths[view] for view in views]

    @property
    def widths(self) -> list[float]:
        """The width of each view's pictures; where nobody says it, the camera's axis is taken for their middle."""
        sizes = [own or camera.image_size for own, camera in zip(self.sizes, self.fit.cameras, strict=True)]
        middles = [2 * float(camera.K[0, 2]) for camera in self.fit.cameras]
        return [float(size[0]) if size else middle for size, middle in zip(sizes, middles, strict=True)]


def say_left_out(seen: Seen) -> None:
    """Warn of each view that fits nobody, and say what would make it fit."""
    from posezoo.geometry.view_faults import fault_of_view

    used = {view for person in seen.people for view in person.views}
    for view in sorted(set(range(len(seen.names))) - used):
        joined = seen.person.joined(view, seen.tracks[view][0])
        views = [*seen.person.views, view]
        fault = fault_of_view(
            joined[views],
            [seen.fit.cameras[number] for number in views],
            len(views) - 1,
            seen.skeleton.mirror,
            [seen.widths[number] for number in views],
        )
        why = "check that it is of this recording, and of this camera" if fault is None else f"it would fit {_mended(fault)}"
        warnings.warn(
            f"{seen.names[view]} fits nobody whom the other views see, and is left out; {why}.",
            category=PoseZooWarning,
            stacklevel=2,
        )


def refuse_mirrored(seen: Seen) -> None:
    """Refuse views of which one is mirrored, or has left and right exchanged; warn where all have.

    Raises:
        InputError: a view's mirror image fits the others, and the view does not.
    """
    import torch

    from posezoo.geometry.rig_fit import fitting_factor
    from posezoo.geometry.view_faults import fault_of_sides, sides_of_body

    views, person, cameras, widths = seen.part
    if not np.isfinite(person.misfit(cameras)):  # most joints have no point: the model refuses them
        return
    fault = fault_of_sides(person.keypoints, cameras, seen.skeleton.mirror, widths)
    if fault is not None and not fitting_factor(torch.from_numpy(person.keypoints), cameras):
        name, which = seen.names[views[fault.view]], "the other views"
        if fault.kind == "exchanged" and len(views) == 2:  # of two views either may be wrong
            name, which = f"{seen.names[views[0]]} or {seen.names[views[1]]}", "the other"
        raise InputError(
            f"{name} fits {which} only {_mended(fault)}: {fault.error:.1%} of the person's height off instead of "
            f"{_share(fault.given_error)}; mend that file."
        )
    if sides_of_body(person.triangulated(cameras), seen.skeleton) < 0:
        warnings.warn(
            "knees bend backwards and the nose is behind the neck: left and right are exchanged in all views, or the views "
            "and cameras are mirrored; see which joints the keypoints call left.",
            category=PoseZooWarning,
            stacklevel=2,
        )


def say_time(seen: Seen, fps: float | None) -> bool:
    """Warn of a view that is early or late, or of half the rate; return whether one is."""
    from posezoo.geometry.view_faults import fault_of_time

    views, person, cameras, _ = seen.part
    fault = fault_of_time(person.keypoints, cameras, person.frames, _halves([seen.tracks[view] for view in views]))
    if fault is None:
        return False
    name, frames = seen.names[views[fault.view]], abs(int(fault.amount))
    if fault.kind == "slow":
        found = f"{name} seems to have half of the other views' frame rate: its frame n fits their frame {frames} n"
    else:
        lag = f"{frames} frames{f' ({frames / fps:.2f} s)' if fps else ''}"
        found = f"{name} seems to be {lag} {'late' if fault.amount > 0 else 'early'}: its frame n fits the others' frame n "
        found += f"{'+' if fault.amount > 0 else '-'} {frames}"
    warnings.warn(
        f"{found}, {fault.error:.1%} of the person's height off instead of {_share(fault.given_error)}; the poses are wrong "
        "where the person moves: bring the files to one rate and one beginning, or let them say frame numbers or times.",
        category=PoseZooWarning,
        stacklevel=2,
    )
    return True


def _halves(tracks: Sequence[Sequence[Track]]) -> list[int]:
    """Return views that have about half as many frames as the longest, from the same frame on."""
    ends = [max(track.first_frame + len(track) for track in view) for view in tracks]
    starts = [min(track.first_frame for track in view) for view in tracks]
    counts = [end - start for end, start in zip(ends, starts, strict=True)]
    return [
        view for view, count in enumerate(counts) if abs(2 * count - max(counts)) <= 2 and starts[view] <= min(starts) + 1
    ]


def say_worst(seen: Seen, result: MultiViewPrediction) -> None:
    """Warn where one of three or more views is much further off than the others."""
    from posezoo.geometry.view_faults import MUCH_WORSE, NOTICEABLE

    views = seen.person.views
    if len(views) < 3:
        return
    known = np.where(np.isfinite(seen.person.keypoints), seen.person.keypoints, np.nan)[..., 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of frames that a view lacks
        height = np.nanmedian(np.nanmax(known, -1) - np.nanmin(known, -1), axis=-1)
        error = np.nanmedian(np.asarray(result.reprojection_px), axis=(1, 2))
    share = (error / height)[views]
    worst = int(np.nanargmax(share))
    others = float(np.nanmedian(np.delete(share, worst)))
    if share[worst] > max(NOTICEABLE, MUCH_WORSE * others):
        warnings.warn(
            f"{seen.names[views[worst]]} is off by {error[views[worst]]:.1f} px at the median, {share[worst]:.1%} of the "
            f"person's height, and the other views by {others:.1%}; check its calibration, its size and its frames.",
            category=PoseZooWarning,
            stacklevel=2,
        )


def _mended(fault: ViewFault) -> str:
    """Return what must be done to a view, in words."""
    if fault.kind == "scaled":
        return f"multiplied by {fault.amount:.3g}: its keypoints are of pictures of another size than the calibration"
    return {
        "mirrored": "with its picture mirrored (x from the right edge)",
        "exchanged": "with left and right exchanged",
        "mirrored and exchanged": "with its picture mirrored (ffmpeg -vf hflip) and left and right exchanged",
    }[fault.kind]


def say_fit(seen: Seen) -> None:
    """Say what was changed, and warn where views and cameras do not fit each other."""
    fit = seen.fit
    if fit.changed:
        warnings.warn(
            f"the cameras fit what was seen only if {fit.changed}: {fit.error:.1%} of the person's height off instead of "
            f"{_share(fit.given_error)}; mend the calibration or the order of the files.",
            category=PoseZooWarning,
            stacklevel=2,
        )
    for camera, size, name in zip(fit.cameras, seen.sizes, seen.names, strict=True):
        # Pose2Sim's files of Qualisys say 1087 for 1088.
        if camera.image_size and size and np.abs(np.subtract(camera.image_size, size)).max() > 1:
            given, own = ("x".join(map(str, one)) for one in (camera.image_size, size))
            warnings.warn(
                f"{name} is calibrated for {given} px and its keypoints are of {own}.",
                category=PoseZooWarning,
                stacklevel=2,
            )
    _say_misfit(seen)


def _share(error: float) -> str:
    """Return an error in shares of the person's height, in words."""
    return f"{error:.1%}" if np.isfinite(error) else "behind the cameras"


def _say_misfit(seen: Seen) -> None:
    """Warn where half of the joints are far from the poses, and say what would bring them near."""
    import torch

    from posezoo.geometry.rig_fit import GOOD, fitting_factor
    from posezoo.geometry.view_faults import fault_of_view

    views, person, cameras, widths = seen.part
    error = person.misfit(cameras)
    if error <= GOOD or not np.isfinite(error):
        return
    factor = fitting_factor(torch.from_numpy(person.keypoints), cameras)
    faults = [fault_of_view(person.keypoints, cameras, view, seen.skeleton.mirror, widths) for view in range(len(views))]
    found = min((fault for fault in faults if fault), key=lambda fault: fault.error, default=None)
    if factor:
        advice = (
            f"multiplied by {factor:.3g} the keypoints would fit: they are of pictures of another size than the calibration"
        )
    elif found:
        advice = f"{seen.names[views[found.view]]} would fit {_mended(found)}"
    else:
        advice = "check that the files are of these cameras, of one recording, and in their order"
    warnings.warn(
        f"the views do not fit the cameras: half of the joints are off by more than {error:.1%} of the person's height; "
        f"{advice}.",
        category=PoseZooWarning,
        stacklevel=2,
    )


def check_unit(leg_mm: float, options: argparse.Namespace) -> None:
    """Refuse a calibration that is read in another unit than it is written in, by the length of a person's legs."""
    from posezoo.geometry.rig_fit import likely_unit

    unit = likely_unit(leg_mm, options.camera_unit)
    if unit not in (None, "unknown"):
        raise InputError(
            f"{options.cameras} is read in {options.camera_unit}, which gives legs {leg_mm:.3g} mm long; expected 400 to "
            f"1300 mm: give --camera-unit {unit}."
        )


def agreement(result: MultiViewPrediction, names: Sequence[str]) -> str:
    """Return how far keypoints are from the poses, by view and by joint, and how many views joints were made from."""
    error, used = np.asarray(result.reprojection_px), np.asarray(result.views_used)
    if not np.isfinite(error).any():
        return "no joint was seen by two views"
    by_view = ", ".join(
        f"{name} {np.nanmedian(own):.1f}" for name, own in zip(names, error, strict=True) if np.isfinite(own).any()
    )
    by_joint = ", ".join(
        f"{joint} {np.nanmedian(error[..., number]):.1f} ({used[..., number].sum(0).mean():.1f})"
        for number, joint in enumerate(result.skeleton.joints)
        if np.isfinite(error[..., number]).any()
    )
    return (
        f"median reprojection error {np.nanmedian(error):.1f} px ({by_view})\n"
        f"by joint, px, and views it was made from on average: {by_joint}"
    )
