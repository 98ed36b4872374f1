"""Test the metric classes: equal to their functions for any split of the data, over actions, processes and pickling."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torchmetrics import MetricCollection

from posezoo import metrics
from posezoo.errors import InputError, UnknownNameError
from posezoo.metrics import AUC3D, MPJPE, MPJVE, NMPJPE, PCK3D, PMPJPE, PCKh, SymmetryError
from posezoo.skeletons import Skeleton, get_skeleton
from tests.metrics.harness import ACTIONS, CASES, IDS, Case, figures, one_of_two_processes, update, with_joints

COUNT = 37


def expected_figures(case: Case, codes: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the figures from one array of values, by loops over actions and joints."""
    values = case.functional(*case.data(COUNT), reduction="none", **case.options).double()
    rows = [values[codes == code].flatten(0, -2) for code in range(len(ACTIONS))]
    joints = values.flatten(0, -2)
    names = with_joints(case).columns or ()
    actions = {f"action {name}": row.mean() for name, row in zip(ACTIONS, rows, strict=True)}
    return {
        "compute": values.mean(),
        "mean_over_frames": values.mean(),
        "mean_over_actions": torch.stack(list(actions.values())).nanmean(),
        "table": torch.stack([row.mean(0) for row in rows]),
        **actions,
        **{f"joint {name}": joints[:, column].mean() for column, name in enumerate(names)},
    }


def assert_figures(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-6, atol=1e-6, equal_nan=True, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("sizes", [[37], [1] * 37, [5, 30, 2], [0, 36, 0, 1]], ids=str)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_equals_the_function_at_any_batch_split(case: Case, sizes: list[int]) -> None:
    arrays, codes = case.data(COUNT), torch.arange(COUNT) % 7 // 3  # Actions of 3, 3 and 1 in 7.
    metric, start = with_joints(case), 0
    for size in sizes:
        update(metric, arrays, slice(start, start + size), codes)
        start += size
    assert_figures(figures(metric), expected_figures(case, codes))
    pooled = case.metric()
    update(pooled, arrays, slice(None))
    torch.testing.assert_close(pooled.compute(), metric.mean_over_frames(), rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_two_processes_with_unequal_batches(tmp_path: Path) -> None:
    splits = [[(0, 3), (3, 21)], [(21, 37)]]
    torch.multiprocessing.spawn(one_of_two_processes, (str(tmp_path), splits, COUNT), nprocs=2)
    ranks = [torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1)]
    for case, first, second in zip(CASES, *ranks, strict=True):
        assert_figures(first, expected_figures(case, torch.arange(COUNT) % 2))
        assert_figures(second, first)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_pickle_reset_forward_and_clone(case: Case) -> None:
    arrays, codes = case.data(COUNT), torch.arange(COUNT) % 2
    metric = with_joints(case)
    update(metric, arrays, slice(0, 20), codes)
    copies = [pickle.loads(pickle.dumps(metric)), metric.clone()]
    for copy in (metric, *copies):
        update(copy, arrays, slice(20, None), codes)
        assert_figures(figures(copy), expected_figures(case, codes))
    metric.reset()
    assert metric.count.sum() == 0
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        assert metric.compute().isnan()
    metric.reset()
    for start, stop in ((0, 30), (30, 37)):
        batch = [part[start:stop] for part in arrays]
        value = metric(*batch, action=codes[start:stop])
        torch.testing.assert_close(value, case.functional(*batch, **case.options).double(), rtol=1e-6, atol=1e-6)
    assert_figures(figures(metric), expected_figures(case, codes))


def test_mean_over_actions_is_not_mean_over_frames() -> None:
    target = torch.zeros(10, 17, 3)
    pred = target.clone()
    pred[:9, :, 0], pred[9, :, 0] = 10.0, 110.0
    codes = torch.tensor([0] * 9 + [2])
    metric = MPJPE(actions=ACTIONS)
    metric.update(pred, target, codes)
    assert metric.mean_over_frames().item() == metric.compute().item() == 20.0
    assert metric.mean_over_actions().item() == 60.0  # The action that was not seen does not count.
    assert [value.item() for value in metric.per_action().values()] == pytest.approx(
        [10.0, float("nan"), 110.0], nan_ok=True
    )
    by_action = MPJPE(actions=ACTIONS, average="actions")
    for code in (0, 2):
        by_action.update(pred[codes == code], target[codes == code], code)
    assert by_action.compute().item() == 60.0


def test_masks_count_joints_by_their_frames() -> None:
    pred, target = torch.randn(6, 17, 3), torch.randn(6, 17, 3)
    mask = torch.rand(6, 17) < 0.5
    mask[:, 4], mask[:, 5] = True, False
    metric = MPJPE(skeleton="h36m17")
    for rows in (slice(0, 2), slice(2, 6)):
        metric.update(pred[rows], target[rows], mask=mask[rows])
    values = (pred - target).norm(dim=-1).double()
    torch.testing.assert_close(metric.compute(), values[mask].mean())
    per_joint = metric.per_joint()
    torch.testing.assert_close(per_joint["left_hip"], values[:, 4].mean())
    assert per_joint["left_knee"].isnan()
    assert list(per_joint) == list(get_skeleton("h36m17").joints)


def test_velocities_take_one_action_a_clip() -> None:
    pred, target = torch.randn(2, 3, 5, 17, 3), torch.randn(2, 3, 5, 17, 3)
    codes = torch.tensor([[0, 1, 1], [1, 0, 2]])
    metric = MPJVE(actions=ACTIONS, fps=50)
    metric.update(pred, target, codes)
    expected = (pred.diff(dim=2) - target.diff(dim=2)).norm(dim=-1).double() * 50
    for code, value in enumerate(metric.per_action().values()):
        torch.testing.assert_close(value, expected[codes == code].mean())
    with pytest.raises(InputError, match="one a clip"):
        metric.update(pred, target, torch.zeros(2, 3, 5, dtype=torch.int64))


def test_a_collection_keeps_its_metrics_apart() -> None:
    # The first batch is hopeless at both thresholds: equal states, which torchmetrics would merge for good.
    collection = MetricCollection({"near": PCK3D(threshold=50), "far": PCK3D(threshold=150), "sym": SymmetryError()})
    target = torch.zeros(4, 17, 3)
    collection.update(target + 1000, target)
    collection.update(target + 50, target)
    result = collection.compute()
    assert result["near"].item() == 0.0
    assert result["far"].item() == 0.5
    assert result["sym"].item() == 0.0


def test_states_are_exact_sums() -> None:
    metric = MPJPE()
    assert metric.total.dtype == metric.count.dtype == torch.float64
    target = torch.zeros(1, 17, 3)
    along_x = torch.tensor([1.0, 0.0, 0.0])
    metric.update(target + 2**26 * along_x, target)
    for _ in range(100):
        metric.update(target + 2**-10 * along_x, target)
    assert metric.total.item() == 17 * (2**26 + 100 * 2**-10)
    assert metric.count.item() == 17 * 101


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (None, "give update the code of each pose"),
        (torch.tensor([0, 1, 3, 0]), r"codes 0\.\.3; expected 0\.\.2"),
        (torch.tensor([0, -1, 0, 0]), r"codes -1\.\.0"),
        (torch.zeros(4), "expected integer codes"),
        (torch.zeros(3, dtype=torch.int64), r"action has shape \(3,\); expected one code a pose, \(4,\)"),
    ],
)
def test_bad_actions(action: torch.Tensor | None, message: str) -> None:
    metric = MPJPE(actions=ACTIONS)
    with pytest.raises(InputError, match=message):
        metric.update(torch.zeros(4, 17, 3), torch.zeros(4, 17, 3), action)
    assert metric.count.sum() == 0


