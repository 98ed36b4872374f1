"""Predict metric poses from a user's synchronised keypoints."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry import Camera
from posezoo.geometry.rig_fit import GOOD, leg_length, likely_unit
from posezoo.geometry.view_faults import NOTICEABLE
from posezoo.geometry.view_sides import BENDS_BACKWARDS, faults_of_sides, likely_faults, sentence_of_sides, sides_of_body
from posezoo.lifting.base import outside_inference
from posezoo.lifting.inputs import as_array, check_batch_size, check_convertible
from posezoo.lifting.suspicions import ENOUGH, of_view, of_views
from posezoo.papers.cvugcn.observations import Views, measure, triangulate_views
from posezoo.papers.cvugcn.refinement import Refinement
from posezoo.papers.cvugcn.rig import Rig
from posezoo.poses.checks import check_confidence
from posezoo.poses.missing import missing_joints
from posezoo.poses.multiview import MultiViewPrediction
from posezoo.skeletons import Skeleton, convert, get_skeleton

_FRACTION = 1.5
"""The largest coordinate of keypoints that are fractions of a picture; some lie beside it."""
_DEFINED = 0.5
"""Least share of the joints seen by two views that must lie before the cameras; on real pairs nearly all do."""
_LEG_MM = (400.0, 1300.0)
_UNITS_MM = {"micrometres": 0.001, "cm": 10.0, "inches": 25.4, "feet": 304.8, "m": 1000.0}
_POSSIBLE_MM = (130.0, 4000.0)
"""Length of a leg, thigh and shin: the usual 400 to 1300 mm, and a factor of about three, half of a wrong unit's ten."""


@torch.inference_mode()
def predict_views(
    model: Refinement,
    keypoints: object,
    cameras: object,
    skeleton: str | Skeleton | None,
    confidence: object,
    batch_size: int,
    max_reprojection_px: float | str | None,
    undistort: bool,
    frames: object,
) -> MultiViewPrediction[Tensor]:
    """See :meth:`posezoo.lifting.MultiViewModule.predict_views`."""
    check_batch_size(batch_size)
    source = model.skeleton if skeleton is None else get_skeleton(skeleton)
    values, weights = _checked(keypoints, confidence, source)
    placed = _checked_cameras(cameras, len(values))
    values, weights = _found(values, weights, source)
    check_pixels(values, placed)
    limit = _checked_limit(max_reprojection_px)
    follows = _checked_frames(frames, values.shape[1])
    converted = convert(values, source, model.skeleton, weights)
    check_convertible(source, converted.missing)
    pixels = torch.from_numpy(np.ascontiguousarray(converted.keypoints, dtype=np.float32))
    trust = None if converted.confidence is None else torch.from_numpy(np.asarray(converted.confidence, np.float32))
    if trust is not None:
        pixels = torch.where(trust[..., None] > 0, pixels, torch.nan)
    if undistort:  # in float64, which the model's device may lack
        views = zip(placed, pixels, strict=True)
        pixels = torch.stack([camera.undistort(view.double()) for camera, view in views]).float()
    pixels, trust = pixels.to(model.device), None if trust is None else trust.to(model.device)
    given = Views(pixels.movedim(0, 1), None if trust is None else trust.movedim(0, 1), placed)
    solve = _together if model.hp.any_views else _pair_by_pair
    world, camera, coarse = solve(model, given, limit, follows, batch_size)
    found = measure(world, given, limit)
    _check_legs(leg_length(coarse.cpu().numpy(), model.skeleton))
    error_px = measure(coarse, given, limit).reprojection_px
    _check_defined(given, error_px, limit, values)
    share = _shares(given.pixels, error_px)
    fit = bool(share.nanmedian() <= GOOD)
    odd = of_views([of_view(view, source, model.skeleton) for view in values], fit)
    for view, sentence in odd:
        warnings.warn(f"view {view + 1}: {sentence}", category=PoseZooWarning, stacklevel=5)
    if not odd and not _warn_of_sides(values, source, placed, share, coarse.cpu().numpy(), model.skeleton, undistort):
        _warn_of_misfit(share)
    return MultiViewPrediction(
        world_mm=outside_inference(world),
        camera_mm=outside_inference(camera),
        triangulated_mm=outside_inference(coarse),
        skeleton=model.skeleton,
        undefined=int(torch.isnan(world).any(-1).sum()),
        reprojection_px=found.reprojection_px,
        views_used=found.used,
        model=model.zoo_name,
        approximated=converted.approximated,
    )


