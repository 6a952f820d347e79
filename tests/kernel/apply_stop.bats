# SPDX-License-Identifier: GPL-2.0-or-later
# apply of many devices: progress, interruption at any point, others at the same time.
# kernels: 6.12
# lab: --parents mlx5 -c 1

load helpers
load apply

@test "many are added in turns with others that add devices" {
	many n 6000 ',"driver":"none"'
	"$VDPACTL" apply "$FILE" >/dev/null 3>&- &
	wait_until 20 device_exists n300
	works dev add name other mgmtdev vdpasim_net driver none
	run ! device_exists n6000
	wait "$!"
	[[ $(count) == 6001 && $(<"/sys/bus/vdpa/drivers_autoprobe") == 1 ]]
}

bound() { set -- /sys/bus/vdpa/drivers/vhost_vdpa/k*; [[ -e $1 ]] || shift; echo $#; }

@test "long work shows how far it is, on a terminal alone, and wipes it off" {
	many w 800 ',"driver":"vhost_vdpa"'
	# shellcheck disable=SC2016
	export VDPACTL FILE
	SHELL=/bin/bash script -qec '"$VDPACTL" apply "$FILE" >/dev/null' /dev/null <<<'' >"$BATS_TEST_TMPDIR/terminal"
	output=$(<"$BATS_TEST_TMPDIR/terminal")
	[[ $output =~ $'\r\e[K'(adding|binding)' '[0-9]+/1600 ]] || failed "nothing of adding or binding"
	[[ $output == *$'\r\e[K' ]] || failed "something is left"
	works dev del 'w*'
	captures 0 vdpactl apply "$FILE"
	silent
}

@test "killed half-way, the next apply finishes; SIGTERM ends it with what was done" {
	local pid n
	many k 300 ',"driver":"vhost_vdpa"'
	"$VDPACTL" -q apply "$FILE" >/dev/null 2>&1 3>&- &
	pid=$!
	# Not while simulators are added: Linux 6.12 dies of a fatal signal in the middle of that.
	wait_until 30 test -e /sys/bus/vdpa/drivers/vhost_vdpa/k5
	kill -KILL "$pid"
	wait "$pid" || true
	n=$(bound)
	((n < 250)) || failed "killed too late: $n are bound"
	# As if it had been killed earlier: some are not there at all.
	printf 'dev del k%d\n' {260..300} | vdpactl -batch -
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	wait_until 20 test -e "/sys/bus/vdpa/drivers/vhost_vdpa/k$((n + 10))"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	stderr=$(<"$BATS_TEST_TMPDIR/err")
	says 'interrupted: ' ' of the devices are not finished' 'goes on where this one stopped'
	grep -q '(not finished)' "$BATS_TEST_TMPDIR/out"
	[[ $status == 9 ]]
	captures 0 vdpactl apply "$FILE"
	settled
	[[ $(bound) == 300 && $(</sys/bus/vdpa/drivers_autoprobe) == 1 ]]
}

lock_is_free() { flock -n /run/vdpactl/apply.lock true; }

@test "a signal ends apply, tells that, and ends the batch that it is in" {
	local pid
	devices "$NET"
	mkdir -p /run/vdpactl
	background flock -F /run/vdpactl/apply.lock sleep 100
	wait_until 5 eval '! lock_is_free'
	printf 'apply %s\ndev add name later mgmtdev vdpasim_net\n' "$FILE" >"$BATS_TEST_TMPDIR/batch"
	"$VDPACTL" -force -batch "$BATS_TEST_TMPDIR/batch" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	# It holds the signals, which are 1, 2 and 15.
	wait_until 20 grep -q '^SigBlk:.*4003$' "/proc/$pid/status"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	grep -q interrupted "$BATS_TEST_TMPDIR/err"
	[[ $status == 143 ]]
	run ! device_exists later
}

@test "two at once: one waits for the other, and finds nothing to do; a deadline ends the wait" {
	local first second
	many t 100
	mkdir -p /run/vdpactl
	mkfifo "$BATS_TEST_TMPDIR/release"
	flock /run/vdpactl/apply.lock cat "$BATS_TEST_TMPDIR/release" 3>&- &
	CHILDREN+=("$!")
	wait_until 5 eval '! lock_is_free'
	fails 7 --timeout 1 apply "$FILE"
	says 'another apply or restore runs, and was not through after 1 seconds'
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	first=$!
	"$VDPACTL" apply "$FILE" >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
	second=$!
	: >"$BATS_TEST_TMPDIR/release"
	wait "$first"
	wait "$second"
	[[ $(cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second" | wc -l) == 100 ]]
	[[ ! -s $BATS_TEST_TMPDIR/first || ! -s $BATS_TEST_TMPDIR/second ]]
}
