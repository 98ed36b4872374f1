#!/usr/bin/env bash
# Train hg3d on photographs on one GPU, within a few minutes; benchmarks/gpu.sh runs it beside the lifters.
#
#     benchmarks/gpu_pictures.sh --data DIR --out DIR [--minutes 8] [--device cuda|cpu]
#
# DIR of --data holds openmocap.h5, lsp.h5 and bodies.h5, as `posezoo data prepare` writes them. Stage 1 comes first
# (<out>/hg3d.photo_1), without bodies where the device cannot draw them; then stage 2; then stage 3 with and without the geometric loss, side by side
# (<out>/hg3d.photo, <out>/hg3d.photo_without). <out>/pictures.csv says how long each took.
set -uo pipefail
cd "$(dirname "$0")/.."
data="" out="" minutes=8 device=cuda
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
for file in openmocap.h5 lsp.h5 bodies.h5; do
    [ -f "$data/$file" ] || { echo "$data/$file is not there; make it with posezoo data prepare" >&2; exit 2; }
done
case $device in cuda) accelerator=gpu ;; cpu) accelerator=cpu ;; *) echo "--device is cuda or cpu" >&2; exit 2 ;; esac

python=${PYTHON:-python}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} OMP_NUM_THREADS=1
begun=$(date +%s)
echo "name,seconds,exit" > "$out/pictures.csv"
slack=$([ "$device" = cpu ] && echo 900 || echo 120)  # seconds to start, to validate and to write
share() { awk "BEGIN { print $1 * $2 }"; }

bodies=24000 capsules=6000
options() {
    printf '{"rendered_bodies": {"bodies": "%s", "count": %d}, "rendered_studio": {"side": 320, "count": %d}}' \
        "$data/bodies.h5" "$1" "$2"
}

# run NAME RECIPE MINUTES [SETTINGS]: one training that its clock ends.
run() {
    local name=$1 recipe=$2 limit=$3 since code seconds
    shift 3
    mkdir -p "$out/$name"
    since=$(date +%s)
    seconds=$(awk "BEGIN { printf \"%d\", $limit * 60 }")
    timeout $((seconds + slack)) "$python" -m posezoo train "$recipe" --quiet --minutes "$limit" \
        --out "$out/$name" --data.path "$data/openmocap.h5" --data.annotated_path "$data/lsp.h5" \
        --data.tested_path "$data/lsp.h5" --data.options "$(options $bodies $capsules)" \
        --trainer.accelerator "$accelerator" "$@" > "$out/$name/log.txt" 2>&1
    code=$?
    rm -rf "$out/$name/checkpoints"
    echo "$name,$(($(date +%s) - since)),$code" >> "$out/pictures.csv"
    return $code
}
weights() { ls "$out/$1"/*.safetensors 2> /dev/null | head -1; }

small=()
if [ "$device" = cpu ]; then
    bodies=200 capsules=60
    small=(--data.test_count 32 --model.size 64 --model.width 16 --data.batch_size 32 --data.workers 0)
fi
run hg3d.photo_1 hg3d.photo_1 "$(share "$minutes" 0.5)" "${small[@]}"
if [ $? -ne 0 ] && [ $(($(date +%s) - begun)) -lt 120 ]; then
    echo "bodies are left out: $(tail -n 1 "$out/hg3d.photo_1/log.txt")"
    small+=(--data.dataset rendered_studio)
    run hg3d.photo_1 hg3d.photo_1 "$(share "$minutes" 0.5)" "${small[@]}"
fi
start=$(weights hg3d.photo_1)
[ -n "$start" ] && run hg3d.photo_2 hg3d.photo_2 "$(share "$minutes" 0.2)" "${small[@]}" --start "$start"
start=$(weights hg3d.photo_2)
if [ -n "$start" ]; then
    run hg3d.photo hg3d.photo "$(share "$minutes" 0.12)" "${small[@]}" --start "$start" &
    run hg3d.photo_without hg3d.photo "$(share "$minutes" 0.12)" "${small[@]}" --start "$start" --model.weight_geometry 0.0 &
    wait
fi
cat "$out/pictures.csv"
echo "pictures: $(($(date +%s) - begun)) s"
