"""Read published tables, one YAML file each, and check them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from posezoo.errors import CorruptFileError, UnknownNameError
from posezoo.files.reading import reading
from posezoo.files.yaml import parse_yaml

BENCHMARKS = Path(__file__).resolve().parent.parent
TABLES = BENCHMARKS / "tables"
HIGHER_IS_BETTER = ("pck", "auc")
# What posezoo.lifting.evaluate gives; a model in mm has mpjpe, pck and auc, one without a scale pck_scaled and auc_scaled.
METRICS = {
    "p_mpjpe", "n_mpjpe", "mpjpe", "p_mpjpe_mean_over_actions", "pck", "auc", "pck_scaled", "auc_scaled", "pck_aligned",
    "auc_aligned", "symmetry_error", "limb_ratios.predicted.spread", "limb_ratios.predicted.asymmetry", "keypoint_error_px",
    "p_mpjpe_triangulated", "megabytes", "mpjpe_mean_over_actions",
    *(f"pairs.P{pair}.mpjpe" for pair in range(1, 5)),
    "pckh", *(f"symmetry_{limb}_{unit}" for limb in ("upper_arm", "lower_arm", "upper_leg", "lower_leg", "limbs")
              for unit in ("mm", "px")),
}  # fmt: skip
PER_ACTION = ("per_action.", "mpjpe_per_action.")
"""Beginnings of the names of errors by action."""


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        id, title: its key in the rows, and its heading.
        metric: names of :func:`posezoo.lifting.evaluate`; a dot reaches into nested results. Of several, the first that the
            model has is measured.
        unit: of its values; mm, or % for PCK and AUC, where not given.
        papers_data_only: only the paper's data have what it measures, such as scenes.
        order_of_noise: each row adds another amount of noise to its input, so the order of the rows says nothing.
        train, test: what its cells are trained and tested on, unless a row says otherwise. ``dataset`` is the paper's
            dataset;
            the other keys are settings of the DataModule (train) and of :func:`posezoo.data.load_dataset` (test).
            ``evaluate`` in a test holds settings of the model's own ``evaluate``.
        exact_cameras: ``train`` and ``test`` settings that hold only on data whose cameras are exact, such as a calibration
            error that real data have already.
    """

    id: str
    title: str
    metric: tuple[str, ...]
    train: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, Any] = field(default_factory=dict)
    unit: str | None = None
    papers_data_only: bool = False
    order_of_noise: bool = False
    exact_cameras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.unit is None:
            object.__setattr__(self, "unit", "%" if self.higher_is_better else "mm")

    @property
    def higher_is_better(self) -> bool:
        return self.metric[0].startswith(HIGHER_IS_BETTER)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        id, title, group: its key, its name as printed, and the heading above it.
        published: value by column as printed; a number, a text that holds more than one, or None where not given.
        cited: whether the paper quotes the value from another paper; such a row cannot be reproduced here.
        added: whether the row is ours, for comparison, and not in the paper.
        recipe: a file of ``benchmarks/recipes``; None for a quoted row.
        model, train, test: switches of the model, and what differs from the columns' training and test.
        start: the same (``model``, ``train``, ``start``) for the training that the recipe starts from, where it names one.
            ``train`` there is added to that of the columns, or replaces it where it names a ``dataset``.
        cells: the same by column, ``{column: {model: .., train: .., test: ..}}``, or None for a column not measured.
        series, x: its place in a figure of curves.
        note: a remark for the report.
    """

    id: str
    title: str
    group: str = ""
    published: Mapping[str, Any] = field(default_factory=dict)
    cited: bool = False
    added: bool = False
    recipe: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, Any] = field(default_factory=dict)
    series: str = ""
    x: float | str | None = None
    note: str = ""

    def number(self, column: str) -> float | None:
        """Return the published value, where it is one number."""
        value = self.published.get(column)
        return float(value) if isinstance(value, int | float) else None

    def printed(self, column: str) -> str:
        """Return the published value as printed; a dash where there is none."""
        value = self.published.get(column)
        return "–" if value is None else str(value)

    @property
    def mark(self) -> str:
        """What the row is beside the paper's own ones: ``cited``, ``added`` or nothing."""
        return "cited" if self.cited else "added" if self.added else ""


