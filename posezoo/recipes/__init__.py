"""The recipes that ship with PoseZoo, as YAML; read them with :func:`posezoo.training.read_recipe`."""
