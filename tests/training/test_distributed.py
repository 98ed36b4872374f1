"""Test two processes on the CPU (gloo): the same draws, batch statistics and weights, and every sample scored once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import posezoo
from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.distributed import draw, of_first, roll, total
from posezoo.lifting import LiftingModule
from posezoo.networks import BatchNorm1d, BatchNorm2d, Dropout, synchronise_batch_norm
from posezoo.networks.shared import _Normalize

TINY = {"svma.cmu": ["--model.width", "16", "--model.critic_width", "16", "--model.dropout", "0.3"],
        # In doubles: triangulation's rounding changes the sixth digit of a gradient, and Adam makes a step of it.
        "cvugcn.cmu": ["--trainer.precision", "64-true", "--model.width", "8", "--data.keypoints", "gt",
                       "--data.noise_px", "10"],
        "geoselfsup.cmu": ["--model.width", "16", "--model.critic_width", "16"],
        # In doubles: the rounding of sums decides for hundreds of pixels in a batch on which side of a ReLU they fall.
        "georep.cmu": ["--trainer.precision", "64-true", "--data.keypoints", "gt", "--data.detector_errors", "false",
                       "--model.width", "4", "--model.representation_steps", "3", "--model.label_steps", "3",
                       "--model.label_batch_size", "64"],
        "martinez.cmu": ["--model.width", "16"]}  # fmt: skip


def run(recipe: str, out: str, devices: int, batch: int, *more: str) -> Path:
    """Train by the command, two devices in processes of their own: Lightning starts the second from the command line."""
    arguments = [
        "train", recipe, "--out", out, "--steps", "6", *TINY[recipe],
        "--data.dataset", "procedural", "--data.path", "null", "--data.batch_size", str(batch),
        "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.devices", str(devices), *more,
    ]  # fmt: skip
    if devices == 1:
        assert main(arguments) == 0
        return Path(out) / f"{recipe}.safetensors"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(posezoo.__file__).parents[1])}
    command = [sys.executable, "-m", "tests.training.brief", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return Path(out) / f"{recipe}.safetensors"


def lift_by_batch_statistics(model, keypoints: torch.Tensor) -> torch.Tensor:
    """Return poses by the batch norms of training, because after six steps the running means lag behind."""
    for module in model.modules():
        if isinstance(module, BatchNorm1d):
            module.train()
    lifted = model.lift(keypoints).detach()
    model.eval()
    return lifted


def assert_same_training(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """Compare weights up to rounding."""
    # A bias before a batch norm has no gradient but rounding, and Adam makes whole steps of its sign.
    idle = {name for name in first if name.endswith("linear.bias") and name.replace("linear.bias", "norm.bias") in first}
    follow = {name.replace("linear.bias", "norm.running_mean") for name in idle}
    for name in first:
        if name not in idle | follow:
            torch.testing.assert_close(
                first[name], second[name], rtol=1e-4, atol=1e-5, msg=lambda text, n=name: f"{n}: {text}"
            )


def by_halves(layer: BatchNorm1d, features: torch.Tensor) -> torch.Tensor:
    """Normalise the rows of either of two processes by themselves; the first's count for the running moments."""
    if not layer.training:
        return torch.nn.BatchNorm1d.forward(layer, features)
    halves = [
        torch.nn.BatchNorm1d.forward(layer, features[::2]),
        torch.nn.functional.batch_norm(features[1::2], None, None, layer.weight, layer.bias, True, eps=layer.eps),
    ]
    return torch.stack(halves, 1).flatten(0, 1)


@pytest.mark.slow
def test_batch_norms_that_do_not_synchronise_take_the_rows_of_each_process(tmp_path, monkeypatch, brief_people):
    monkeypatch.chdir(tmp_path)
    two = posezoo.load(run("svma.cmu", "two", 2, 32, "--trainer.sync_batchnorm", "false")).weights()
    together = posezoo.load(run("svma.cmu", "together", 1, 64)).weights()
    monkeypatch.setattr(BatchNorm1d, "forward", by_halves)
    assert_same_training(posezoo.load(run("svma.cmu", "one", 1, 64)).weights(), two)
    with pytest.raises(AssertionError):
        assert_same_training(together, two)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", TINY)
def test_two_processes_train_to_the_weights_of_one_and_score_every_sample_once(recipe, tmp_path, monkeypatch, brief_people):
    monkeypatch.chdir(tmp_path)
    one, two = posezoo.load(run(recipe, "one", 1, 64)), posezoo.load(run(recipe, "two", 2, 32))
    assert_same_training(one.weights(), two.weights())
    poses = load_dataset("procedural", split="test")
    reported = json.loads(Path("two/metrics.json").read_text())["metrics"]["test/p_mpjpe"]
    lifter = isinstance(two, LiftingModule)
    assert reported == pytest.approx(two.evaluate(poses, **({} if lifter else {"noise_px": 10.0}))["p_mpjpe"], rel=1e-5)
    if not lifter:
        return
    lifted = [lift_by_batch_statistics(model, torch.from_numpy(poses.keypoints_2d[::5])) for model in (one, two)]
    torch.testing.assert_close(lifted[0], lifted[1], rtol=1e-4, atol=1e-4 * float(lifted[0].abs().max()))


