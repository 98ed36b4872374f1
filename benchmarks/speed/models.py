"""Measure networks against their matrix products, ``predict`` against the network, Lightning against a bare loop."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
import warnings
from typing import Any

import torch

import posezoo
from posezoo.data.procedural import procedural_dataset
from speed.ratios import Ratio, fastest


def svma_forward(batch: int = 4096) -> list[Ratio]:
    """Time lifting of normalised keypoints by the shipped svma against one matrix product of as many operations."""
    model: Any = posezoo.load("svma")
    keypoints = model.normalize(torch.rand(batch, 17, 2) * 1000)
    width, layers = model.hp.width, 2 * 3  # one shared block and two of the pose branch, two layers each
    operations = 2 * batch * (2 * 17 * width + layers * width * width + width * 17)
    columns = operations // (2 * batch * width)
    left, right, product = torch.randn(batch, width), torch.randn(width, width), torch.empty(batch, width)

    def multiply() -> None:
        """Multiply matrices of the network's own size, as many columns as the operations fill, allocating nothing."""
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
    """Time cvugcn of the published size: a pair of views with triangulation; a batch against its matrix products."""
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
        """Note the products of a graph convolution: one for each kind of neighbour."""
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


def predict_one(repeats: int = 20) -> list[Ratio]:
    """Time ``predict`` of a single pose, checks and result object included, against bare calls of the generator.

    One call lifts what ``predict`` lifts, pose and mirror image, and averages the two; the other lifts the pose alone.
    """
    model: Any = posezoo.load("svma")
    # A person as people send them: random joints would be warned of at every call.
    pose = procedural_dataset("test", actions=["walk"], frames_per_clip=1, views=(0,)).keypoints_2d[0]
    tensor, generator = model.normalize(torch.from_numpy(pose)[None]), model.average.module

    def averaged() -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                model.with_mirror_image(generator.lift, tensor)

    def alone() -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                generator.lift(tensor)

    def predict() -> None:
        for _ in range(repeats):
            model.predict(pose)

    # Weights of 7 MB come from a cache that other processes share: many short turns find a quiet one.
    seconds = fastest({"predict": predict, "averaged": averaged, "alone": alone}, rounds=70)

    def ratio(name: str, contestant: str, goal: float | None) -> Ratio:
        return Ratio(
            name=f"predict of one pose, over {name}",
            value=seconds["predict"] / seconds[contestant],
            goal=goal,
            at_least=False,
            detail=f"{1e6 * seconds['predict'] / repeats:.0f} against {1e6 * seconds[contestant] / repeats:.0f} us",
        )

    return [
        ratio("a bare network call of pose and mirror image", "averaged", 1.15),
        ratio("a bare network call of the pose alone", "alone", None),
    ]


def training_step(batch: int = 1024, steps: int = 8) -> list[Ratio]:
    """Compare steps of svma through Lightning's Trainer, logging included, against a bare loop of the same step."""
    import pytorch_lightning as pl

    from posezoo.data import load_dataset
    from posezoo.geometry import mirror_half
    from posezoo.papers.svma import SVMA, SVMADataModule, losses

    people = load_dataset("procedural", split="train")
    settings: dict[str, Any] = {"width": 256, "critic_width": 256, "dropout": 0.0, "flip": True, "pitch": 0.22}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter

    class Clock(pl.Callback):
        """Measures the time of whole steps: from the end of the first to the end of the last."""

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
