"""Train the adapter of Sec. 3.6, which corrects 2D poses of another domain to the semantics of the target domain."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.networks import PoseCritic
from posezoo.papers.geoselfsup import losses
from posezoo.papers.geoselfsup.networks import DomainAdapter
from posezoo.terminal import progress


def train_adapter(
    source: Float[Tensor, "S J 2"],
    target: Float[Tensor, "T J 2"],
    steps: int = 1000,
    width: int = 1024,
    weight: float = 1.0,
    penalty: float = 0.0,
    batch_size: int = 8192,
    learning_rate: float = 2e-4,
    saturating: bool = True,
    seed: int = 0,
) -> DomainAdapter:
    """Train the adapter C against the domain discriminator D_D, Eq. 7, on poses without correspondences.

    Args:
        source, target: root at the origin, joints at a mean distance of 1.
        steps, learning_rate: of both networks (not given).
        batch_size: of both; 8192 is that of all training in the paper.
        width: of both (not given; Martinez et al.'s, whose architecture they follow).
        weight: lambda of ||C(x_s)||^2 over the number of joints (not given). From MPII to OpenMocap 1 brings the hips' width
            from 0.36 to 0.30 of the torso (the target's is 0.27); with 100 nothing is corrected.
        penalty: of the R1 gradient penalty on the discriminator (not in the paper).
        saturating: the adapter's loss as Eq. 7 prints it, log(1 - D); off, -log D in its place.
        seed: same seed, same adapter; the global generators are left as they were.

    Returns:
        the adapter in eval mode.
    """
    joints = source.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapter, critic = DomainAdapter(joints, width, 1.0), PoseCritic(joints, width, 1.0, blocks=3)
        optimizers = [torch.optim.Adam(net.parameters(), lr=learning_rate, betas=(0.5, 0.999)) for net in (adapter, critic)]
        for _ in progress(range(steps), "adapting 2D poses"):
            from_source = source[torch.randint(len(source), (batch_size,))]
            real = target[torch.randint(len(target), (batch_size,))]
            correction = adapter.correction(from_source)
            adapted = from_source + correction
            loss = losses.adversarial(critic(adapted), saturating) + weight * losses.correction_size(correction) / joints
            optimizers[0].zero_grad()
            loss.backward()
            optimizers[0].step()
            judged = losses.discriminator(critic(real), critic(adapted.detach()))
            if penalty:
                judged = judged + penalty * losses.gradient_penalty(critic, real)
            optimizers[1].zero_grad()
            judged.backward()
            optimizers[1].step()
    return adapter.eval()
