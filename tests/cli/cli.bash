# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets output, stderr and status
# What the tests that need no kernel share.

bats_require_minimum_version 1.5.0
: "${VDPACTL:?is to be the vdpactl under test}"

# Nothing of these names exists, wherever the tests run.
# shellcheck disable=SC2034 # for the tests
readonly NONE=no/such-parent

setup() {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$VDPACTL" vdpa
	VDPA=$BATS_TEST_TMPDIR/vdpa
}

# fails STATUS ARG...: nothing on stdout, something on stderr
fails() {
	run "-$1" --separate-stderr "$VDPACTL" "${@:2}"
	[[ -z $output && -n $stderr ]]
}

# legacy_fails ARG...: as vdpa
legacy_fails() {
	run -1 --separate-stderr "$VDPA" "$@"
	[[ -z $output && -n $stderr ]]
}

# The arguments are understood: what fails is the request, for there is no kernel or no such parent.
parses() {
	run --separate-stderr "$VDPACTL" "$@"
	understood
}

legacy_parses() {
	run -1 --separate-stderr "$VDPA" "$@"
	[[ $stderr == *"kernel answers: "* ]]
}

understood() {
	[[ $status == [368] ]] || {
		printf 'status %s: %s\n' "$status" "$stderr"
		return 1
	}
}

# says TEXT...: each is in what went to stderr
says() {
	local text
	for text; do
		[[ $stderr == *"$text"* ]] || {
			printf 'not said: %s\nbut: %s\n' "$text" "$stderr"
			return 1
		}
	done
}

# prints TEXT...: each is in what went to stdout
prints() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || {
			printf 'not printed: %s\nbut: %s\n' "$text" "$output"
			return 1
		}
	done
}

needs_no_vdpa() {
	[[ ! -e /sys/bus/vdpa ]] || skip "expected: this kernel has vdpa"
}
