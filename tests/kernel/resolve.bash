# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016 # jq's variables
# What the tests of `dev resolve` share. Load it after helpers.bash.

# KEY is a KIND of these devices, and of no others.
resolves() { # KIND KEY NAME...
	local want
	printf -v want '%s\n' "${@:3}"
	works dev resolve "$2"
	prints_exactly "$want"
	works -j dev resolve "$2"
	has_json '.dev | keys == ($n | sort) and all(.[]; .resolved_by == $k)' --arg k "$1" --args \
		--argjson n "$(printf '%s\n' "${@:3}" | jq -R . | jq -s -c .)"
}
