#!/usr/bin/env bash
# Train the zoo's weights side by side on one GPU, within a few minutes.
#
#     benchmarks/gpu.sh --data DIR --out DIR [--minutes 10] [--device cuda|cpu]
#
# DIR of --data holds what `posezoo data prepare openmocap` wrote as openmocap.h5 (see datasets.yaml for the others).
# First every paper makes a few steps, so that what cannot run is known at once (<out>/smoke). Then the trainings run as
# processes that share the device; each ends by its own clock with its rate decayed, and leaves <out>/<name>/*.safetensors,
# metrics.json, logs/metrics.csv and log.txt. <out>/timings.csv says how long each took.
# On the CPU (--device cpu --minutes 1) everything is tiny: a test of this script, not of the weights.
minutes=10 needed=(openmocap.h5) timings=timings.csv slack=(150 1200)
source "$(dirname "$0")/gpu_common.sh"

rm -rf "$out/smoke"
# On a GPU trainings run at the same time; on the CPU, where they would only wait for each other, one after the other.
side_by_side() { if [ "$device" = cpu ]; then "$@"; else "$@" & fi; }

mocap=(--data.path "$data/openmocap.h5")
if [ "$device" = cpu ]; then
    gan=(--model.width 16 --model.critic_width 16 --data.batch_size 64)
    student=(--model.width 16 --model.critic_width 16 --data.batch_size 64 --data.augmentation.batches 20 --model.one_body false)
    svma=("${student[@]}")
    wide=(--model.width 16 --data.batch_size 64 --data.augmentation.batches 20)
    views=(--model.width 16 --data.batch_size 16)
    georep=(--model.width 4 --model.points 8 --data.batch_size 8 --data.augmentation.batches 20)
else
    gan=()  # small steps are bound by launches: a larger batch would not be faster
    student=(--data.batch_size 4096)
    svma=(--data.batch_size 4096)
    wide=(--data.batch_size 4096)
    views=(--data.batch_size 1024)
    georep=(--data.batch_size 512)
fi
forever=(--steps 10000000)  # the clock ends it

# What every paper's training needs is tried with a few steps of little work.
smoke() {
    local few=(--steps 3)
    side_by_side run smoke/martinez martinez.mocap 1 "${few[@]}" "${mocap[@]}" "${wide[@]}" --data.augmentation.batches 3
    side_by_side run smoke/svma svma.cmu 1 "${few[@]}" "${mocap[@]}"
    side_by_side run smoke/geoselfsup geoselfsup.mocap_teacher 1 "${few[@]}" "${mocap[@]}" "${gan[@]}"
    side_by_side run smoke/cvugcn cvugcn.mocap 1 "${few[@]}" "${mocap[@]}" "${views[@]}"
    side_by_side run smoke/georep georep.mocap 1 "${few[@]}" "${mocap[@]}" "${georep[@]}" --data.augmentation.batches 3
    wait
}

# Lifters of single poses. A student of the teacher teaches a second one; 5 % of the labels follow.
unsupervised() {
    run geoselfsup.mocap_teacher geoselfsup.mocap_teacher "$(share "$minutes" 0.23)" "${forever[@]}" "${mocap[@]}" "${gan[@]}" &&
        run geoselfsup.mocap_first geoselfsup.mocap "$(share "$minutes" 0.13)" "${forever[@]}" "${mocap[@]}" "${student[@]}" \
            --start "$(weights geoselfsup.mocap_teacher)" &&
        run geoselfsup.mocap geoselfsup.mocap "$(share "$minutes" 0.22)" "${forever[@]}" "${mocap[@]}" "${student[@]}" \
            --start "$(weights geoselfsup.mocap_first)" &&
        run geoselfsup.mocap_5pct geoselfsup.mocap_5pct "$(share "$minutes" 0.11)" "${forever[@]}" "${mocap[@]}" "${student[@]}" \
            --start "$(weights geoselfsup.mocap)"
}
lifters() {
    local full
    full=$(share "$minutes" 0.78)
    side_by_side unsupervised
    side_by_side run svma.mocap svma.mocap "$full" "${forever[@]}" "${mocap[@]}" "${svma[@]}"
    side_by_side run martinez.mocap martinez.mocap "$full" "${forever[@]}" "${mocap[@]}" "${wide[@]}"
    side_by_side run martinez.mocap_b martinez.mocap "$full" "${forever[@]}" "${mocap[@]}" "${wide[@]}" \
        --seed_everything 1 --data.postures 0 --data.augmentation.limbs 0.2 --data.augmentation.turn 0.08
    side_by_side run cvugcn.mocap cvugcn.mocap "$full" "${forever[@]}" "${mocap[@]}" "${views[@]}"
    side_by_side run cvugcn.mocap_b cvugcn.mocap "$full" "${forever[@]}" "${mocap[@]}" "${views[@]}" \
        --seed_everything 1 --model.width 64 --data.rigs '{"bones": 0.15, "definition_mm": 20.0}'
    side_by_side run georep.mocap georep.mocap "$full" "${forever[@]}" "${mocap[@]}" "${georep[@]}"
}

smoke
awk -F, 'NR > 1 && $3 != 0 { print "smoke test failed: " $1 }' "$out/timings.csv"
echo "smoke test: $(($(date +%s) - begun)) s"
lifters
wait
cat "$out/timings.csv"
echo "all: $(($(date +%s) - begun)) s"