def check_pixels(keypoints: np.ndarray, cameras: Sequence[Camera]) -> None:
    """Refuse keypoints (V, T, J, 2) that no calibrated cameras see.

    Raises:
        InputError: fractions of pictures in place of pixels, or two views that hold the same keypoints.
    """
    known = np.isfinite(keypoints).all(-1)
    if not known.any():
        return
    if np.abs(keypoints[known]).max() <= _FRACTION and min(float(camera.K[0, 0]) for camera in cameras) > 10 * _FRACTION:
        raise InputError(
            "all keypoints lie within 0..1, as fractions of the picture do; these cameras see pixels: multiply x by the "
            "picture's width and y by its height."
        )
    for one, other in itertools.combinations(range(len(keypoints)), 2):
        if known[one].any() and np.array_equal(keypoints[one], keypoints[other], equal_nan=True):
            raise InputError(
                f"views {one + 1} and {other + 1} hold the same keypoints, to the last digit; expected each camera's own."
            )


def _check_legs(leg_mm: float) -> None:
    """Refuse what was triangulated where its legs are of nobody; warn where they are of few people.

    The network may bring bodies of another scale to a human size, so that nobody would see that the scale is wrong.

    Raises:
        InputError: a leg below 130 or above 4000 mm, as a calibration in another unit gives.
    """
    if likely_unit(leg_mm) is None:
        return
    found = f"legs are {leg_mm:.3g} mm long with these cameras; expected {_LEG_MM[0]:g} to {_LEG_MM[1]:g} mm"
    if not _POSSIBLE_MM[0] <= leg_mm <= _POSSIBLE_MM[1]:
        raise InputError(f"{found}: multiply the cameras' t by {_to_mm(leg_mm)}.")
    warnings.warn(f"{found}; check the scale of the calibration.", category=PoseZooWarning, stacklevel=6)


def _to_mm(leg_mm: float) -> str:
    """Return by what to multiply a calibration that makes legs so long, as a sentence ends."""
    units = [(size, unit) for unit, size in _UNITS_MM.items() if _LEG_MM[0] <= leg_mm * size <= _LEG_MM[1]]
    if not units:
        return f"about {math.prod(_LEG_MM) ** 0.5 / max(leg_mm, 1e-9):.2g}, to bring them to mm"
    # A small leg in centimetres may be a long one in inches.
    return ", or ".join(f"{size:g}, to bring them from {unit} to mm" for size, unit in units)


def _check_defined(given: Views, error_px: Tensor, limit: float | str | None, values: np.ndarray) -> None:
    """Refuse views of which most joints have no point; warn where no joint is seen by two.

    Args:
        given: what was seen.
        error_px: (V, T, J) of what was triangulated.
        limit: as in :func:`triangulate_views`.
        values: (V, T, J, 2) keypoints as they came, px.

    Raises:
        InputError: of most joints that views see together, no point is before the cameras, or none is within the limit; or
            keypoints lie where no camera sees.
    """
    seen = torch.isfinite(given.pixels).all(-1).movedim(1, 0)
    together = seen & (seen.sum(0) > 1)
    if not bool(together.any()):
        known = np.isfinite(values).all(-1)
        if bool((known.sum(0) > 1).any()):
            low, high = values[known].min(0), values[known].max(0)
            raise InputError(
                f"keypoints lie at x {low[0]:.0f} to {high[0]:.0f} and y {low[1]:.0f} to {high[1]:.0f} px, where these "
                "cameras see nothing; expected pixels of the pictures that the cameras were calibrated with."
            )
        warnings.warn("no joint is seen by two views: all poses are NaN.", category=PoseZooWarning, stacklevel=6)
        return
    defined = float((torch.isfinite(error_px) & seen)[together].float().mean())
    if defined >= _DEFINED:
        return
    if isinstance(limit, float):
        free = measure(triangulate_views(given, None), given, None).reprojection_px
        usual = free[together & torch.isfinite(free)]
        if len(usual) >= _DEFINED * int(together.sum()):
            raise InputError(
                f"max_reprojection_px={limit:g} leaves {defined:.0%} of the joints: the views are off by "
                f"{float(usual.median()):.3g} px at the median; give a greater one, or auto."
            )
    raise InputError(
        f"{'no' if not defined else f'{defined:.0%} of the'} joint{'s' if defined else ''} that two views see "
        f"lie{'' if defined else 's'} before both cameras; check that keypoints and cameras are in one order, that R, t "
        "are world-to-camera (t is -R @ centre, not the centre), and that x points right, y down and z forward: "
        "OpenGL's, Blender's and NeRF's cameras have y and z the other way."
    )


