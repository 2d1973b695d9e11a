#!/usr/bin/env bash
# Everything that only a GPU can show, in one call, the most important first: `benchmarks/gpu.sh [folder for results]`.
# Needs torch, torchvision, timm, tyro, rich, safetensors, dacite, pyarrow and av; recognising, which is left out where
# they are missing, Ray and torchcodec too. ${PYTHON:-python3} runs it; results of parts that failed are missing.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${1:-runs/benchmarks/gpu}
mkdir -p "$out"
failed=0
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader
if "$python" -c 'import ray.data, torchcodec'; then
    "$python" -m benchmarks.predict --videos 480 --different 3 --peer-videos 24 \
        --peer-python "$(command -v "$python")" --json "$out/predict.json" || failed=1
fi
"$python" -m benchmarks.nets --json "$out/nets.json" || failed=1
"$python" -m benchmarks.nets --compile --nets resnet50 i3d shufflenet3d --json "$out/nets_compiled.json" || failed=1
exit $failed
