"""Reproduce a row, a table or every table of the papers, on their data or on data that anyone may download.

    python benchmarks/reproduce.py --list
    python benchmarks/reproduce.py svma/table4 --data openmocap --data-dir data/ --seeds 3
    python benchmarks/reproduce.py svma/table4 --row ours --budget smoke --data procedural
    python benchmarks/reproduce.py --all --dry-run --data openmocap --data-dir data/
    python benchmarks/reproduce.py svma/table4 --data openmocap --format latex > table4.tex
    python benchmarks/reproduce.py svma/table4 --data openmocap --data-dir data/ --seeds 3 --status   # in another terminal

A finished row is never run again. After a call was killed, the same call resumes its runs. Results, and a report in
Markdown and HTML, lie under ``benchmarks/results/<table>/<data>/``. ``--collect`` moves the files of rows into two,
``cells.csv`` and ``runs.jsonl``. Each table is a file of ``benchmarks/tables``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reproduction.archive import CELLS, MEASUREMENTS
from reproduction.datasets import measurable
from reproduction.launching import Launcher
from reproduction.listing import print_list, print_plan
from reproduction.local import LocalLauncher
from reproduction.measured import gather
from reproduction.printing import FORMATS, printed
from reproduction.results import collect_rows
from reproduction.runs import BUDGETS, RECIPES, RESULTS, Bench
from reproduction.session import Session
from reproduction.slurm import SlurmLauncher
from reproduction.status import print_status
from reproduction.tables import TABLES, list_tables, read_table

from posezoo.cli.output import guarded
from posezoo.errors import InputError, UnknownNameError


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    top.add_argument("tables", nargs="*", metavar="TABLE", help="<paper>/<table>, see --list")
    top.add_argument("--all", action="store_true", help="every table")
    top.add_argument("--list", action="store_true", help="which tables there are")
    top.add_argument("--row", action="append", metavar="ROW", help="this row alone; may be repeated")
    top.add_argument("--data", default="openmocap", help=f"measure on {', '.join(measurable())} (default openmocap)")
    top.add_argument("--data-dir", type=Path, default=Path(), help="folder of the datasets' files (default: here)")
    top.add_argument("--seeds", type=int, default=1, help="how many seeds of every row (default 1)")
    top.add_argument("--seed", type=int, default=0, help="the first of them (default 0)")
    top.add_argument("--budget", default="cpu", choices=BUDGETS, help="how long and how large (default cpu)")
    top.add_argument("--dry-run", action="store_true", help="say what would run, how long and with how much disk")
    top.add_argument("--status", action="store_true", help="say how far the rows are that another call works on")
    top.add_argument(
        "--format", choices=FORMATS, help="print the tables from the results that are there, the best of each group in bold"
    )
    top.add_argument("--report-only", action="store_true", help="write the reports from the results that are there")
    top.add_argument(
        "--collect", action="store_true", help="fold finished rows into cells.csv and runs.jsonl of the results"
    )
    top.add_argument("--again", action="store_true", help="measure finished rows again")
    top.add_argument("--results", type=Path, default=RESULTS, help="folder of results and checkpoints")
    top.add_argument("--tables", dest="table_folder", type=Path, default=TABLES, help="folder of tables of your own")
    top.add_argument("--recipes", type=Path, default=RECIPES, help="folder of recipes of your own")
    running = top.add_argument_group("where it runs")
    running.add_argument("--devices", type=int, default=1, help="train each row on so many GPUs, or CPU processes, by DDP")
    running.add_argument("--jobs", type=int, default=1, help="rows side by side, each with devices or cores of its own")
    running.add_argument("--accelerator", default="auto", choices=("auto", "cpu", "gpu"))
    running.add_argument(
        "--logger", default="csv", choices=("csv", "wandb"), help="of the trainings; wandb: a table is a group"
    )
    running.add_argument("--launcher", default="local", choices=("local", "slurm"))
    running.add_argument("--partition", help="of Slurm")
    running.add_argument("--time", type=int, default=240, metavar="MINUTES", help="of each Slurm job (default 240)")
    running.add_argument("--cores", type=int, default=1, help="CPU cores of a Slurm job, for each device")
    running.add_argument(
        "--retries", type=int, default=3, help="how often a run that was killed is started again under Slurm"
    )
    running.add_argument("--slurm", action="append", default=[], metavar="KEY=VALUE", help="any other option of sbatch")
    return top


def gpu_count(accelerator: str) -> int:
    """Return how many GPUs runs may use here."""
    if accelerator == "cpu":
        return 0
    import torch

    count = torch.cuda.device_count()
    if accelerator == "gpu" and not count:
        raise InputError("--accelerator gpu, but this machine has no GPU.")
    return count


def launcher(options: argparse.Namespace, results: Path) -> Launcher:
    """Return the launcher that the options name."""
    if options.launcher == "slurm":
        pairs = [text.partition("=") for text in options.slurm]
        if any(not key or not value for key, _, value in pairs):
            raise InputError("--slurm takes KEY=VALUE, such as --slurm account=lab.")
        return SlurmLauncher(
            devices=options.devices,
            interval=2.0,
            retries=options.retries,
            logs=results / ".runs" / "slurm",
            partition=options.partition,
            minutes=options.time,
            gpus=options.accelerator == "gpu",
            cores=options.cores,
            options={key: value for key, _, value in pairs},
        )
    return LocalLauncher(devices=options.devices, jobs=options.jobs, gpus=gpu_count(options.accelerator))


def check(options: argparse.Namespace) -> None:
    """Refuse contradicting options before anything is read or written."""
    if min(options.devices, options.jobs, options.seeds, options.time, options.cores) < 1 or options.retries < 0:
        raise InputError("--devices, --jobs, --seeds, --time and --cores are 1 or more, --retries 0 or more.")
    if options.data not in measurable():
        raise UnknownNameError.of("dataset", options.data, measurable())
    for option, folder in (("--tables", options.table_folder), ("--recipes", options.recipes)):
        if not folder.is_dir():
            raise InputError(f"{option} {folder} is no folder.")
    if options.results.exists() and not options.results.is_dir():
        raise InputError(f"--results {options.results} is no folder.")
    if not options.data_dir.is_dir():
        raise InputError(f"--data-dir {options.data_dir} is no folder.")
    known = list_tables(options.table_folder)
    if options.all and options.tables:
        raise InputError("name tables or give --all, not both.")
    if options.collect and (options.all or options.tables or options.list):
        raise InputError("--collect is of all results; name no table.")
    if not (options.all or options.tables or options.list or options.collect):
        raise InputError(f"name the tables, or --all; there are {', '.join(known)}.")
    if options.slurm and options.launcher != "slurm":
        raise InputError("--slurm is of --launcher slurm.")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed}; expected 0 or more.")
    reading = [name for name in ("report_only", "format", "status", "dry_run") if getattr(options, name)]
    if options.again and reading and reading != ["dry_run"]:
        raise InputError(f"--again measures anew, --{reading[0].replace('_', '-')} measures nothing; give one of them.")
    if options.row and (options.all or len(options.tables) != 1):
        raise InputError("--row needs exactly one table.")


def run(options: argparse.Namespace) -> int:
    """Do what the options say; return the exit code, 1 where a row failed."""
    check(options)
    if options.collect:
        results = options.results.resolve()
        print(f"{collect_rows(results)} rows -> {results / CELLS} and {MEASUREMENTS}")
        return 0
    every = options.all or (options.list and not options.tables)
    names = list(list_tables(options.table_folder)) if every else list(dict.fromkeys(options.tables))
    tables = [read_table(name, options.table_folder) for name in names]
    bench = Bench(
        options.data,
        options.data_dir.resolve(),
        options.budget,
        options.results.resolve(),
        options.recipes,
        not options.dry_run,
        options.table_folder,
    )
    session = Session(tables, bench, options.devices, options.accelerator, options.logger)
    if options.list:
        print_list(session)
        return 0
    if options.format:
        print("\n".join(printed(gather(table, bench), options.format) for table in tables), end="")
        return 0
    if options.report_only:
        session.report()
        return 0
    session.plan(range(options.seed, options.seed + options.seeds), options.row, options.again)
    if options.status:
        print_status(session)
        return 0
    if options.dry_run:
        print_plan(session)
        return 0
    failed = session.run(launcher(options, bench.results))
    session.report()
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; an error that a user can mend is printed as one sentence, with exit code 2."""
    options = parser().parse_args(arguments)
    return guarded("reproduce.py", lambda: run(options), "interrupted; call it again to go on")


if __name__ == "__main__":
    sys.exit(main())
