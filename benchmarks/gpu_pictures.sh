#!/usr/bin/env bash
# Train hg3d on photographs on one GPU, within a few minutes; benchmarks/gpu.sh runs it beside the lifters.
#
#     benchmarks/gpu_pictures.sh --data DIR --out DIR [--minutes 8] [--device cuda|cpu]
#
# DIR of --data holds openmocap.h5, lsp.h5 and bodies.h5, as `posezoo data prepare` writes them, and start.safetensors of
# benchmarks/imagenet_start.py, without which stage 1 begins from nothing. Stage 1 comes first
# (<out>/hg3d.photo_1), without bodies where the device cannot draw them; then stage 2; then stage 3 with and without the geometric loss, side by side
# (<out>/hg3d.photo, <out>/hg3d.photo_without). <out>/pictures.csv says how long each took.
minutes=8 needed=(openmocap.h5 lsp.h5 bodies.h5) timings=pictures.csv slack=(120 900)
source "$(dirname "$0")/gpu_common.sh"

bodies=24000 capsules=6000
options() {
    printf '{"rendered_bodies": {"bodies": "%s", "count": %d}, "rendered_studio": {"side": 320, "count": %d}}' \
        "$data/bodies.h5" "$1" "$2"
}

# train NAME RECIPE SHARE [SETTINGS]: one training on the photographs, for a share of the minutes.
train() {
    local name=$1 recipe=$2 part=$3
    shift 3
    run "$name" "$recipe" "$(share "$minutes" "$part")" --data.path "$data/openmocap.h5" --data.annotated_path "$data/lsp.h5" \
        --data.tested_path "$data/lsp.h5" --data.options "$(options $bodies $capsules)" "${small[@]}" "$@"
}

small=()
if [ "$device" = cpu ]; then
    bodies=200 capsules=60
    small=(--data.test_count 32 --model.size 64 --model.width 16 --data.batch_size 32 --data.workers 0)
fi
begin=()
[ "$device" != cpu ] && [ -f "$data/start.safetensors" ] && begin=(--start "$data/start.safetensors")
train hg3d.photo_1 hg3d.photo_1 0.5 "${begin[@]}"
if [ $? -ne 0 ] && [ $(($(date +%s) - begun)) -lt 120 ]; then
    echo "bodies are left out: $(tail -n 1 "$out/hg3d.photo_1/log.txt")"
    small+=(--data.dataset rendered_studio)
    train hg3d.photo_1 hg3d.photo_1 0.5 "${begin[@]}"
fi
start=$(weights hg3d.photo_1)
[ -n "$start" ] && train hg3d.photo_2 hg3d.photo_2 0.2 --start "$start"
start=$(weights hg3d.photo_2)
if [ -n "$start" ]; then
    train hg3d.photo hg3d.photo 0.12 --start "$start" &
    train hg3d.photo_without hg3d.photo 0.12 --start "$start" --model.weight_geometry 0.0 &
    wait
fi
cat "$out/pictures.csv"
echo "pictures: $(($(date +%s) - begun)) s"
