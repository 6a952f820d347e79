# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2034,SC2086,SC2154 # quoted hints; lists of words are meant to be split; run sets output, stderr and status
# vdpactl vduse without a kernel: arguments, the runtime directory, and a stand-in for the daemon.

load cli

setup() {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$VDPACTL" vdpa
	VDPA=$BATS_TEST_TMPDIR/vdpa
	mkdir run
	export VDUSED_RUNTIME_DIR=$BATS_TEST_TMPDIR/run VDPACTL_VDUSED=$TOP_BUILDDIR/tests/cli/fake_vdused
}

# Each daemon left ends when it is asked to, or by itself after a minute.
teardown() {
	local dir
	for dir in run/*/; do
		[[ ! -e $dir/lock ]] || "$VDPACTL" vduse del "$(basename "$dir")" >/dev/null 2>&1 || true
	done
}

needs_no_vduse() {
	[[ ! -e /sys/class/vduse ]] || skip "expected: this kernel has VDUSE"
}

works() {
	run -0 --separate-stderr "$VDPACTL" "$@"
	[[ -z $stderr ]]
}

# A daemon that runs and answers "status" with the line STATUS, if there is one.
fake() { # NAME [STATUS]
	rm -f "run/$1/control" # of one that ended
	"$VDPACTL_VDUSED" resume --name "$1" 3>&-
	[[ -z ${2-} ]] || printf '%s\n' "$2" >"run/$1/status"
	for _ in {1..600}; do
		[[ ! -S run/$1/control ]] || return 0
		sleep 0.05
	done
	return 1
}

STATUS='{"ok":true,"name":"d0","type":"block","pid":1,"version":"9.9","api_version":0,"backend":"file:/x y","readonly":true,
"size":1048576,"block_size":512,"serial":"s","queues":1,"queue_size":64,"driver_ok":true,"features":"0x1","failing":false,
"broken":false,"uptime":12,"statistics":{"reads":1,"read_bytes":512,"writes":2,"write_bytes":1024,"flushes":3,"discards":4,
"write_zeroes":5,"errors":6,"kicks":7,"interrupts":8},"virtqueues":[{"index":0,"ready":true,"size":64,"packed":false,
"in_flight":9,"broken":"a loop","reads":1,"read_bytes":512,"writes":2,"write_bytes":1024,"flushes":3,"discards":4,
"write_zeroes":5,"errors":6,"kicks":7,"interrupts":8}]}'
STATUS=${STATUS//$'\n'/}

@test "it is not for vdpa" {
	legacy_fails vduse
	says 'Object "vduse" not found'
	legacy_fails vduse show
}

@test "help, and words in short" {
	works vduse help
	prints 'Usage: vdpactl vduse show [ NAME ]' 'vdpactl vduse rescue NAME [ fail ]'
	works vduse add help
	prints 'backend URI' 'Start a daemon for a new device'
	works vdu sho
	works vduse list
	fails 2 vduse sh
	fails 2 vd
	fails 2 vduse res x
}

@test "completion knows commands, arguments, values and names" {
	mkdir run/disk0 run/disk1
	touch run/file
	run -0 "$VDPACTL" --complete 2 vdpactl vduse re
	[[ $output == $'restart\nrescue\nresize' ]]
	run -0 "$VDPACTL" --complete 4 vdpactl vduse add driver ''
	[[ $output == $'virtio_vdpa\nvhost_vdpa\nnone' ]]
	run -0 "$VDPACTL" --complete 3 vdpactl vduse del disk
	[[ $output == $'disk0\ndisk1' ]]
	run -0 "$VDPACTL" --complete 4 vdpactl vduse del disk0 ''
	[[ $output == force ]]
}

@test "arguments that are missing, wrong or twice" {
	fails 2 vduse add
	says '"name NAME" is missing'
	fails 2 vduse add name x
	says '"type TYPE" is missing'
	fails 2 vduse add name x type block
	says '"backend URI" is missing'
	fails 2 vduse add name x type net backend mem:1M
	says 'type "net" is not "block"'
	fails 2 vduse add name x type block backend ''
	says 'backend "" is not a back end'"'"'s URI'
	local good='vduse add name x type block backend mem:1M'
	fails 2 $good queues 0
	says 'queues "0" is not a decimal number from 1 to 64'
	fails 2 $good queues 65
	fails 2 $good queue_size 100
	says 'queue_size "100" is not a power of two, expected one from 4 to 1024'
	fails 2 $good queue_size 2048
	fails 2 $good block_size 1024
	says 'block_size "1024" is not 512 or 4096'
	fails 2 $good serial 123456789012345678901
	says 'has 21 octets, at most 20'
	fails 2 $good cache none
	fails 2 $good in_order yes
	says 'in_order "yes" is not "on" or "off"'
	fails 2 $good reconnect -1
	fails 2 $good driver virtio-vdpa
	says 'driver "virtio-vdpa" is not "virtio_vdpa", "vhost_vdpa" or "none"'
	fails 2 $good wait 3601
	fails 2 $good readonly readonly
	says 'readonly is given twice'
	fails 2 vduse del
	says 'the name of a VDUSE device is expected'
	fails 2 vduse rescue x force
	says 'unknown argument "force", expected one of: fail'
	fails 2 vduse resize x size 5X
	says 'size "5X" is not a number of octets'
}

@test "names that can't be a device's" {
	local name
	for name in . .. control a/b -x .x 'a b' '' "$(printf '%0129d' 0)"; do
		fails 2 vduse add type block backend mem:1M -- name "$name"
		says 'vduse add: name "'
	done
	fails 2 vduse show a/b
	fails 2 vduse rescue control
	fails 2 vduse del ..
}

@test "nothing is there" {
	works vduse show
	[[ -z $output ]]
	works -j vduse show
	[[ $output == '{"vduse":{}}' ]]
	rmdir run
	works vduse
	[[ -z $output ]]
	local command
	for command in show del attach restart rescue resize; do
		fails 3 vduse $command nothing
		says 'no VDUSE device is named "nothing"'
	done
	run -3 --separate-stderr "$VDPACTL" -j vduse show nothing
	[[ $output == '{"vduse":{},"errors":[{"device":"nothing",'*'"code":"ENODEV"'* ]]
}

@test "without VDUSE nothing is started" {
	needs_no_vduse
	fails 8 vduse add name x type block backend mem:1M
	says 'this kernel has no VDUSE' 'hint: `modprobe vduse`'
	[[ ! -e run/x ]]
}

@test "show: what a daemon tells, in text and JSON" {
	fake d0 "$STATUS"
	works vduse show
	[[ $output =~ ^'d0: type block backend file:/x y size 1048576 block_size 512 readonly true queues 1 queue_size 64 daemon serving pid '[0-9]+' driver none'$ ]]
	works -d -s vduse show d0
	prints $'\n  version 9.9 api_version 0 serial s driver_ok true features 0x1 uptime 12\n' \
		$'\n  statistics reads 1 read_bytes 512 writes 2 write_bytes 1024 flushes 3 discards 4 write_zeroes 5 errors 6 kicks 7 interrupts 8\n' \
		$'\n  queue 0 ready true size 64 packed false in_flight 9 broken a loop reads 1 '
	works -j vduse show d0
	[[ $output =~ ^'{"vduse":{"d0":{"type":"block","backend":"file:/x y","size":1048576,"block_size":512,"readonly":true,"queues":1,"queue_size":64,"daemon":"serving","pid":'[0-9]+'}}}'$ ]]
	works -j -d -s vduse show d0
	prints '"uptime":12,"statistics":{"reads":1,' '"virtqueues":[{"index":0,"ready":true,"size":64,"packed":false,"in_flight":9,"broken":"a loop","reads":1,'
}

@test "show: daemons that fail requests, are gone, silent or talk nonsense" {
	local answer
	fake d0 "${STATUS/'"failing":false'/'"failing":true'}"
	works vduse show d0
	prints 'daemon failing'
	printf '%s\n' "${STATUS/'"broken":false'/'"broken":true'}" >run/d0/status
	works vduse show d0
	prints 'daemon broken'
	for answer in '{}' '[]' 'x' '' '{"ok":false}' '{"ok":false,"error":"no"}' "{\"ok\":true,\"ok\":true}"; do
		printf '%s\n' "$answer" >run/d0/status
		works vduse show d0
		prints 'daemon silent'
	done
	printf '%s\n' '{"ok":true,"size":-1,"type":7,"virtqueues":[3,{"index":"x"}],"statistics":[]}' >run/d0/status
	works -s -d vduse show d0
	prints 'size 0' 'daemon serving' 'version ? '
	mkdir run/d1
	works vduse show d1
	[[ $output == 'd1: daemon gone driver none' ]]
}

@test "show: a daemon that does not answer holds nothing up" {
	fake d0
	fake d1 "$STATUS"
	SECONDS=0
	works vduse show
	[[ $output =~ ^'d0: daemon silent pid '[0-9]+' driver none'$'\n''d1: type block ' ]]
	((SECONDS < 20)) # a stop is waited for 30
}

@test "del: the daemon ends and nothing is left" {
	fake d0 "$STATUS"
	works vduse del d0
	[[ ! -e run/d0 ]]
	mkdir run/d1
	touch run/d1/{lock,options,state,control}
	works vduse del d1
	[[ ! -e run/d1 ]]
	fails 3 vduse del d1
}

@test "del: what a daemon left half made, and what others made where its memory would be, keeps nothing" {
	local memory=/dev/shm/vdused.d1
	mkdir run/d1 "$memory"
	touch run/d1/{lock,options.new}
	run --separate-stderr "$VDPACTL" vduse del d1
	rmdir "$memory"
	[[ $status == 0 && ! -e run/d1 ]]
}

@test "del: what is not ours stays" {
	mkdir run/d0
	touch run/d0/precious
	fails 1 vduse del d0
	says 'cannot remove VDUSE device "d0"'
	[[ -e run/d0/precious ]]
	rm -r run/d0
	mkdir elsewhere
	touch elsewhere/state
	ln -s ../elsewhere run/d0
	fails 1 vduse del d0
	[[ -e elsewhere/state ]]
}

@test "restart: the old daemon ends, the new one resumes" {
	fake d0 "$STATUS"
	works vduse show d0
	local before=$output
	works vduse restart d0
	[[ $(<run/d0/arguments) == 'resume --name d0 --daemonize --ready-fd 3' ]]
	works vduse show d0
	prints 'daemon serving'
	[[ $output != "$before" ]]
	works vduse del d0
	mkdir run/d1
	fails 3 vduse restart d1
	says 'the daemon of "d1" is gone' 'vduse rescue d1'
}

@test "restart: what the new daemon says about its failure, and how to go on" {
	fake d0 "$STATUS"
	FAKE=error fails 1 vduse restart d0
	says 'the daemon of "d0" does not start: the disk is on fire' '"d0" has no daemon now' '`vdpactl vduse rescue d0` tries again'
	fake d0
	FAKE=stderr fails 1 vduse restart d0
	says 'the daemon of "d0" does not start: the disk is on fire'
	[[ $stderr != *'and more'* ]]
	fake d0
	FAKE="exit" fails 1 vduse restart d0
	says 'ended with status 7'
	fake d0
	run -1 --separate-stderr env FAKE=error "$VDPACTL" -j vduse restart d0
	[[ $output == '{"errors":[{"device":"d0",'*'"message":"the daemon of \"d0\" does not start: the disk is on fire"'* ]]
}

@test "restart: whatever happens between the two daemons, the disk is not left without one unsaid" {
	fake d0
	echo quit >run/d0/stop
	fails 3 vduse restart d0
	says 'cannot restart "d0": the daemon went away before it answered' '"d0" has no daemon now' \
		'`vdpactl vduse rescue d0` tries again'
	fake d0
	echo mute >run/d0/stop
	run -7 --separate-stderr timeout 20 "$VDPACTL" --timeout 1 vduse restart d0
	says 'cannot restart "d0": the daemon does not answer' 'the daemon of "d0" was asked to end and still may'
	[[ $stderr != *'has no daemon now'* ]]
}

@test "restart: a daemon is not ended where the next one could not take over" {
	fake d0 "$STATUS"
	works vduse show d0
	local before=$output
	FAKE=check fails 1 vduse restart d0
	says 'another daemon could not take "d0" over: the disk is on fire' 'hint: the present one goes on'
	FAKE=check-exit fails 1 vduse restart d0
	says "another daemon could not take \"d0\" over: $VDPACTL_VDUSED ended with status 7"
	VDPACTL_VDUSED=./nothing fails 8 vduse restart d0
	says 'cannot run the VDUSE daemon "./nothing"' 'hint: install vdused'
	printf '%s\n' "${STATUS/'"broken":false'/'"broken":true'}" >run/d0/status
	fails 1 vduse restart d0
	says 'the kernel gave "d0" up: no daemon can serve it' '`vduse del` is what is left'
	printf '%s\n' "$STATUS" >run/d0/status
	works vduse show d0
	[[ $output == "$before" ]]
}

@test "restart: the new daemon is not started before the old one has ended" {
	fake d0
	echo linger >run/d0/stop
	works vduse restart d0
	works vduse show d0
	prints 'daemon s' # serving or silent
}

@test "restart: a signal waits until the new daemon serves" {
	fake d0 "$STATUS"
	echo term >run/d0/stop
	rm run/d0/arguments
	run -143 --separate-stderr "$VDPACTL" vduse restart d0
	[[ $(<run/d0/arguments) == 'resume --name d0 --daemonize --ready-fd 3' ]]
	works vduse show d0
	prints 'daemon serving'
}

@test "a daemon that does not answer is waited for as long as --timeout says" {
	fake d0 "$STATUS"
	echo mute >run/d0/stop
	run -7 --separate-stderr timeout 20 "$VDPACTL" --timeout 1 vduse del d0
	says 'the daemon of "d0" does not stop: the daemon does not answer'
	fake d1
	run -0 timeout 20 "$VDPACTL" --timeout 0 vduse show d1
	prints 'daemon silent'
}

@test "rescue: only where a daemon is missing and a device is there" {
	fake d0
	fails 4 vduse rescue d0
	says 'a daemon serves "d0" already' 'vduse restart'
	mkdir run/d1
	fails 3 vduse rescue d1
	says 'there is no VDUSE device "d1" any more' 'vduse del'
}

@test "attach: a daemon is needed, and its file is read with the daemon's own rules" {
	fails 3 vduse attach d0
	says 'no VDUSE device is named "d0"'
	mkdir run/d1
	fails 3 vduse attach d1
	says 'the daemon of "d1" is gone'
	fake d0
	printf 'type block\nbackend mem:1M\n\ndriver virtio\n' >conf
	fails 2 vduse attach d0 config conf
	says 'conf:4: vduse attach: driver "virtio" is not "virtio_vdpa", "vhost_vdpa" or "none"'
	printf 'wait 5 s\n' >conf
	fails 2 vduse attach d0 config conf
	says 'conf:1: vduse attach: wait "5 s" is not a decimal number'
	fails 3 vduse attach d1 wait 1 config conf
	fails 3 vduse attach d0 config nothing
	says 'cannot read nothing: No such file or directory'
}

@test "attach: without VDUSE nothing is bound" {
	needs_no_vduse
	fake d0
	fails 8 vduse attach d0
	says 'this kernel has no VDUSE'
}

@test "resize: the daemon's refusal is told" {
	fake d0
	fails 1 vduse resize d0 size 64M
	says 'cannot resize "d0": the tape measure is lost'
	mkdir run/d1
	fails 3 vduse resize d1
}
