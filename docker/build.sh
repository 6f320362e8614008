#!/bin/bash
# Builds the image vecmesh:latest (or $VECMESH_IMAGE) from this tree.
set -euo pipefail
cd "$(dirname "$0")/.."
docker/make-base.sh
exec docker build -t "${VECMESH_IMAGE:-vecmesh:latest}" -f docker/Dockerfile "$@" .
