"""Speed as ratios of two contestants measured in one run, so that they hold from machine to machine.

    python benchmarks/throughput.py                     every benchmark, one thread
    python benchmarks/throughput.py p_mpjpe --threads 2
    python benchmarks/throughput.py --ddp               training on two processes against one
    python benchmarks/throughput.py --steps             step times of every recipe, into benchmarks/step_times.json

A benchmark is a function, listed in ``BENCHMARKS``, that returns its ratios. The contestants take turns and each counts by
its fastest turn: what else the machine does then hurts both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """One line of the table.

    Attributes:
        name: what is compared with what.
        value: the ratio.
        goal: the bound it should keep; None where it is only reported.
        at_least: whether the goal is a lower bound (the higher the better) or an upper one.
        detail: both sides in words and units.
    """

    name: str
    value: float
    goal: float | None
    at_least: bool
    detail: str

    @property
    def met(self) -> bool:
        if self.goal is None:
            return True
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def fastest(contestants: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, float]:
    """Seconds of the fastest turn of each contestant, after one round to warm up.

    With one thread it is the processor's time that counts: what else runs on the machine does not.
    """
    import torch

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    best = dict.fromkeys(contestants, float("inf"))
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            start = clock()
            run()
            if turn:
                best[name] = min(best[name], clock() - start)
    return best


def svd_p_mpjpe(pred: Any, target: Any) -> float:
    """P-MPJPE as the field computes it: one batched NumPy SVD, the sign of the determinant mended (poses (N, J, 3))."""
    import numpy as np

    pred_centroid, target_centroid = pred.mean(1, keepdims=True), target.mean(1, keepdims=True)
    centred_pred, centred_target = pred - pred_centroid, target - target_centroid
    pred_size = np.sqrt((centred_pred**2).sum((1, 2), keepdims=True))
    target_size = np.sqrt((centred_target**2).sum((1, 2), keepdims=True))
    covariance = np.matmul((centred_target / target_size).transpose(0, 2, 1), centred_pred / pred_size)
    left, singular, right = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(np.matmul(left, right)))
    left[:, :, 2] *= sign[:, None]
    singular[:, 2] *= sign
    rotation = np.matmul(left, right).transpose(0, 2, 1)
    scale = singular.sum(1)[:, None, None] * target_size / pred_size
    aligned = scale * np.matmul(pred, rotation) + (target_centroid - scale * np.matmul(pred_centroid, rotation))
    return float(np.linalg.norm(aligned - target, axis=-1).mean())


def p_mpjpe(poses: int = 100_000) -> list[Ratio]:
    """P-MPJPE of 17 joints in float32 against the batched NumPy SVD."""
    import numpy as np
    import torch

    from posezoo.metrics.functional import p_mpjpe as closed_form

    generator = np.random.default_rng(0)
    target = (generator.standard_normal((poses, 17, 3)) * [150, 500, 100]).astype(np.float32)
    pred = (target + generator.standard_normal(target.shape) * 50).astype(np.float32)
    tensors = torch.from_numpy(pred), torch.from_numpy(target)
    seconds = fastest({"svd": lambda: svd_p_mpjpe(pred, target), "closed form": lambda: closed_form(*tensors)})
    exact = svd_p_mpjpe(pred.astype(np.float64), target.astype(np.float64))
    return [
        Ratio(
            name="P-MPJPE throughput, over the batched NumPy SVD",
            value=seconds["svd"] / seconds["closed form"],
            goal=3.0,
            at_least=True,
            detail=f"{1e6 * seconds['closed form'] / poses:.3f} against {1e6 * seconds['svd'] / poses:.3f} us a pose; "
            f"off the float64 SVD by {abs(closed_form(*tensors).item() - exact):.0e} of {exact:.0f} mm",
        )
    ]


def triangulation(joints: int = 100_000) -> list[Ratio]:
    """Two views of joints in float64 against OpenCV's ``triangulatePoints``, each with the same number of threads."""
    import cv2
    import torch

    from posezoo.geometry import Camera, h36m_cameras, triangulate

    cv2.setNumThreads(torch.get_num_threads())
    cameras = [Camera(camera.K, camera.R, camera.t) for camera in h36m_cameras("S9")[:2]]
    generator = torch.Generator().manual_seed(0)
    world = (torch.rand(joints, 3, dtype=torch.float64, generator=generator) - 0.5) * 2000 + torch.tensor([0, 0, 1000.0])
    pixels = torch.stack([camera.project(world) for camera in cameras])
    projections = torch.stack([camera.projection for camera in cameras])
    given = [value.numpy() for value in (*projections, *(view.T.contiguous() for view in pixels))]
    seconds = fastest({"opencv": lambda: cv2.triangulatePoints(*given), "ours": lambda: triangulate(pixels, projections)})
    return [
        Ratio(
            name=f"triangulation of {joints:,} joints in two views, over OpenCV",
            value=seconds["opencv"] / seconds["ours"],
            goal=5.0,
            at_least=True,
            detail=f"{1e6 * seconds['ours'] / joints:.3f} against {1e6 * seconds['opencv'] / joints:.3f} us a joint; "
            f"off the points by {(triangulate(pixels, projections) - world).abs().max():.0e} mm",
        )
    ]


