# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154 # programs of other shells; run sets output, stderr and status
# monitor, metrics and rates without a kernel: arguments, and how they end.

load cli

works() {
	run -0 --separate-stderr "$VDPACTL" "$@"
	[[ -z $stderr ]]
}

can_listen() {
	"$VDPACTL" monitor timeout 1 2>/dev/null || skip "expected: no uevents in this container"
}

@test "they are not for vdpa" {
	legacy_fails monitor
	says 'Object "monitor" not found'
	legacy_fails metrics
	says 'Object "metrics" not found'
}

@test "words in short, as far as no other begins so" {
	works mon help
	prints 'Usage: vdpactl monitor [ WHAT ] [ initial ]'
	works met help
	prints 'Usage: vdpactl metrics [ file FILE ]'
	fails 2 monitor driv
	works m help # as vdpa has it
	prints 'mgmtdev show'
}

@test "completion" {
	run -0 "$VDPACTL" --complete 2 vdpactl monitor ''
	[[ $output == *$'all\ndev\ndriver\nnetdev\nblock'* && $output == *initial* && $output == *buffer* ]]
	run -0 "$VDPACTL" --complete 3 vdpactl monitor dev ''
	[[ $output == $'initial\ncount\ntimeout\nbuffer' ]]
	run -0 "$VDPACTL" --complete 2 vdpactl metrics ''
	[[ $output == $'file\nhelp' ]]
	run -0 "$VDPACTL" --complete 5 vdpactl dev vstats show x ''
	[[ $output == $'qidx\ninterval\ncount' ]]
}

@test "bad values" {
	fails 2 monitor all count x
	says 'count "x" is not a decimal number from 1 to 1000000000'
	fails 2 monitor timeout 0
	fails 2 monitor buffer ''
	fails 2 metrics file x.txt
	says 'metrics: file "x.txt" does not end in .prom'
	fails 2 metrics file dir/.prom
	fails 2 dev vstats show x interval 0
	fails 2 dev vstats show x count 3
	says 'count needs interval'
	run -2 --separate-stderr "$VDPACTL" -j metrics
	says 'no JSON'
}

@test "no vdpa in this kernel: metrics and rates fail, and write nothing" {
	needs_no_vdpa
	fails 8 metrics
	says 'hint: '
	fails 8 metrics file "$PWD/x.prom"
	[[ ! -e x.prom ]]
	fails 8 dev vstats show x interval 1
	run -8 --separate-stderr "$VDPACTL" -j dev vstats show x interval 1
	[[ $(jq -r '.errors[0].code' <<<"$output") == EPROTONOSUPPORT ]]
}

@test "the monitor needs no vdpa: it waits for it" {
	needs_no_vdpa
	can_listen
	works -j monitor initial timeout 1
	[[ $(jq -r '.event, (.subject // "none")' <<<"$output") == $'synced\nnone' ]]
	run -7 --separate-stderr "$VDPACTL" monitor count 2 timeout 1
	says '0 of 2 events came within 1 s'
}

# There is something in the file.
has_begun() { # FILE
	for _ in {1..600}; do
		[[ ! -s $1 ]] || return 0
		sleep 0.05
	done
	return 1
}

@test "the monitor ends by a signal, and with its reader" {
	needs_no_vdpa
	can_listen
	"$VDPACTL" monitor initial >out 3>&- &
	has_begun out
	kill -TERM $!
	wait $!
	run -0 --separate-stderr bash -o pipefail -c '"$@" | head -n 1' bash timeout 30 "$VDPACTL" monitor initial
	[[ -z $stderr && $output == *' synced' ]]
	run -1 --separate-stderr bash -c '"$@" >/dev/full' bash "$VDPACTL" monitor initial
	says 'cannot write to standard output: No space left on device'
	# A signal ends the whole batch.
	printf 'monitor initial\nhelp\n' >batch.txt
	"$VDPACTL" -batch batch.txt >out2 3>&- &
	has_begun out2
	kill -TERM $!
	status=0
	wait $! || status=$?
	[[ $status == 143 ]]
	[[ $(<out2) == *' synced' ]]
}