def _shares(pixels: Tensor, error_px: Tensor) -> Tensor:
    """Return reprojection errors (V, T, J) of keypoints (T, V, J, 2) as shares of the person's height, each view's median.

    It is NaN of a view that sees nothing.
    """
    rows = torch.where(torch.isfinite(pixels).all(-1), pixels[..., 1], torch.nan).movedim(1, 0)
    height = rows.nan_to_num(nan=-torch.inf).amax(-1) - rows.nan_to_num(nan=torch.inf).amin(-1)
    return error_px / height.clamp_min(1.0)[..., None]


def _warn_of_misfit(share: Tensor) -> None:
    """Warn where what was triangulated is far from the keypoints: the cameras are of other views."""
    usual = float(share.nanmedian())
    if usual > GOOD:
        warnings.warn(
            f"the views do not fit the cameras: half of the joints are off by more than {usual:.1%} of the person's height; "
            "check that keypoints and cameras are in one order, and that R, t are world-to-camera.",
            category=PoseZooWarning,
            stacklevel=6,
        )


def _warn_of_sides(
    values: np.ndarray,
    source: Skeleton,
    cameras: Sequence[Camera],
    share: Tensor,
    world: np.ndarray,
    skeleton: Skeleton,
    undistort: bool,
) -> bool:
    """Warn of views that are mirrored or whose sides are exchanged; return whether some are.

    Mirror images are tried only where a view is off by more than good detectors are: it takes a tenth of a second.

    Args:
        values: (V, T, J, 2) px.
        source: their layout.
        cameras: one a view.
        share: (V, T, J) reprojection errors in shares of the person's height.
        world: (T, J, 3) what was triangulated.
        skeleton: its layout.
        undistort: whether the cameras' distortion is in the keypoints.
    """
    if values.shape[1] < ENOUGH:  # of few frames nothing tells it from noise
        return False
    off = share.flatten(1).nanmedian(1).values
    if float(off.nan_to_num(nan=0.0).max()) > NOTICEABLE:
        plain = [camera if undistort else replace(camera, distortion=None) for camera in cameras]
        widths = [float(c.image_size[0]) if c.image_size else 2 * float(c.K[0, 2]) for c in cameras]
        exact = values.astype(np.float64)
        faults = likely_faults(faults_of_sides(exact, plain, source.mirror, widths), exact, plain, source, widths)
        if faults and faults[0].sure:
            names = [f"view {number}" for number in range(1, len(cameras) + 1)]
            sentence = sentence_of_sides(faults, names).replace("that file", "it").replace("those files", "them")
            warnings.warn(
                f"{sentence[:-1]} (posezoo.geometry.view_sides.faults_of_sides finds it).",
                category=PoseZooWarning,
                stacklevel=6,
            )
            return True
    # Cameras in the wrong order mirror the world too.
    if float(share.nanmedian()) <= GOOD and sides_of_body(world, skeleton) < 0:
        warnings.warn(BENDS_BACKWARDS, category=PoseZooWarning, stacklevel=6)
        return True
    return False