def svma_forward(batch: int = 4096) -> list[Ratio]:
    """Lifting of normalised keypoints by the shipped svma, against one matrix product of as many operations."""
    import torch

    import posezoo

    model: Any = posezoo.load("svma")
    keypoints = model.normalize(torch.rand(batch, 17, 2) * 1000)
    width, layers = model.hp.width, 2 * 3  # one shared block and two of the pose branch, two layers each
    operations = 2 * batch * (2 * 17 * width + layers * width * width + width * 17)
    columns = operations // (2 * batch * width)
    left, right, product = torch.randn(batch, width), torch.randn(width, width), torch.empty(batch, width)

    def multiply() -> None:
        """As many columns as the operations fill, in products of the network's own size, nothing allocated."""
        for _ in range(columns // width):
            torch.mm(left, right, out=product)
        torch.mm(left, right[:, : columns % width], out=product[:, : columns % width])

    with torch.inference_mode():
        network = model.for_inference(model.average.module)
        seconds = fastest({"forward": lambda: network.lift(keypoints), "product": multiply})
    return [
        Ratio(
            name=f"svma forward, batch {batch}, of the matrix product's rate",
            value=seconds["product"] / seconds["forward"],
            goal=0.8,
            at_least=True,
            detail=f"{operations / seconds['forward'] / 1e9:.0f} against {operations / seconds['product'] / 1e9:.0f} "
            f"GFLOP/s, width {width}",
        )
    ]


def refine_views(batch: int = 1000, width: int = 256) -> list[Ratio]:
    """cvugcn of the published size: one pair of views, triangulation included; a batch against its own matrix products."""
    import torch

    from posezoo.geometry import h36m_cameras
    from posezoo.papers.cvugcn import CVUGCN
    from posezoo.papers.cvugcn.networks import GraphConvolution
    from posezoo.papers.cvugcn.rig import Rig

    torch.manual_seed(0)
    model = CVUGCN(width=width, residual=True, gate_mm=2.0).eval()
    rig = Rig.of_cameras(h36m_cameras("S9")[:2])
    coarse = rig.to_cameras(torch.randn(batch, 17, 3) * 300 + torch.tensor([0.0, 0.0, 900.0]))
    keypoints = rig.project(coarse)
    products: list[tuple[Any, Any, Any]] = []

    def note(module: Any, given: Any, result: Any) -> None:
        """The products of a graph convolution: one for each kind of neighbour."""
        nodes, outputs = given[0].flatten(0, 1), torch.empty(given[0].shape[0] * given[0].shape[1], result.shape[-1])
        products.extend((nodes, weight, outputs) for weight in module.weight)

    with torch.inference_mode():
        layers = [layer for layer in model.for_inference(model.network).modules() if isinstance(layer, GraphConvolution)]
        hooks = [layer.register_forward_hook(note) for layer in layers]
        model.refine(coarse, keypoints, rig)
        for hook in hooks:
            hook.remove()

        def multiply() -> None:
            for nodes, weight, outputs in products:
                torch.mm(nodes, weight, out=outputs)

        def one() -> None:
            model.refine(model.fill(model.coarse(keypoints[:1], rig)), keypoints[:1], rig)

        seconds = fastest({"refine": lambda: model.refine(coarse, keypoints, rig), "products": multiply}, rounds=3)
        single = fastest({"one": one}, rounds=50)["one"]
    return [
        Ratio(
            name=f"cvugcn, width {width}, a batch of {batch:,} pairs, of its own matrix products' time",
            value=seconds["refine"] / seconds["products"],
            goal=1.5,
            at_least=False,
            detail=f"{1e3 * seconds['refine']:.0f} against {1e3 * seconds['products']:.0f} ms; one pair from keypoints to "
            f"poses: {1e3 * single:.1f} ms",
        )
    ]


def predict_one(repeats: int = 200) -> list[Ratio]:
    """``predict`` of a single pose, checks and result object included, against the bare call of the generator."""
    import numpy as np
    import torch

    import posezoo

    model: Any = posezoo.load("svma")
    pose = (np.random.default_rng(0).random((17, 2)) * 400 + 300).astype(np.float32)
    tensor = model.normalize(torch.from_numpy(pose)[None])

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                model.average.module.lift(tensor)

    def predict() -> None:
        for _ in range(repeats):
            model.predict(pose)

    seconds = fastest({"predict": predict, "bare": bare})
    return [
        Ratio(
            name="predict of one pose, over the bare network call",
            value=seconds["predict"] / seconds["bare"],
            goal=2.0,
            at_least=False,
            detail=f"{1e6 * seconds['predict'] / repeats:.0f} against {1e6 * seconds['bare'] / repeats:.0f} us",
        )
    ]


def training_step(batch: int = 1024, steps: int = 8) -> list[Ratio]:
    """Steps of svma through Lightning's Trainer, logging included, against a bare loop of the same step."""
    import pytorch_lightning as pl
    import torch

    from posezoo.data import load_dataset
    from posezoo.geometry import mirror_half
    from posezoo.papers.svma import SVMA, SVMADataModule, losses

    people = load_dataset("procedural", split="train")
    settings: dict[str, Any] = {"width": 256, "critic_width": 256, "dropout": 0.0, "flip": True, "pitch": 0.22}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter

    class Clock(pl.Callback):
        """Time of whole steps: from the end of the first to the end of the last."""

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, item: Any, index: int) -> None:
            self.ends = [*getattr(self, "ends", []), clock()]

    def lightning() -> float:
        watch = Clock()
        trainer = pl.Trainer(
            max_steps=2 * steps, accelerator="cpu", logger=pl.loggers.CSVLogger(tempfile.mkdtemp()), log_every_n_steps=1,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
            callbacks=[watch],
        )  # fmt: skip
        trainer.fit(SVMA(**settings), SVMADataModule({"train": people, "val": people}, batch_size=batch))
        return (watch.ends[-1] - watch.ends[0]) / (len(watch.ends) - 1)

    def bare() -> float:
        model: Any = SVMA(**settings)
        hp, critic = model.hp, model.critic
        (for_generator, for_critic), _ = model.configure_optimizers()
        weights = {"angle": hp.lambda_angle, "camera": hp.lambda_camera, "symmetry": hp.lambda_symmetry,
                   "3d": hp.lambda_3d, "svma": hp.lambda_svma, "adversarial": hp.lambda_adversarial}  # fmt: skip
        keypoints = torch.from_numpy(people.keypoints_2d)
        order, ends = torch.randperm(len(keypoints)), []
        for step in range(steps):
            real = model.normalize(keypoints[order[step * batch : (step + 1) * batch]])
            (real,) = mirror_half(real, skeleton=model.skeleton)
            critic.requires_grad_(False)
            terms, new_view = model.generator_losses(real)
            terms["adversarial"] = -critic(new_view).mean()
            for_generator.zero_grad()
            torch.stack([weights[name] * term for name, term in terms.items()]).sum().backward()
            for_generator.step()
            model.average.update_parameters(model.generator)
            critic.requires_grad_(True)
            sampled, fake = real.roll(1, 0), new_view.detach()
            loss = losses.critic_difference(critic(fake), critic(sampled))
            loss = loss + hp.lambda_penalty * losses.gradient_penalty(critic, sampled, fake, torch.rand(len(real), 1, 1))
            for_critic.zero_grad()
            loss.backward()
            for_critic.step()
            ends.append(clock())
        return (ends[-1] - ends[0]) / (len(ends) - 1)

    contestants = {"lightning": lightning, "bare": bare}
    best = dict.fromkeys(contestants, float("inf"))
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        for _ in range(4):
            for name, run in contestants.items():
                best[name] = min(best[name], run())
    return [
        Ratio(
            name=f"Lightning training step, batch {batch}, over a bare loop",
            value=best["lightning"] / best["bare"],
            goal=1.1,
            at_least=False,
            detail=f"{1e3 * best['lightning']:.0f} against {1e3 * best['bare']:.0f} ms",
        )
    ]


