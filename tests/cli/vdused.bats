# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154 # run sets output, stderr and status
# vdused without a kernel: what it refuses before it begins.

load cli

setup() {
	cd "$BATS_TEST_TMPDIR"
	VDUSED=$TOP_BUILDDIR/vdused/vdused
	[[ -x $VDUSED ]] || skip "expected: built without vdused"
}

refuses() { # STATUS ARGUMENT...
	run "-$1" --separate-stderr "$VDUSED" "${@:2}"
	[[ -z $output && $stderr == "vdused: error: "* && $stderr != *$'\n'* ]]
}

@test "help and version go to stdout" {
	run -0 --separate-stderr "$VDUSED" --help
	[[ -z $stderr ]]
	prints 'Usage: vdused block --name NAME' '--config FILE'
	run -0 --separate-stderr "$VDUSED" block --name x --version
	[[ $output == "vdused "[0-9]* ]]
}

@test "bad usage is one sentence and status 2" {
	refuses 2
	says 'expected block or resume'
	refuses 2 net
	refuses 2 block
	says '--name is missing'
	refuses 2 block --name x
	says '--backend is missing' 'file:PATH'
	refuses 2 block --name a/b --backend mem:1M
	refuses 2 block --name x --backend mem:1M --queue-size 100
	says 'expected a power of 2'
	refuses 2 block --name x --backend mem:1M --queues
	says '--queues: its value is missing'
	refuses 2 block --name x --backend mem:1M --fail-requests
	refuses 2 block --name x --backend mem:1M frob
	says '"frob" is no option'
}

@test "--config: what is wrong is named with its line" {
	printf '# a disk\ntype block\n\nbackend mem:1M\nqueues many\n' >conf
	refuses 2 block --name x --config conf
	says 'conf:5: queues "many": expected a number from 1 to 64'
	printf 'backend mem:1M\nspeed fast\n' >conf
	refuses 2 block --name x --config conf
	says 'conf:2: "speed" is no key'
	refuses 2 block --name x --config missing
	says '--config missing: No such file or directory'
	refuses 2 block --name x --config .
	refuses 2 resume --name x --config conf
}

@test "--config: what it says is what is done" {
	printf 'backend file:%s/with a blank\n' "$PWD" >conf
	run -1 --separate-stderr "$VDUSED" block --name x --config conf --runtime-dir "$PWD/run"
	says "vdused x: error: file:$PWD/with a blank: No such file or directory"
	[[ ! -e run/x ]]
}