def _together(
    model: Refinement, views: Views, limit: float | str | None, follows: Tensor | None, batch_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Refine all views at once; return poses (T, J, 3) in the world, (V, T, J, 3) in the cameras, and triangulated."""
    rig = Rig.of_cameras(views.cameras, model.device)
    coarse = triangulate_views(views, limit)
    if not model.hp.refinement or not bool(torch.isfinite(coarse).any()):
        return coarse, rig.to_cameras(coarse).movedim(1, 0), coarse
    # Bone lengths and the clip's noise are measured on frames in which a person was found.
    known = torch.isfinite(coarse).all(-1).any(-1)
    numbers = torch.arange(len(coarse), device=coarse.device) if follows is None else follows.to(coarse.device)
    refined = coarse.clone()
    filled = model.fill(coarse[known])[None]
    step = max(1, batch_size)
    _, pose = model.refine_clips(filled, views.pixels[known][None], rig, numbers[known], batch_size=step)
    refined[known] = rig.to_world(pose[0]).mean(1)
    refined = torch.where(torch.isfinite(coarse) & torch.isfinite(refined), refined, coarse)
    return refined, rig.to_cameras(refined).movedim(1, 0), coarse


def _pair_by_pair(
    model: Refinement, views: Views, limit: float | str | None, follows: Tensor | None, batch_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Refine each pair of views alone, for models of two views, and average the results."""
    del follows
    count = len(views.cameras)
    refined: list[list[Tensor]] = [[] for _ in range(count)]
    coarse = []
    for pair in itertools.combinations(range(count), 2):
        rig = Rig.of_cameras([views.cameras[view] for view in pair], model.device)
        frames = views.pixels[:, list(pair)]
        weight = None if views.trust is None else views.trust[:, list(pair)]
        parts = []
        for start in range(0, len(frames), batch_size):
            rows = slice(start, start + batch_size)
            given = model.coarse(frames[rows], rig, None if weight is None else weight[rows])
            pose = torch.where(torch.isnan(given), torch.nan, model.refine(model.fill(given), frames[rows], rig))
            parts.append((pose, rig.to_world(given)[:, 0]))
        pose = torch.cat([part for part, _ in parts])
        coarse.append(torch.cat([part for _, part in parts]))
        for place, view in enumerate(pair):
            refined[view].append(rig.to_world(pose)[:, place])
    # A joint that only one pair of views sees is that pair's alone.
    world = torch.stack([view for views in refined for view in views]).nanmean(0)
    camera = torch.stack(
        [c.world_to_camera(torch.stack(poses).nanmean(0)) for c, poses in zip(views.cameras, refined, strict=True)]
    )
    return world, camera, torch.stack(coarse).nanmean(0) if limit is None or count < 3 else triangulate_views(views, limit)


def _checked_limit(limit: float | str | None) -> float | str | None:
    if limit is None or limit == "auto":
        return limit
    if not isinstance(limit, (int, float)) or isinstance(limit, bool) or not 0 < limit < float("inf"):
        raise InputError(f"max_reprojection_px is {limit!r}; expected 'auto', a distance in px above 0, or None.")
    return float(limit)


def _checked_frames(frames: object, count: int) -> Tensor | None:
    if frames is None:
        return None
    numbers = np.asarray(frames)
    if numbers.shape != (count,) or not np.issubdtype(numbers.dtype, np.integer):
        raise InputError(f"frames has shape {numbers.shape} and type {numbers.dtype}; expected {count} whole numbers.")
    return torch.from_numpy(numbers.astype(np.int64))


def _checked(keypoints: object, confidence: object, source: Skeleton) -> tuple[np.ndarray, np.ndarray | None]:
    """Return keypoints (V, T, J, 2) and confidence (V, T, J) in float32."""
    values = as_array(keypoints, "keypoints")
    weights = None if confidence is None else as_array(confidence, "confidence")
    if values.ndim != 4 or values.shape[2:] != (len(source), 2):
        raise InputError(
            f"keypoints have shape {values.shape}; expected (V, T, {len(source)}, 2) for {source.name}: views, frames, "
            "joints, pixels."
        )
    if np.isinf(values).any():
        raise InputError("keypoints hold infinite values; expected pixels, NaN where a joint was not seen.")
    if not values.shape[1]:
        raise InputError("keypoints hold no frame.")
    if weights is not None and weights.shape != values.shape[:-1]:
        raise InputError(f"confidence has shape {weights.shape}; expected {values.shape[:-1]}, one value a joint.")
    check_confidence(weights)
    return values, weights


def _found(values: np.ndarray, weights: np.ndarray | None, source: Skeleton) -> tuple[np.ndarray, np.ndarray | None]:
    """Return keypoints, NaN where a view did not find a joint, and confidences, 1 in views whose own say nothing.

    Both are read as in files, view by view: placeholders are missing, and confidences that are all 0 carry nothing.
    """
    unknown = np.stack(
        [missing_joints(view, source, None if weights is None else weights[number]) for number, view in enumerate(values)]
    )
    if weights is not None:
        silent = np.asarray(~(weights > 0).any((1, 2)))
        if silent.all():
            weights = None
        else:
            weights = np.where(unknown, np.float32(0), np.where(silent[:, None, None], np.float32(1), weights))
    return np.where(unknown[..., None], np.float32(np.nan), values), weights


def _checked_cameras(cameras: object, views: int) -> list[Camera]:
    """Return a camera for each view."""
    if not isinstance(cameras, Iterable):
        raise InputError("cameras is no list of cameras; expected one posezoo.geometry.Camera for each view.")
    given = list(cameras)
    if not all(isinstance(camera, Camera) for camera in given):
        raise InputError("cameras holds something else than posezoo.geometry.Camera; see posezoo.data.read_cameras.")
    if views != len(given) or views < 2:
        raise InputError(
            f"keypoints of {views} views and {len(given)} cameras; expected two or more, as many of the one as of the other."
        )
    for (number, one), (place, other) in itertools.combinations(enumerate(given, 1), 2):
        here, there = one.center.double(), other.center.to(one.center.device).double()
        if float((here - there).norm()) <= 1e-6 * float(here.norm() + there.norm()):
            raise InputError(f"cameras {number} and {place} stand in one place; from there nothing can be triangulated.")
    return given