def skeleton_maps(batch: int = 64) -> list[Ratio]:
    """Drawing both views' maps as a share of a training step that draws them, forward and backward; georep as it ships."""
    import torch

    from posezoo.papers.georep import GeoRep
    from posezoo.training import read_recipe

    torch.manual_seed(0)
    model = GeoRep(**read_recipe("georep.cmu")[1]["model"]).train()
    assert model.generator is not None
    encoder = model.generator.encoder
    poses = torch.randn(2, batch, len(model.skeleton), 2)
    views = {"source_2d": poses[0], "target_2d": poses[1], "rotation": torch.eye(3).expand(batch, 3, 3)}

    def step() -> None:
        model.zero_grad()
        torch.stack(list(model.synthesis_losses(views).values())).sum().backward()

    seconds = fastest({"draw": lambda: [encoder.maps(keypoints) for keypoints in poses], "step": step}, rounds=3)
    return [
        Ratio(
            name=f"drawing the skeleton maps of {batch} pairs, of a training step's time",
            value=seconds["draw"] / seconds["step"],
            goal=0.15,
            at_least=False,
            detail=f"{1e3 * seconds['draw']:.0f} of {1e3 * seconds['step']:.0f} ms",
        )
    ]


def rendering(side: int = 320, count: int = 24) -> list[Ratio]:
    """Pictures of people rendered in a second; the published network's pictures, with room to shift and turn them."""
    from posezoo.data.pictures import load_pictures
    from posezoo.data.pictures.opencv import opencv

    opencv().setNumThreads(1)
    ratios = []
    for domain in ("rendered_studio", "rendered_wild"):
        people = load_pictures(domain, "test", side=side, count=count)
        seconds = fastest({"render": lambda: [people.read(row) for row in range(count)]}, rounds=3)  # noqa: B023
        ratios.append(
            Ratio(
                name=f"{domain}, {side} px, pictures a second",
                value=count / seconds["render"],
                goal=50.0,
                at_least=True,
                detail=f"{1e3 * seconds['render'] / count:.1f} ms each",
            )
        )
    return ratios


