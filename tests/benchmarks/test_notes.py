"""Test that the notes of tables quote what was measured."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean, stdev

import pytest
from reproduction.results import results_in
from reproduction.tables import BENCHMARKS, read_table

QUOTED = {
    "cvugcn/figure6": [
        "0.01 ({m[weight_a]:.1f} mm, one seed)", "0.1 ({m[weight_b]:.1f} +- {s[weight_b]:.1f}, three seeds)",
        "of one seed, have {m[weight_c]:.1f} and {m[weight_d]:.1f} mm",
    ],
    "cvugcn/table2": [
        "({m[no_cross_view]:.1f} against {m[ours]:.1f})", "full one ({m[no_fusion]:.1f})",
        "{m[triangulation_4px]:.1f} mm to {m[ours_4px]:.1f} (", "({m[no_spatial_4px]:.1f} without)",
        "it is {m[no_cross_view_4px]:.1f} +- {s[no_cross_view_4px]:.1f} mm",
        "fusion {m[no_fusion_4px]:.1f} +- {s[no_fusion_4px]:.1f}, against {m[ours_4px]:.1f} +- {s[ours_4px]:.1f}",
    ],
    "cvugcn/table3": [
        "({m[r_b]:.1f} mm against {m[r_s]:.1f} and {m[r_t]:.1f}; L_r alone {m[r]:.1f})", "as printed ({m[r_s_b]:.1f})",
        "nothing ({m[r_s_b_t]:.1f} +- {s[r_s_b_t]:.1f})",
        "({m[r_b_4px]:.1f} +- {s[r_b_4px]:.1f} against {m[r_s_4px]:.1f} +- {s[r_s_4px]:.1f},"
        " L_r alone {m[r_4px]:.1f} +- {s[r_4px]:.1f})", "worth nothing ({m[r_t_4px]:.1f} +- {s[r_t_4px]:.1f})",
        "({m[r_s_b_4px]:.1f} with L_b, {m[r_s_b_t_4px]:.1f} +- {s[r_s_b_t_4px]:.1f} with all)",
    ],
    "cvugcn/table6": [
        "P1 {m[p1_p3.p1]:.1f} by P1 + P3, {m[all.p1]:.1f} by all",
        "P3 {m[p3.p3]:.1f} by P3 alone, {m[all.p3]:.1f} by all", "P4 {m[p2_p4.p4]:.1f} by P2 + P4, {m[all.p4]:.1f} by all",
        "P3 alone has {m[p3_as_often.p3]:.1f} +- {s[p3_as_often.p3]:.1f},"
        " and P2 + P4 of theirs {m[p2_p4_as_often.p4]:.1f} +- {s[p2_p4_as_often.p4]:.1f} of P4",
    ],
    "cvugcn/table7": [
        "({m[noise_0.triangulation]:.1f} to {m[noise_0.refinement]:.1f} mm)",
        "({m[noise_20.triangulation]:.2f} to {m[noise_20.refinement]:.2f})",
        "({m[noise_5.triangulation]:.2f} to {m[noise_5.refinement]:.2f})",
        "({m[noise_5_per_view.triangulation]:.2f} to {m[noise_5_per_view.refinement]:.2f},"
        " {m[noise_20_per_view.triangulation]:.2f} to {m[noise_20_per_view.refinement]:.2f})",
    ],
    "georep/figure6": [
        "({m[bl_1]:.1f}, {m[bl_sg_1]:.1f}, {m[bl_sg_aug_1]:.1f} mm, two seeds)", "{m[bl_dg_aug_1]:.1f} mm, two seeds)",
        "({m[bl_dg_points_1]:.1f} mm, three seeds)",
    ],
    "georep/figure6_pictures": ["{m[bl]:.1f} mm to {m[bl_sg]:.1f} (SG) and {m[bl_dg_aug]:.1f} (DG + AUG)"],
    "geoselfsup/figure6": [
        "SS + Symm spreads by {low[ss_symm_weak.spread]:.2f} to {high[ss_symm_weak.spread]:.2f}",
        "by {low[ss_symm_strong.spread]:.2f} to {high[ss_symm_strong.spread]:.2f}, as the labels do",
        "({low[ss_symm.spread]:.2f} to {high[ss_symm.spread]:.2f}; full model {low[full.spread]:.2f} to"
        " {high[full.spread]:.2f}, SS {low[ss.spread]:.2f} to {high[ss.spread]:.2f})",
    ],
    "geoselfsup/table3": [
        "({m[adv_da]:.1f} +- {s[adv_da]:.1f} against {m[adv]:.1f} +- {s[adv]:.1f}",
        "{m[adv_ss_da]:.1f} +- {s[adv_ss_da]:.1f} against {m[adv_ss]:.1f} +- {s[adv_ss]:.1f})",
        "({m[adv_ss_da_td]:.1f} +- {s[adv_ss_da_td]:.1f})", "{m[adv_ss_da_td_completed]:.1f} mm, one seed",
        "Adv has {m[adv_ray]:.1f} +- {s[adv_ray]:.1f} and Adv + DA {m[adv_da_ray]:.1f} +- {s[adv_da_ray]:.1f} mm",
        "{m[adv_da_ray_unadapted]:.1f} +- {s[adv_da_ray_unadapted]:.1f} mm, as without them",
        "Adv + SS has {m[adv_ss_ray]:.1f} +- {s[adv_ss_ray]:.1f} mm",
        "adaptation ({m[adv_ss_da_ray]:.1f} +- {s[adv_ss_da_ray]:.1f})",
        "({m[adv_ss_da_td_ray]:.1f} +- {s[adv_ss_da_td_ray]:.1f}) on top of it",
        "{low[ss]:.0f} to {high[ss]:.0f} mm",
    ],
    "hg3d/table3": [
        "PCK is {m[wo_geo_3d.pck]:.1f} and {m[w_geo_3d.pck]:.1f} without 2D labels,"
        " {m[wo_geo.pck]:.1f} and {m[w_geo.pck]:.1f} with them",
    ],
    "svma/table1": ["({m[ours_sh_gt.img]:.1f} against {m[martinez.img]:.1f} mm)", "({m[martinez.gt]:.1f} with exact 2D)"],
}  # fmt: skip
"""Sentences of notes, with mean, standard deviation, lowest and highest value over seeds by row, or by row and column."""


@pytest.mark.parametrize("name", QUOTED)
def test_a_note_quotes_the_committed_results(name):
    results = BENCHMARKS / "results"
    values: defaultdict[str, list[float]] = defaultdict(list)
    for row in results_in(results, results / name / "openmocap"):
        for column, cell in row["cells"].items():
            values[f"{row['row']}.{column}"].append(cell["value"])
            if len(row["cells"]) == 1:
                values[row["row"]].append(cell["value"])
    several = {key: stdev(found) for key, found in values.items() if len(found) > 1}
    measured = {key: fmean(found) for key, found in values.items()}
    low, high = ({key: end(found) for key, found in values.items()} for end in (min, max))
    note = read_table(name).note
    for sentence in QUOTED[name]:
        assert sentence.format(m=measured, s=several, low=low, high=high) in note


def test_sums_of_limbs_in_the_note_of_hg3d_table_4():
    results = BENCHMARKS / "results"
    rows = {row["row"]: row["cells"] for row in results_in(results, results / "hg3d/table4" / "openmocap")}
    sums = {
        (name, unit): sum(cell["value"] for column, cell in cells.items() if column.endswith(unit))
        for name, cells in rows.items()
        for unit in ("mm", "px")
    }
    without, mm, px = sums["wo_geo", "mm"], sums["w_geo", "mm"], (sums["wo_geo", "px"], sums["w_geo", "px"])
    note = read_table("hg3d/table4").note
    assert f"add up to {without:.1f} mm without it and to {mm:.1f} mm with it, and to {px[0]:.1f} and {px[1]:.1f} px" in note
    strong = sums["w_geo_strong", "mm"]
    assert f"add up to {strong:.1f} mm, {100 * (1 - strong / without):.0f} % less" in note


def test_margins_in_the_note_of_georep_figure_5():
    results = BENCHMARKS / "results"
    rows = {
        row["row"]: row["cells"]["mpjpe"]["value"] for row in results_in(results, results / "georep/figure5" / "openmocap")
    }
    counts = (500, 1500, 5000, 15000, 50000)
    few, more, many, *most = (f"{rows[f'baseline_{count}'] - rows[f'ours_{count}']:.1f}" for count in counts)
    note = read_table("georep/figure5").note
    assert f"from {few} mm of MPJPE with 500 labels to {more} with 1,500 and {many} with 5,000" in note
    assert f"({' and '.join(most)} with 15,000 and 50,000)" in note
    assert f"coordinates gain {rows['baseline_5000'] - rows['baseline_50000']:.1f} mm" in note
