"""The cross-view U-shaped graph convolutional network of Hua et al. 2021, Sec. 3.2 and Fig. 3.

Features are held as (nodes, batch, channels), so that one matrix product over the whole batch gathers the neighbours of
all nodes, and one more applies the filter of each kind of neighbour.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.geometry.pieces import pieces
from posezoo.networks import BatchNorm1d
from posezoo.papers.cvugcn.graph import KINDS, BodyGraph, adjacency, for_views, pooling
from posezoo.skeletons import Skeleton

_CACHED = 2**18  # numbers that fit a processor's cache


class GraphConvolution(nn.Module):
    """Hua et al. 2021, Eq. 2: Z = sum_k A_k H W_k over kinds of neighbours, each with a filter of its own.

    Args:
        inputs, outputs: channels.
        adjacency: (K, N, N) normalised, see :func:`posezoo.papers.cvugcn.graph.adjacency`; the first is the identity.
        views: number of views that the N nodes are of. Features of another number of views are taken too.
    """

    adjacency: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Float[Tensor, "K N N"], views: int = 1) -> None:
        super().__init__()
        self.views = views
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.weight = nn.Parameter(torch.empty(len(adjacency), inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        bound = math.sqrt(6 / (len(adjacency) * inputs + outputs))
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, features: Float[Tensor, "N B C"]) -> Float[Tensor, "N B F"]:
        nodes, batch, channels = features.shape
        flat = features.reshape(nodes * batch, channels)
        result = torch.addmm(self.bias, flat, self.weight[0])
        if len(self.weight) > 1:
            own = self.adjacency.shape[-1]
            matrices = self.adjacency if nodes == own else for_views(self.adjacency, self.views, nodes * self.views // own)
            others = matrices[1:].flatten(0, 1) @ features.reshape(nodes, batch * channels)
            for gathered, weight in zip(others.view(-1, nodes * batch, channels), self.weight[1:], strict=True):
                # In place where nothing is cast, which an operation in place does not do under autocast.
                add = torch.Tensor.addmm_ if result.dtype == weight.dtype else torch.addmm
                result = add(result, gathered, weight)
        return result.view(nodes, batch, -1)

    def fused_with(self, norm: BatchNorm1d) -> GraphConvolution:
        """Return one layer that computes this one followed by a batch norm in eval mode."""
        fused = copy.deepcopy(self)
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        fused.weight = nn.Parameter(self.weight.detach() * scale.detach())
        fused.bias = nn.Parameter(((self.bias - norm.running_mean) * scale + norm.bias).detach())
        return fused


class NodeNorm(BatchNorm1d):
    """Batch norm over nodes and batch."""

    def forward(self, features: Float[Tensor, "N B C"]) -> Float[Tensor, "N B C"]:
        return super().forward(features.flatten(0, 1)).view_as(features)


def _layer(inputs: int, outputs: int, adjacency: Tensor, views: int, by_node: bool) -> nn.Sequential:
    """Return graph convolution, batch norm (or layer norm of each node) and ReLU."""
    convolution = GraphConvolution(inputs, outputs, adjacency, views)
    norm = nn.LayerNorm(outputs) if by_node else NodeNorm(outputs)
    return nn.Sequential(OrderedDict(linear=convolution, norm=norm, activation=nn.ReLU()))


class GraphUnit(nn.Module):
    """S-GCN or M-GCN, as the adjacency says: a layer to the width, then two layers with a skip connection around them.

    The paper draws the units as boxes and does not say which layers they hold.
    """

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor, views: int = 1, by_node: bool = False) -> None:
        super().__init__()
        self.door = _layer(inputs, outputs, adjacency, views, by_node) if inputs != outputs else nn.Identity()
        self.blocks = nn.Sequential(*(_layer(outputs, outputs, adjacency, views, by_node) for _ in range(2)))

    def forward(self, features: Float[Tensor, "N B C"]) -> Float[Tensor, "N B F"]:
        features = self.door(features)
        return features + self.blocks(features)


class SharedFusion(nn.Module):
    """A fusion layer for any number of views: each view's features and the mean of the other views' features.

    For two views these are the weights of the published layer tied between the views (not in the paper).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own, self.others = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        with torch.no_grad():
            self.own.weight.add_(torch.eye(width))

    def forward(self, features: Float[Tensor, "J B V C"]) -> Float[Tensor, "J B V C"]:
        views = features.shape[2]
        others = (features.sum(2, keepdim=True) - features) / max(views - 1, 1)
        return self.own(features) + self.others(others)


