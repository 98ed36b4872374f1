#!/usr/bin/env bash
# What gpu.sh and gpu_pictures.sh share, sourced by each: options, the clock, and one training as a process.
#
# The script sets minutes (how long, by default), needed (files that DIR of --data has to hold), timings (the name of its
# table) and slack (seconds that a training may take beyond its clock, on the GPU and on the CPU) before it sources this file.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
data="" out="" device=cuda
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
for file in "${needed[@]}"; do
    [ -f "$data/$file" ] || { echo "$data/$file is not there; make it with posezoo data prepare" >&2; exit 2; }
done
case $device in
    cuda) accelerator=gpu late=${slack[0]} ;;
    cpu) accelerator=cpu late=${slack[1]} ;;
    *) echo "--device is cuda or cpu" >&2; exit 2 ;;
esac

python=${PYTHON:-python}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} OMP_NUM_THREADS=1
begun=$(date +%s)
echo "name,seconds,exit" > "$out/$timings"
share() { awk "BEGIN { print $1 * $2 }"; }

# run NAME RECIPE MINUTES [SETTINGS]: one training that its clock ends, its checkpoints removed; fails where the training does.
run() {
    local name=$1 recipe=$2 limit=$3 since code
    shift 3
    mkdir -p "$out/$name"
    since=$(date +%s)
    timeout "$(awk "BEGIN { printf \"%d\", $limit * 60 + $late }")" "$python" -m posezoo train "$recipe" --quiet \
        --out "$out/$name" --minutes "$limit" --trainer.accelerator "$accelerator" "$@" > "$out/$name/log.txt" 2>&1
    code=$?
    rm -rf "$out/$name/checkpoints"
    echo "$name,$(($(date +%s) - since)),$code" >> "$out/$timings"
    return $code
}
weights() { ls "$out/$1"/*.safetensors 2> /dev/null | head -1; }