def test_bad_construction_and_use() -> None:
    pose = torch.zeros(4, 17, 3)
    with pytest.raises(InputError, match="expected 'frames' or 'actions'"):
        MPJPE(average="joints")
    with pytest.raises(InputError, match="construct the metric with actions="):
        PMPJPE(average="actions")
    with pytest.raises(UnknownNameError, match="h36m17"):
        NMPJPE(skeleton="h36m")
    with pytest.raises(InputError, match="left and right bones"):
        SymmetryError(skeleton=Skeleton("stick", ("a", "b"), (-1, 0)))
    metric = AUC3D()
    with pytest.raises(InputError, match=r"construct it with the names, actions="):
        metric.update(pose, pose, torch.zeros(4, dtype=torch.int64))
    metric.update(pose, pose)
    metric.update(pose[:, :14], pose[:, :14])  # Pooled joints may differ in number.
    assert metric.compute().item() == pytest.approx(30 / 31)
    with pytest.raises(InputError, match="construct it with their layout"):
        metric.per_joint()
    with pytest.raises(InputError, match="construct it with their names"):
        metric.per_action()
    with pytest.raises(InputError, match=r"14 joints.*PMPJPE.*17 of h36m17"):
        PMPJPE(skeleton="h36m17").update(pose[:, :14], pose[:, :14])
    with pytest.raises(InputError, match="NaN"):
        PCKh().update(pose[..., :2] * float("nan"), pose[..., :2], 1.0)


def test_public_names() -> None:
    for name in ("MPJPE", "PMPJPE", "NMPJPE", "MPJVE", "PCK3D", "AUC3D", "PCKh", "SymmetryError", "functional"):
        assert name in dir(metrics)
        assert hasattr(metrics, name)
    with pytest.raises(AttributeError, match="no attribute 'MPJPEE'"):
        _ = metrics.MPJPEE
    assert PCK3D().higher_is_better
    assert not PMPJPE().higher_is_better


@pytest.mark.parametrize("actions", [["Walk", "Sit", "Walk"], "Walking"])
def test_actions_are_names_each_once(actions: object) -> None:
    with pytest.raises(InputError, match="each once"):
        MPJPE(actions=actions, average="actions")