BENCHMARKS: dict[str, Callable[[], list[Ratio]]] = {
    "p_mpjpe": p_mpjpe,
    "triangulation": triangulation,
    "svma_forward": svma_forward,
    "refine_views": refine_views,
    "skeleton_maps": skeleton_maps,
    "rendering": rendering,
    "predict_one": predict_one,
    "training_step": training_step,
}


def print_table(ratios: list[Ratio], threads: int) -> None:
    """The ratios as a table on the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"PoseZoo throughput, {threads} thread{'s' * (threads > 1)}")
    for heading in ("ratio", "measured", "goal", "", "detail"):
        table.add_column(heading, justify="right" if heading in ("measured", "goal") else "left")
    for ratio in ratios:
        goal = "" if ratio.goal is None else f"{'>=' if ratio.at_least else '<='} {ratio.goal:g}"
        verdict = "" if ratio.goal is None else "met" if ratio.met else "missed"
        table.add_row(ratio.name, f"{ratio.value:.2f}", goal, verdict, ratio.detail)
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named (all by default); the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every contestant (default 1)")
    parser.add_argument("--json", type=Path, help="write the ratios here too")
    parser.add_argument("--ddp", action="store_true", help="how training scales from one process to two")
    parser.add_argument("--steps", action="store_true", help="measure the step times that estimates are made from")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    # The BLAS of NumPy reads these when it is first imported, which is why the benchmarks import what they need.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    if options.steps:
        from reproduction.step_times import measure

        print(f"step times -> {measure()}")
        return 0
    if options.ddp:
        from reproduction.scaling import scaling

        names: dict[str, Callable[[], list[Ratio]]] = {"ddp": lambda: [Ratio(**line) for line in scaling()]}
    else:
        names = {name: BENCHMARKS[name] for name in options.names or BENCHMARKS}
    ratios = [ratio for benchmark in names.values() for ratio in benchmark()]
    print_table(ratios, options.threads)
    if options.json:
        lines = {"threads": options.threads, "torch": torch.__version__, "ratios": [asdict(ratio) for ratio in ratios]}
        options.json.write_text(json.dumps(lines, indent=1) + "\n")
    return 0 if all(ratio.met for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
