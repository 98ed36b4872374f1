"""Build graphs of bodies and views, Hua et al. 2021, Sec. 3.2: neighbours of five kinds, and coarser graphs of a body."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.skeletons import Skeleton

KINDS = ("self", "physical", "second_order", "symmetric", "view")


@dataclass(frozen=True)
class BodyGraph:
    """A tree of nodes, which are joints, or in a coarser graph clusters of joints.

    Attributes:
        parents: of each node, -1 for the root's.
        mirror: each node's mirror image, itself where it has none.
    """

    parents: tuple[int, ...]
    mirror: tuple[int, ...]

    @classmethod
    def of(cls, skeleton: Skeleton) -> BodyGraph:
        """Return the graph of a skeleton: its bones are the edges."""
        return cls(skeleton.parents, tuple(skeleton.mirror))

    def __len__(self) -> int:
        return len(self.parents)

    def neighbours(self, kind: str) -> Float[Tensor, "J J"]:
        """Return which nodes are neighbours of a kind within one view; kind ``view`` has none there."""
        count = len(self)
        physical = torch.zeros(count, count)
        for child, parent in enumerate(self.parents):
            if parent >= 0:
                physical[child, parent] = physical[parent, child] = 1
        if kind == "self":
            return torch.eye(count)
        if kind == "physical":
            return physical
        if kind == "second_order":
            two = (physical @ physical > 0).float()
            return two * (1 - physical) * (1 - torch.eye(count))
        if kind == "symmetric":
            return torch.eye(count)[list(self.mirror)] * (1 - torch.eye(count))
        raise ValueError(f"{kind} is no kind of neighbour within a view")

    def pool(self) -> tuple[BodyGraph, tuple[int, ...]]:
        """Return a coarser graph, in which joints are joined in pairs along each limb, from its end.

        A node joins its parent where both are on the same side of the body, so that left and right stay apart and alike.

        Returns:
            the graph, and for each node here its cluster there.
        """
        count = len(self)
        depth = [0] * count
        for node in range(count):
            ancestor = node
            while self.parents[ancestor] >= 0:
                ancestor, depth[node] = self.parents[ancestor], depth[node] + 1
        # Mirror images one after the other, so that siblings are taken in the same order on both sides.
        order = sorted(range(count), key=lambda node: (-depth[node], min(node, self.mirror[node]), node))
        partner: dict[int, int] = {}
        for node in order:
            parent = self.parents[node]
            central = [self.mirror[n] == n for n in (node, parent)]
            if node not in partner and parent >= 0 and parent not in partner and central[0] == central[1]:
                partner[node], partner[parent] = parent, node
        clusters, members = [-1] * count, []
        for node in range(count):
            if clusters[node] < 0:
                together = sorted({node, partner.get(node, node)}, key=lambda n: depth[n])
                members.append(together)
                for n in together:
                    clusters[n] = len(members) - 1
        tops = [self.parents[together[0]] for together in members]
        parents = tuple(-1 if top < 0 else clusters[top] for top in tops)
        mirror = tuple(clusters[self.mirror[together[0]]] for together in members)
        return BodyGraph(parents, mirror), tuple(clusters)


def adjacency(graph: BodyGraph, views: int, kinds: tuple[str, ...] = KINDS) -> Float[Tensor, "K N N"]:
    """Hua et al. 2021, Eq. 2: D_k^-1/2 A_k D_k^-1/2 of each kind of neighbour, for a body seen in ``views`` views.

    Args:
        graph: J nodes.
        views: V; node j of view v is row v J + j.
        kinds: of :data:`KINDS`; ``view`` joins a joint to itself in the other views.
    """
    matrices = []
    for kind in kinds:
        if kind == "view":
            matrix = torch.kron(1 - torch.eye(views), torch.eye(len(graph)))
        else:
            matrix = torch.kron(torch.eye(views), graph.neighbours(kind))
        degree = matrix.sum(1)
        scale = torch.where(degree > 0, degree.clamp_min(1).rsqrt(), 0.0)
        matrices.append(scale[:, None] * matrix * scale)
    return torch.stack(matrices)


def for_views(matrices: Float[Tensor, "K N N"], views: int, wanted: int) -> Float[Tensor, "K M M"]:
    """Return what :func:`adjacency` gives for another number of views.

    Args:
        matrices: of ``views`` views, two or more where a kind joins views.
        views: how many ``matrices`` are of.
        wanted: how many views the result is of.
    """
    nodes = matrices.shape[-1] // views
    within, across = matrices[:, :nodes, :nodes], matrices[:, :nodes, nodes : 2 * nodes] * (views - 1)
    same = torch.eye(wanted, device=matrices.device, dtype=matrices.dtype)
    result = torch.kron(same[None], within)
    return result if views < 2 else result + torch.kron((1 - same)[None] / max(wanted - 1, 1), across)


def pooling(clusters: tuple[int, ...], views: int) -> tuple[Float[Tensor, "M N"], Float[Tensor, "N M"]]:
    """Return matrices that average the nodes of each cluster and that copy a cluster's value to its nodes, view by view."""
    member = torch.nn.functional.one_hot(torch.tensor(clusters)).float()
    down = (member / member.sum(0)).T.contiguous()
    return torch.kron(torch.eye(views), down), torch.kron(torch.eye(views), member)