class CrossViewNetwork(nn.Module):
    """Map the features of every joint in every view to a shift of this joint.

    ::

        view 1 ─> S-GCN ─┐          M-GCN ───────────── skip ─────────────> M-GCN ─> shift
                         ├─ fusion ─> │ pool                      upsample ─^
        view 2 ─> S-GCN ─┘            └> M-GCN ────── skip ──────> M-GCN ───┘
                                           │ pool         upsample ─^
                                           └> M-GCN ────────────────┘

    Args:
        skeleton: J joints; any, its graph and its coarser ones are derived.
        inputs: channels of a joint.
        width: channels within.
        views: V.
        spatial: neighbours within the body; off is Table 2's "w/o spatial configuration".
        cross_view: the joint itself in the other view; off is "w/o cross-view correlation".
        fusion: S-GCN on each view, then fusion; off ("w/o fusion") the M-GCN units take the coarse poses as they are.
        any_views: fuse with :class:`SharedFusion`, so that the network takes any number of views, and normalise each node
            by itself, since batches of different numbers of views have different statistics (not in the paper).
    """

    def __init__(
        self,
        skeleton: Skeleton,
        inputs: int,
        width: int,
        views: int,
        spatial: bool,
        cross_view: bool,
        fusion: bool,
        any_views: bool = False,
    ) -> None:
        super().__init__()
        self.width, self.views, self.any_views = width, views, any_views
        within = tuple(kind for kind in KINDS[:-1] if spatial or kind == "self")
        kinds = (*within, "view") if cross_view else within
        graph = BodyGraph.of(skeleton)
        full = adjacency(graph, views, kinds)
        self.single = GraphUnit(inputs, width, adjacency(graph, 1, within), 1, any_views) if fusion else None
        self.fusion: nn.Module | None = None
        if fusion:
            self.fusion = SharedFusion(width) if any_views else nn.Linear(views * width, views * width)
        self.encoders, self.decoders = nn.ModuleList(), nn.ModuleList()
        channels, levels = (width if fusion else inputs), [full]
        for level in range(2):
            graph, clusters = graph.pool()
            down, up = pooling(clusters, views)
            self.register_buffer(f"down{level}", down, persistent=False)
            self.register_buffer(f"up{level}", up, persistent=False)
            levels.append(adjacency(graph, views, kinds))
        for matrices in levels:
            self.encoders.append(GraphUnit(channels, width, matrices, views, any_views))
            channels = width
        for matrices in levels[1::-1]:
            self.decoders.append(GraphUnit(2 * width, width, matrices, views, any_views))
        self.head = GraphConvolution(width, 3, full, views)
        with torch.no_grad():
            self.head.weight.mul_(0.1)  # start with small shifts
            if isinstance(self.fusion, nn.Linear):
                # Start from the identity of each view: validation 77.0 mm after 1,500 steps, 82.2 from mixed views.
                self.fusion.weight.add_(torch.eye(views * width))

    def forward(self, features: Float[Tensor, "B V J C"]) -> Float[Tensor, "B V J 3"]:
        if self.training or torch.is_grad_enabled() or features.device.type != "cpu":
            return self.shifts(features)
        # Piece by piece, so that features stay in the processor's cache: half of the time of a large batch.
        size = int(max(1, _CACHED // (features.shape[1] * features.shape[2] * self.width)))
        return torch.cat([self.shifts(part) for part in pieces(features, size)])

    def shifts(self, features: Float[Tensor, "B V J C"]) -> Float[Tensor, "B V J 3"]:
        """Refine all of a batch at once."""
        batch, views, joints, _ = features.shape
        if self.single is not None and self.fusion is not None:
            alone = self.single(features.permute(2, 1, 0, 3).flatten(1, 2)).view(joints, views, batch, -1)
            beside = alone.permute(0, 2, 1, 3)
            fused = self.fusion(beside if self.any_views else beside.flatten(2)).view(joints, batch, views, -1)
            nodes = fused.permute(2, 0, 1, 3).flatten(0, 1)
        else:
            nodes = features.permute(1, 2, 0, 3).flatten(0, 1)
        skips = []
        for level, encoder in enumerate(self.encoders):
            nodes = encoder(nodes)
            if level < 2:
                skips.append(nodes)
                nodes = self._gather(f"down{level}", nodes)
        for level, decoder in zip((1, 0), self.decoders, strict=True):
            nodes = decoder(torch.cat([skips[level], self._gather(f"up{level}", nodes)], -1))
        return self.head(nodes).view(views, joints, batch, 3).permute(2, 0, 1, 3)

    def _gather(self, name: str, nodes: Tensor) -> Tensor:
        matrix: Tensor = getattr(self, name)
        if len(nodes) != matrix.shape[1]:
            rows, columns = (size // self.views for size in matrix.shape)
            matrix = torch.block_diag(*[matrix[:rows, :columns]] * (len(nodes) // columns))
        return (matrix @ nodes.flatten(1)).view(len(matrix), *nodes.shape[1:])
