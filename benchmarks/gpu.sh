#!/usr/bin/env bash
# Everything that only a GPU can show, in one call, without Ray: `benchmarks/gpu.sh [folder for results]`.
# Needs torch, torchvision, timm, tyro, rich, safetensors, dacite, pyarrow and av; ${PYTHON:-python3} runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/benchmarks/gpu}
mkdir -p "$out"
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader
"${PYTHON:-python3}" -m benchmarks.nets --json "$out/nets.json"
"${PYTHON:-python3}" -m benchmarks.nets --compile --nets resnet50 i3d shufflenet3d --json "$out/nets_compiled.json"
