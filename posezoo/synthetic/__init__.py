"""Make people who were never recorded; the datasets made of them are in :mod:`posezoo.data`.

Poses: ``body`` has proportions and limits of joints, ``motions`` are walking and others, ``postures`` random angles.

Pictures, two ways: ``capsules``, ``tracing`` and ``scenes`` in NumPy need nothing else; ``bodies``, ``turning`` and
``drawing`` in torch draw the points of a parametric body's surface that ``preparing`` has reduced.
"""