@dataclass(frozen=True)
class Table:
    """A published table, or a figure with numbers.

    Attributes:
        id: ``<paper>/<table>``.
        title, caption, protocol: its heading, its caption as printed, and how its numbers are made.
        data: the dataset of the printed numbers.
        columns, rows: by id, in the printed order.
        stated: orders that the text states where the table gives no values: (column, better row, worse row).
        curve: the title of the x axis for a figure of curves, empty for a table.
        distribution: ``limb_ratios`` for a figure of their histograms.
        detector: the detector whose keypoints ``detected`` means on Human3.6M, as ``posezoo data prepare h36m`` names it.
        note: what the text leaves open.
        actions: names of the actions that the table prints errors of.
        by_action: these errors as printed, by column and row, in the order of ``actions``.
    """

    id: str
    title: str
    caption: str
    protocol: str
    data: str
    columns: Mapping[str, Column]
    rows: Mapping[str, Row]
    stated: tuple[tuple[str, str, str], ...] = ()
    curve: str = ""
    distribution: str = ""
    detector: str = ""
    note: str = ""
    actions: tuple[str, ...] = ()
    by_action: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)

    @property
    def paper(self) -> str:
        return self.id.split("/")[0]

    @property
    def groups(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """The rows below each heading, in the printed order; rows before the first heading have none."""
        found: list[tuple[str, list[Row]]] = []
        for row in self.rows.values():
            if not found or (row.group and row.group != found[-1][0]):
                found.append((row.group, []))
            found[-1][1].append(row)
        return tuple((heading, tuple(rows)) for heading, rows in found)


def list_tables(folder: Path = TABLES) -> dict[str, Path]:
    """Return the tables' files by id: ``svma_table4.yaml`` is ``svma/table4``."""
    return {path.stem.replace("_", "/", 1): path for path in sorted(folder.glob("*.yaml"))}


def read_table(name: str, folder: Path = TABLES) -> Table:
    """Read a table by its id.

    Raises:
        UnknownNameError: no such table.
        CorruptFileError: the file is not a table; the message says where.
    """
    known = list_tables(folder)
    if name not in known:
        raise UnknownNameError.of("table", name, known)
    with reading(known[name], "a table"):
        return _read_table(name, known[name])


def _read_table(name: str, path: Path) -> Table:
    raw = read_mapping(path)
    columns = {
        str(key): _build(Column, path, f"columns.{key}", {**_mapping(path, key, value), "id": str(key)}, metric=_names)
        for key, value in _mapping(path, "columns", raw.get("columns")).items()
    }
    rows = {
        str(key): _build(Row, path, f"rows.{key}", {**_mapping(path, key, value), "id": str(key)}, title=str)
        for key, value in _mapping(path, "rows", raw.get("rows")).items()
    }
    if not columns or not rows:
        raise CorruptFileError(f"{path} has no {'rows' if columns else 'columns'}; a table needs both.")
    for column in columns.values():
        if not all(name in METRICS or name.startswith(PER_ACTION) for name in column.metric):
            raise CorruptFileError(
                f"{path}: column {column.id} has metric {column.metric}; known: {', '.join(sorted(METRICS))}."
            )
    own = [cell for row in rows.values() for cell in row.cells.values() if cell]
    _check_data(path, raw, [*columns.values(), *rows.values(), *own])
    for row in rows.values():
        if raw.get("curve") and not (row.series and isinstance(row.x, int | float)):
            raise CorruptFileError(f"{path}: row {row.id} stands in a figure of curves; it needs `series` and a number `x`.")
        unknown = [c for c in (*row.published, *row.cells) if c not in columns]
        if unknown:
            raise CorruptFileError(f"{path}: row {row.id} names column {unknown[0]}; the table has {', '.join(columns)}.")
        if bool(row.recipe) == row.cited:
            raise CorruptFileError(f"{path}: row {row.id} needs a recipe, or `cited: true` where it is only quoted.")
        if row.added and any(value is not None for value in row.published.values()):
            raise CorruptFileError(f"{path}: row {row.id} is added by us and cannot have a published value.")
        for column, value in row.published.items():
            if not isinstance(value, int | float | str | None) or isinstance(value, bool):
                raise CorruptFileError(f"{path}: row {row.id}, column {column} holds {value!r}; expected a number or null.")
    stated = tuple((str(s["column"]), str(s["better"]), str(s["worse"])) for s in raw.pop("stated", []))
    for column, better, worse in stated:
        if column not in columns or not {better, worse} <= set(rows):
            raise CorruptFileError(f"{path}: stated order {better} < {worse} in {column} names what the table lacks.")
    whole: dict[str, Any] = {
        "id": name,
        "columns": columns,
        "rows": rows,
        "stated": stated,
        "actions": tuple(raw.get("actions", ())),
    }
    table: Table = _build(Table, path, "table", {**raw, **whole})
    _check_actions(path, table)
    return table


def _check_actions(path: Path, table: Table) -> None:
    """Check that each row of errors by action is a row of the table, and has an error for each action."""
    for column, rows in table.by_action.items():
        for row, values in _mapping(path, f"by_action.{column}", rows).items():
            if column not in table.columns or row not in table.rows:
                raise CorruptFileError(f"{path}: by_action.{column}.{row} names what the table lacks.")
            if len(values) != len(table.actions) or not all(isinstance(value, int | float) for value in values):
                raise CorruptFileError(
                    f"{path}: by_action.{column}.{row} has {len(values)} values; expected {len(table.actions)} numbers."
                )


def _check_data(path: Path, raw: dict[str, Any], places: list[Any]) -> None:
    """Check that the datasets and kinds of keypoints that a table names exist."""
    known = read_mapping(BENCHMARKS / "datasets.yaml")
    named = [raw.get("data")]
    for place in places:
        for part in ("train", "test"):
            settings = (place.get(part) if isinstance(place, dict) else getattr(place, part)) or {}
            named += [settings.get("dataset"), settings.get("annotated"), *settings.get("source", [])]
            if settings.get("keypoints", "gt") not in ("gt", "detected"):
                raise CorruptFileError(f"{path}: keypoints is {settings['keypoints']!r}; expected gt or detected.")
    unknown = [name for name in named if name is not None and name not in known]
    if unknown:
        raise CorruptFileError(f"{path}: no dataset {unknown[0]!r}; known: {', '.join(known)}.")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        CorruptFileError: it is no YAML or no mapping.
    """
    try:
        raw = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CorruptFileError(f"{path} is not YAML ({str(error).splitlines()[0]}).") from error
    return _mapping(path, "the file", raw)


def _mapping(path: Path, place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CorruptFileError(f"{path}: {place} is {type(value).__name__}; expected a mapping.")
    return value


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _build(kind: Any, path: Path, place: str, values: dict[str, Any], **convert: Any) -> Any:
    """Return an instance of a dataclass from a mapping; name its unknown and missing keys."""
    known = kind.__dataclass_fields__
    unknown = [key for key in values if key not in known]
    if unknown:
        raise CorruptFileError(f"{path}: {place} has no {unknown[0]!r}; it takes {', '.join(known)}.")
    try:
        return kind(**{key: convert.get(key, lambda v: v)(value) for key, value in values.items()})
    except TypeError as error:
        needed = [name for name, part in known.items() if part.default is MISSING and part.default_factory is MISSING]
        lacking = ", ".join(name for name in needed if name not in values)
        raise CorruptFileError(f"{path}: {place} lacks {lacking or 'something'}.") from error
