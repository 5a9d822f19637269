#!/bin/bash
# The doctor on every node of a job, before the job proper: sbatch --nodes=16 deploy/slurm-doctor.sh
# Leaves one document a node in $OUT and names the nodes that differ from the others.
#SBATCH --job-name=aisp-doctor
#SBATCH --ntasks-per-node=1
#SBATCH --time=00:05:00
#SBATCH --exclusive
set -euo pipefail
AISP=${AISP:-aisp}
OUT=${OUT:-doctor-${SLURM_JOB_ID:-local}}
mkdir -p "$OUT"
export AISP OUT
# One process a node; each writes a file of its own on the shared file system.
# shellcheck disable=SC2016
srun --ntasks-per-node=1 --kill-on-bad-exit=0 \
  bash -c '"$AISP" doctor --json --out "$OUT/$(hostname).json"'
"$AISP" doctor --fleet "$OUT"
