# SPDX-License-Identifier: GPL-2.0-or-later
# State files as apply reads them: what is wrong is told with its place, and nothing is done.

load cli

# Where nothing is asked of a kernel.
accepts() { # ARGUMENT...
	run --separate-stderr "$VDPACTL" --dry-run "$@"
	[[ $status != 2 && $stderr != *.json:* ]] || {
		printf '%s\n' "$stderr"
		return 1
	}
}

@test "each bad file is refused with status 2, its place and its reason" {
	local file
	for file in "$TOP_SRCDIR"/tests/cli/state/bad-*.json; do
		fails 2 -q apply "$file"
		printf '%s\n' "${stderr#vdpactl: "$TOP_SRCDIR/tests/cli/state/"}" >>messages
	done
	diff -u "$TOP_SRCDIR/tests/cli/state/messages" messages
}

@test "good files are accepted by apply and restore" {
	local file
	needs_no_vdpa
	for file in "$TOP_SRCDIR"/tests/cli/state/good-*.json; do
		accepts apply "$file"
		accepts restore "$file" wait 0
	done
}

@test "line, column in characters, and path are those of the value, also of an escaped key" {
	printf '{\n "version": 1,\n "devices": [\n  {"mgmtdev":"\xc3\xa9", "n\\u0061me": true}]}' >f
	fails 2 apply f
	[[ $stderr == 'vdpactl: f:4:32: $.devices[0].name: true is not a device name' ]]
	run -2 "$VDPACTL" -q -j apply f
	[[ $output == *'"file":"f","line":4,"column":32'* ]]
}

@test "a name is there once, in both lists together" {
	echo '{"version":1,"devices":[{"name":"a","mgmtdev":"x"},{"name":"b","mgmtdev":"x"},
		{"name":"a","mgmtdev":"x"}]}' >f
	fails 2 apply f
	says 'f:2:11: $.devices[2].name: $.devices[0] has the name "a", too'
	echo '{"vduse":[{"name":"a","type":"block","backend":"mem:1M"}],"version":1,"devices":[{"name":"a","mgmtdev":"x"}]}' >f
	fails 2 apply f
	says '$.vduse[0].name: $.devices[0] has the name "a", too'
}

@test "what is no JSON is told with line and column" {
	printf '{"version":1,\n' >f
	fails 2 apply f
	says 'f:2:' 'this is not JSON: '
	printf '{"version":1,"version":1}' >f
	fails 2 apply f
	says 'duplicate object key'
	printf '{"version":1,"x\0y":1}' >f
	fails 2 apply f
	says 'this is not JSON: '
	printf '{"version":1,"\\u0000":1}' >f
	fails 2 apply f
	says 'this is not JSON: '
	printf '{"version":1,"devices":[{"name":"\xff"}]}' >f
	fails 2 apply f
	says 'unable to decode byte 0xff'
	: >f
	fails 2 apply f
	says 'f:1:1: this is not JSON: '
	head -c 300000 /dev/zero | tr '\0' '[' >f
	fails 2 apply f
	says 'maximum parsing depth'
}

@test "files that are too large, missing or none, and standard input" {
	truncate -s 100M f
	fails 1 apply f
	says 'f is larger than 32 MiB'
	run -1 --separate-stderr bash -c "head -c 40M /dev/zero | '$VDPACTL' apply -"
	says 'stdin is larger than 32 MiB'
	fails 3 apply no/where
	says 'cannot read no/where: No such file'
	fails 1 apply .
	says 'cannot read .: Is a directory'
	run -2 --separate-stderr bash -c "echo '{}' | '$VDPACTL' apply -"
	says 'stdin:1:1: $: the key "version" is missing'
}

@test "arguments" {
	fails 2 apply
	says 'a file'
	fails 2 apply f what
	says 'unknown argument "what"'
	fails 2 save a b
	fails 2 restore f wait x
	says 'wait "x" is not a decimal number of seconds from 0 to 3600'
	fails 2 --dry-run save
	legacy_fails save
	says 'Object "save" not found'
}
