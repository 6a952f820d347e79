# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154
# The same command lines through iproute2's vdpa and through ours called as
# `vdpa`: stdout to the byte, and the exit status.  Peers: the system's
# /sbin/vdpa and, where the lab has one, a newer release ($LAB_VDPA).
# Loaded after helpers.bash or tools.bash.

: "${DIFF_RUN:=$TOP_BUILDDIR/tests/kernel/diff_run}"

diff_setup() {
	WORK=$BATS_TEST_TMPDIR
	PEERS=(/sbin/vdpa)
	[[ ! -x ${LAB_VDPA:-} ]] || PEERS+=("$LAB_VDPA")
}

# agree < LINES: each command line prints the same and ends the same through every peer and through ours.
agree() {
	local peer lines
	lines=$(cat)
	for peer in "${PEERS[@]}"; do
		"$DIFF_RUN" "$peer" "$LEGACY" <<<"$lines" >"$WORK/diff" || {
			head -c 4000 "$WORK/diff"
			return 1
		}
	done
}

# agree_in_all_forms < LINES: the same for each line in every form a listing can be asked for.
agree_in_all_forms() {
	local line
	while IFS= read -r line; do
		printf '%s\n' "$line" "-j $line" "-jp $line" "$line -pj"
	done | agree
}

# agree_on_change PREPARE < LINES: from the same state, which the batch PREPARE makes, each line ends
# the same, prints the same and leaves the same state behind.
agree_on_change() {
	local peer lines
	lines=$(cat)
	autoprobe off
	printf '%s\n' "$1" >"$WORK/prepare"
	printf 'dev show\ndev config show\n' >"$WORK/state"
	printf 'dev del a if_exists\ndev del b if_exists\ndev del net0 if_exists\ndev del net1 if_exists\n' >"$WORK/undo"
	for peer in "${PEERS[@]}"; do
		"$DIFF_RUN" "$peer" "$LEGACY" "$WORK/prepare" "$WORK/state" "$WORK/undo" <<<"$lines" >"$WORK/diff" || {
			head -c 4000 "$WORK/diff"
			return 1
		}
	done
}

# Leaves only peers that can do all that the kernel can; before 6.4 a failed vstats ended with status 0.
newer_peers() {
	local peer kept=()
	for peer in "${PEERS[@]}"; do
		[[ $("$peer" -V) == *iproute2-6.[0-9].* ]] || kept+=("$peer")
	done
	((${#kept[@]})) || skip "expected: every vdpa here is older than 6.10"
	PEERS=("${kept[@]}")
}
