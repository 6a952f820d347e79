# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154 # hints have backquotes; run sets output, stderr and status
# vdpactl check where there is no vDPA.

load cli

setup() {
	needs_no_vdpa
	cd "$BATS_TEST_TMPDIR"
	mkdir run
	export VDUSED_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
}

@test "it says that there is none, and what to do" {
	run --separate-stderr "$VDPACTL" check
	[[ -z $stderr ]]
	prints "ok      kernel: Linux $(uname -r)" 'modules: ' 'privileges: ' 'netns: ' '        hint: '
	# A module that could be loaded is a warning, none at all is a problem.
	if [[ $output == *"problem "* ]]; then ((status == 1)); else ((status == 0)); fi
	[[ $output == *"vdpa is not loaded"* || $output == *"no module vdpa"* ]]
}

@test "the same in JSON, one shape" {
	command -v jq >/dev/null || skip "expected: no jq"
	run --separate-stderr "$VDPACTL" -j check
	jq -e --arg k "$(uname -r)" '.check | .kernel == $k and (.findings | length > 3) and
		(.findings | all((.level | IN("ok", "info", "warning", "problem")) and (.subject | type) == "string"
			and (.text | type) == "string" and (keys - ["level", "subject", "text", "hint"] == [])))' <<<"$output"
}

@test "without hints, and one line each" {
	run --separate-stderr "$VDPACTL" -q check
	[[ $output == *' kernel: Linux '* ]]
	run ! grep hint: <<<"$output"
	run --separate-stderr "$VDPACTL" -o check
	[[ $output == *'\  hint: '* ]]
	run ! grep -v '^\(ok\|info\|warning\|problem\) ' <<<"$output"
}

@test "a directory that a dead daemon left" {
	mkdir run/left
	run --separate-stderr "$VDPACTL" check left
	prints 'info    left: a daemon that is dead left its directory' '`vdpactl vduse del` removes it'
	run --separate-stderr "$VDPACTL" check other
	run ! grep left: <<<"$output"
}
