"""Pictures of people of capsules, in a studio and in the wild, rendered as they are asked for."""

from posezoo.data.pictures.rendered.dataset import rendered_people

__all__ = ["rendered_people"]
