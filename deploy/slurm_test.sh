#!/usr/bin/env bash
# Runs slurm-doctor.sh with a stand-in for srun that plays three nodes; the third one differs.
#   slurm_test.sh SOURCE_DIR AISP
set -euo pipefail
source_dir=$1 aisp=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cat >"$work/bin/srun" <<'END'
#!/usr/bin/env bash
# Drops srun's own options, then runs the rest once for each node.
while [[ $1 == --* ]]; do shift; done
for node in n1 n2 n3; do
  export NODE=$node
  if [ "$node" = n3 ]; then export OMP_NUM_THREADS=4096; fi
  "$@"
done
END
# shellcheck disable=SC2016
printf '#!/usr/bin/env bash\necho "$NODE"\n' >"$work/bin/hostname"
chmod +x "$work"/bin/*
unset OMP_NUM_THREADS
export AISP=$aisp OUT=$work/out
PATH="$work/bin:$PATH" bash "$source_dir/deploy/slurm-doctor.sh" >"$work/said"
cat "$work/said"
[ "$(find "$work/out" -name 'n?.json' | wc -l)" = 3 ]
grep -q '^3 machines:' "$work/said"