def process(rank: int, world: int, folder: str) -> None:
    """Compute the results of one process of the group and write them to a file."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    torch.manual_seed(5)
    batch = torch.load(f"{folder}/batch.pt")[rank::world].requires_grad_()
    layer = BatchNorm1d(3)
    weights = torch.load(f"{folder}/weights.pt")[rank::world]
    outputs = layer(batch)
    (outputs * weights).sum().backward()
    pixels = torch.load(f"{folder}/pixels.pt")[rank::world].requires_grad_()
    half = BatchNorm1d(3)(batch.detach().bfloat16())
    own = torch.nn.Sequential(BatchNorm1d(3))
    synchronise_batch_norm(own, False)
    images = BatchNorm2d(3)
    painted = images(pixels)
    (painted * pixels.detach().roll(1, 2)).sum().backward()
    dropout = Dropout(0.4)(torch.ones(len(batch), 3))
    torch.save(
        {
            "outputs": outputs.detach(),
            "half": half.detach(),
            "own": own(batch.detach()),
            "own_mean": own[0].running_mean,
            "gradient": batch.grad,
            "weight_gradient": layer.weight.grad,
            "bias_gradient": layer.bias.grad,
            "mean": layer.running_mean,
            "var": layer.running_var,
            "drawn": draw(torch.randn, len(batch), 2),
            "rolled": roll(batch.detach()),
            "total": total(torch.tensor(float(rank + 1))),
            "clock": torch.tensor(of_first(0.25 + rank)),
            "dropout": dropout,
            "painted": painted.detach(),
            "pixel_gradient": pixels.grad,
            "pixel_mean": images.running_mean,
            "pixel_var": images.running_var,
        },
        f"{folder}/{rank}.pt",
    )
    dist.destroy_process_group()


def test_draws_batch_norm_and_dropout_are_those_of_the_global_batch(tmp_path):
    world, size = 3, 12
    batch, weights = 4 * torch.randn(size, 3) + 2, torch.randn(size, 3)
    torch.save(batch, tmp_path / "batch.pt")
    torch.save(weights, tmp_path / "weights.pt")
    pixels = 3 * torch.randn(size, 3, 4, 5) - 1
    torch.save(pixels, tmp_path / "pixels.pt")
    mp.start_processes(process, args=(world, str(tmp_path)), nprocs=world, start_method="fork")
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(world)]

    def whole(name: str) -> torch.Tensor:
        return torch.stack([part[name] for part in parts], 1).flatten(0, 1)

    reference, leaf = torch.nn.BatchNorm1d(3), batch.clone().requires_grad_()
    outputs = reference(leaf)
    (outputs * weights).sum().backward()
    images, seen = torch.nn.BatchNorm2d(3), pixels.clone().requires_grad_()
    painted = images(seen)
    (painted * pixels.roll(1, 2)).sum().backward()
    torch.testing.assert_close(whole("painted"), painted.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(whole("pixel_gradient"), seen.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole("outputs"), outputs.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(whole("gradient"), leaf.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(whole("half"), torch.nn.BatchNorm1d(3)(batch.bfloat16()).detach())
    # DDP sums the gradients of parameters over the processes (and divides by their number).
    torch.testing.assert_close(sum(part["weight_gradient"] for part in parts), reference.weight.grad, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(sum(part["bias_gradient"] for part in parts), reference.bias.grad, rtol=1e-5, atol=1e-5)
    for rank, part in enumerate(parts):
        alone = torch.nn.BatchNorm1d(3)
        torch.testing.assert_close(part["own"], alone(batch[rank::world]))
        torch.testing.assert_close(part["own_mean"], alone.running_mean)
        torch.testing.assert_close(part["mean"], reference.running_mean)
        torch.testing.assert_close(part["var"], reference.running_var)
        torch.testing.assert_close(part["pixel_mean"], images.running_mean)
        torch.testing.assert_close(part["pixel_var"], images.running_var)
        assert part["total"] == 6
        assert part["clock"] == 0.25  # the first process's
    assert torch.equal(whole("rolled"), batch.roll(1, 0))
    torch.manual_seed(5)
    mask = Dropout(0.4)(torch.ones(size, 3))
    assert torch.equal(whole("dropout"), mask)
    assert torch.equal(whole("drawn"), torch.randn(size, 2))


def test_one_process_is_plain_torch():
    batch = torch.randn(6, 3)
    own, plain = BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    assert torch.equal(own(batch), plain(batch))
    assert torch.equal(own.running_var, plain.running_var)
    assert torch.equal(roll(batch), batch.roll(1, 0))
    assert total(batch) is batch


def test_gradients_of_the_shared_batch_norm_agree_with_finite_differences():
    features = torch.randn(5, 3, 2, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.rand(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda *given: _Normalize.apply(*given, 1e-5)[0], (features, weight, bias))


def test_the_shared_batch_norm_takes_features_of_16_bits():
    features, gradient = 3 * torch.randn(2, 64, 3) + 2
    gradients = []
    for layer in (torch.nn.BatchNorm1d(3), lambda given: _Normalize.apply(given, torch.ones(3), torch.zeros(3), 1e-5)[0]):
        leaf = features.bfloat16().requires_grad_()
        outputs = layer(leaf)
        outputs.backward(gradient.bfloat16())
        gradients.append(leaf.grad)
        assert outputs.dtype == leaf.grad.dtype == torch.bfloat16
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 1.0])
def test_dropout_drops_with_its_probability_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    features = torch.ones(2000, 101, requires_grad=True)
    outputs = Dropout(probability)(features)
    outputs.sum().backward()
    assert torch.equal(features.grad, outputs)
    dropped = (outputs == 0).float()
    assert dropped.mean().item() == pytest.approx(probability, abs=0.005)
    for share in (dropped.mean(0), dropped.mean(1)):  # of each feature, of each sample
        assert (share - probability).abs().max() < 0.3
    if probability < 1:
        assert outputs.max().item() == pytest.approx(1 / (1 - probability), rel=1e-4)
    assert torch.equal(Dropout(probability).eval()(features), features)
