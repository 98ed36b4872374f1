"""Say what does not fit among the views and cameras that ``posezoo predict`` is given, and how well the result fits."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from posezoo.errors import InputError, PoseZooWarning

if TYPE_CHECKING:
    from posezoo.geometry import Camera
    from posezoo.geometry.rig_fit import RigFit
    from posezoo.geometry.view_sides import ViewFault
    from posezoo.poses.multiview import MultiViewPrediction
    from posezoo.poses.tracking import Track
    from posezoo.skeletons import Skeleton
    from posezoo.video.clips import ClipPeople
    from posezoo.video.multiview import Observed

_MOST_ALIKE = 6  # changes of the cameras that are listed


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
    def joined(self) -> Float[np.ndarray, "V T J 2"]:
        """What all views saw of the person; of one that does not see them, who is seen longest and best there."""
        whole = self.person
        for view in sorted(set(range(len(self.names))) - set(self.person.views)):
            whole = replace(whole, keypoints=whole.joined(view, self.tracks[view][0]))
        return whole.keypoints

    @property
    def widths(self) -> list[float]:
        """The width of each view's pictures; where nobody says it, the camera's axis is taken for their middle."""
        sizes = [own or camera.image_size for own, camera in zip(self.sizes, self.fit.cameras, strict=True)]
        middles = [2 * float(camera.K[0, 2]) for camera in self.fit.cameras]
        return [float(size[0]) if size else middle for size, middle in zip(sizes, middles, strict=True)]


def say_lengths(views: Sequence[ClipPeople], files: Sequence[Path]) -> None:
    """Warn where files that give their frames neither numbers nor times nor a rate are of unequal lengths."""
    unknown = [view.data.counted and not view.timed and view.times_s is None for view in views]
    counts = [int(view.data.frame.max()) + 1 for view in views]
    if not any(unknown) or len(set(counts)) == 1 or all(view.timed for view in views):
        return
    named = ", ".join(
        f"{file} {'has ' if not number else ''}{count}{' frames' if not number else ''}"
        for number, (file, count) in enumerate(zip(files, counts, strict=True))
    )
    silent = " and ".join(str(file) for file, no in zip(files, unknown, strict=True) if no)
    says = "they say" if all(unknown) else f"{silent} say{'' if sum(unknown) > 1 else 's'}"
    warnings.warn(
        f"{named}, and {says} neither numbers nor times of frames: they are taken from the first on, row by row; let all "
        "begin at one moment, or give the frames numbers (frame) or times (time_s).",
        category=PoseZooWarning,
        stacklevel=2,
    )


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
        why = "check that it is of this recording, and of this camera"
        if fault is not None:
            why = f"it would fit {_mended(fault)}, {fault.error:.1%} of the person's height off"
        warnings.warn(
            f"{seen.names[view]} fits nobody whom the other views see, and is left out; {why}.",
            category=PoseZooWarning,
            stacklevel=2,
        )


def refuse_mirrored(seen: Seen) -> None:
    """Refuse views of which some are mirrored, or have left and right exchanged; warn where all have.

    Raises:
        InputError: views' mirror images fit the others, and the views do not.
    """
    import torch

    from posezoo.geometry.rig_fit import SUSPECT, fitting_factor
    from posezoo.geometry.view_sides import (
        BENDS_BACKWARDS,
        faults_of_sides,
        likely_faults,
        sentence_of_sides,
        share_in_words,
        sides_of_body,
    )

    views, person, cameras, widths = seen.part
    error = person.misfit(cameras)
    if not np.isfinite(error):  # most joints have no point: the model refuses them
        return
    if len(views) < len(seen.names):  # two of four views that are mirrored may fit each other and nobody else
        together = faults_of_sides(seen.joined, seen.fit.cameras, seen.skeleton.mirror, seen.widths)
        if together and len(together[0].views) > 1:
            together = likely_faults(together, seen.joined, seen.fit.cameras, seen.skeleton, seen.widths)
            raise InputError(sentence_of_sides(together, seen.names))
    names = [seen.names[view] for view in views]
    # Mirrored pictures of an even rig fit in another order of the cameras too, by which bodies bend the wrong way.
    best = seen.fit.alike[0] if seen.fit.alike else seen.fit
    bends = sides_of_body(person.triangulated([best.cameras[view] for view in views]), seen.skeleton)
    if best.changed and bends < 0:
        cameras = [seen.fit.given[view] for view in views]
    elif seen.fit.alike:
        return
    faults = faults_of_sides(person.keypoints, cameras, seen.skeleton.mirror, widths)
    faults = likely_faults(faults, person.keypoints, cameras, seen.skeleton, widths)
    if faults and not fitting_factor(torch.from_numpy(person.keypoints), cameras):
        fault = faults[0]
        if fault.sure:
            order = _order_as_good(seen, fault) if len(fault.views) == len(seen.names) else ""
            raise InputError(sentence_of_sides(faults, names, order))
        warnings.warn(
            "the views disagree: half of the joints are off by more than "
            f"{share_in_words(fault.given_error)} of the person's height. {names[fault.view]} fits a little better "
            f"{_mended(fault)} ({fault.error:.1%}), but not so well that this must be it: check that the files are of one "
            "person, and their order.",
            category=PoseZooWarning,
            stacklevel=2,
        )
        return
    if bends < 0 and error <= SUSPECT:
        warnings.warn(BENDS_BACKWARDS, category=PoseZooWarning, stacklevel=2)


def _order_as_good(seen: Seen, fault: ViewFault) -> str:
    """Return the order of the cameras that fits as well as all pictures mirrored, in words; empty where none does.

    Of cameras that stand evenly, both change a view of the left into one of the right.
    """
    from posezoo.geometry.rig_fit import ALIKE, other_orders
    from posezoo.geometry.view_sides import sides_of_body

    orders = ((seen.person.misfit(fit.cameras), fit) for fit in other_orders(seen.fit.given))
    error, best = min(orders, key=lambda found: found[0], default=(float("inf"), seen.fit))
    if error > ALIKE * fault.error or sides_of_body(seen.person.triangulated(best.cameras), seen.skeleton) < 0:
        return ""
    return best.changed


def say_time(seen: Seen, fps: float | None) -> bool:
    """Warn of a view that is early or late, or of half the rate; return whether one is."""
    from posezoo.geometry.view_faults import fault_of_time
    from posezoo.geometry.view_sides import share_in_words

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
        f"{found}, {fault.error:.1%} of the person's height off instead of {share_in_words(fault.given_error)}; the poses "
        "are wrong where the person moves: bring the files to one rate and one beginning, or let them say frame numbers or "
        "times.",
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
    from posezoo.geometry.view_sides import in_words

    if fault.kind == "scaled":
        return f"multiplied by {fault.amount:.3g}: its keypoints are of pictures of another size than the calibration"
    return in_words(fault.kind)


def say_fit(seen: Seen) -> None:
    """Say what was changed, and warn where views and cameras do not fit each other."""
    from posezoo.geometry.view_sides import share_in_words

    fit = seen.fit
    if fit.changed:
        warnings.warn(
            f"the cameras fit what was seen only if {fit.changed}: {fit.error:.1%} of the person's height off instead of "
            f"{share_in_words(fit.given_error)}; mend the calibration or the order of the files.",
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


def _say_misfit(seen: Seen) -> None:
    """Warn where half of the joints are far from the poses, and say what would bring them near."""
    import torch

    from posezoo.geometry.rig_fit import FITTED, SUSPECT, fitting_factor
    from posezoo.geometry.view_faults import fault_of_view

    views, person, cameras, widths = seen.part
    error = person.misfit(cameras)
    if error <= SUSPECT or not np.isfinite(error):
        return
    if seen.fit.alike:
        listed = [fit.changed for fit in seen.fit.alike[:_MOST_ALIKE]]
        more = "; ..." if len(seen.fit.alike) > _MOST_ALIKE else ""
        warnings.warn(
            f"the views do not fit the cameras: half of the joints are off by more than {error:.1%} of the person's height. "
            "The order of the files is wrong, or the cameras' convention, and several changes fit alike, so that none is "
            "made: "
            f"{'; '.join(listed)}{more}. Name the files after their cameras, or give --views in the order of the files.",
            category=PoseZooWarning,
            stacklevel=2,
        )
        return
    factor = fitting_factor(torch.from_numpy(person.keypoints), cameras)
    faults = [fault_of_view(person.keypoints, cameras, view, seen.skeleton.mirror, widths) for view in range(len(views))]
    found = min((fault for fault in faults if fault), key=lambda fault: fault.error, default=None)
    if factor:
        advice = (
            f"multiplied by {factor:.3g} the keypoints would fit: they are of pictures of another size than the calibration"
        )
    elif found:
        advice = f"{seen.names[views[found.view]]} would fit {_mended(found)}, {found.error:.1%} off"
    else:
        advice = (
            f"views that nothing is wrong with are off by up to {FITTED:.1%}: check that the files are of these cameras, of "
            "one recording and one person, and in their order"
        )
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
