"""MPI-INF-3DHP's poses."""

from posezoo.data.mpi_inf_3dhp.dataset import load_mpi_inf_3dhp, prepare_mpi_inf_3dhp
from posezoo.data.mpi_inf_3dhp.facts import SCENES

__all__ = ["SCENES", "load_mpi_inf_3dhp", "prepare_mpi_inf_3dhp"]
