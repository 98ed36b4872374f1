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
set -uo pipefail
cd "$(dirname "$0")/.."
data="" out="" minutes=10 device=cuda
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=$(realpath "$2"); shift 2 ;;
        --out) mkdir -p "$2" && out=$(realpath "$2"); shift 2 ;;
        --minutes) minutes=$2; shift 2 ;;
        --device) device=$2; shift 2 ;;
        *) echo "unknown option $1; expected --data, --out, --minutes, --device" >&2; exit 2 ;;
    esac
done
[ -n "$data" ] && [ -n "$out" ] || { echo "give --data DIR and --out DIR" >&2; exit 2; }
[ -f "$data/openmocap.h5" ] || { echo "$data/openmocap.h5 is not there; make it with posezoo data prepare openmocap" >&2; exit 2; }
case $device in cuda) accelerator=gpu ;; cpu) accelerator=cpu ;; *) echo "--device is cuda or cpu" >&2; exit 2 ;; esac

python=${PYTHON:-python}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} OMP_NUM_THREADS=1
begun=$(date +%s)
rm -rf "$out/smoke"
echo "name,seconds,exit" > "$out/timings.csv"
# On a GPU trainings run at the same time; on the CPU, where they would only wait for each other, one after the other.
side_by_side() { if [ "$device" = cpu ]; then "$@"; else "$@" & fi; }
slack=$([ "$device" = cpu ] && echo 1200 || echo 150)  # seconds to start, to validate and to write
share() { awk "BEGIN { print $1 * $2 }"; }

# run NAME RECIPE MINUTES [SETTINGS]: one training, its checkpoints removed; fails where the training does.
run() {
    local name=$1 recipe=$2 limit=$3 since code
    shift 3
    mkdir -p "$out/$name"
    since=$(date +%s)
    timeout "$(share "$limit" 60 | cut -d. -f1 | awk -v slack="$slack" '{ print $1 + slack }')" "$python" -m posezoo train "$recipe" --quiet \
        --out "$out/$name" --minutes "$limit" --trainer.accelerator "$accelerator" "$@" > "$out/$name/log.txt" 2>&1
    code=$?
    rm -rf "$out/$name/checkpoints"
    echo "$name,$(($(date +%s) - since)),$code" >> "$out/timings.csv"
    return $code
}
weights() { ls "$out/$1"/*.safetensors 2> /dev/null | head -1; }

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
