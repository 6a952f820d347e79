# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# Options: their forms and places.

load cli

# A usage error is a JSON document when -json was understood.
is_json() {
	run -2 --separate-stderr "$VDPACTL" "$@"
	[[ $output == '{"errors":['* ]] || {
		printf 'not JSON: %s\n' "$output"
		return 1
	}
}

is_pretty() {
	run -2 --separate-stderr "$VDPACTL" "$@"
	[[ ${lines[0]} == '{' && ${lines[1]} == '    "errors": [ {' ]]
}

@test "an option may be short, long with one or two dashes, abbreviated" {
	for option in -j -json --json --js -js -jq -dj -onj; do
		is_json $option bogus
	done
	for option in -jp '-j -p' '-json -pretty' '--json --pretty' -jpd -pj '-pre -j'; do
		is_pretty $option bogus
	done
}

@test "an option may stand anywhere" {
	is_json bogus -j
	is_json dev bogus -json
	is_pretty dev -p bogus -j
	is_json dev add nme -j x
	is_pretty dev config bogus -jp
}

@test "every option is known in every form" {
	for option in V h j p d o s n q v D "T 1"; do
		run -0 --separate-stderr "$VDPACTL" -$option help
	done
	for option in Version version help json pretty details oneline statistics stats no-nice-names numeric \
		quiet verbose dry-run "timeout 1"; do
		run -0 --separate-stderr "$VDPACTL" -$option help
		run -0 --separate-stderr "$VDPACTL" --$option help
	done
	for option in f force; do
		run -0 --separate-stderr "$VDPACTL" -$option help
	done
	run -0 --separate-stderr "$VDPACTL" --force help
}

@test "unknown options" {
	for option in -x --bogus -jx -nonsense --json=1 -- --; do
		[[ $option == -- ]] && continue
		fails 2 $option dev show
		says "option \"$option\""
	done
	fails 2 dev show -x
	fails 2 -b
	says 'option "-b" needs a file name'
	fails 2 dev --batch
	fails 2 -jb
	for option in -T --timeout -timeout; do
		fails 2 dev $option
		says "option \"$option\" needs a decimal number of seconds"
		fails 2 dev $option x
	done
	fails 2 --timeout=1000001 dev
	fails 2 -T1s dev
	fails 2 --dry-run=yes dev
}

@test "-- ends the options" {
	fails 2 -- -j
	says 'Object "-j" not found'
	fails 2 -- --json
	parses dev show -- -j
	[[ $output != *'{'* ]]
	run -2 --separate-stderr "$VDPACTL" -
	says 'Object "-" not found'
}

@test "-quiet drops hints" {
	fails 2 -q dev shwo
	[[ $stderr == 'vdpactl: Command "shwo" not found, expected one of: '* ]]
	[[ $stderr != *hint* && $stderr != *Try* ]]
}

@test "vdpa has the options of vdpa only" {
	for option in -s -n -d -o -x -b --batch --details -json -pretty -jx; do
		run -1 --separate-stderr "$VDPA" $option dev help
		[[ -z $output ]]
		says 'Unknown option.' 'Usage: vdpa [ OPTIONS ]'
	done
	for option in -j --json --js -p --pretty -jp -pj; do
		run -0 --separate-stderr "$VDPA" dev help $option
	done
	legacy_fails --complete 1 vdpa ''
}

@test "--dry-run is refused by commands that would do it all the same" {
	for words in 'dev add name x mgmtdev y' 'dev show' 'dev set name x mac 2:0:0:0:0:1' 'vduse del x'; do
		fails 2 --dry-run $words
		says '--dry-run cannot be used with this command'
	done
}
