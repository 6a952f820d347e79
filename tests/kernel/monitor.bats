# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12 7.2
# builds: gcc asan
# lab: -c 1
# monitor: what it tells, when it ends, and that nothing is missed.

load helpers
load tools
load watch

@test "a disk's life, line by line" {
	watching initial
	stub_added "$DEV"
	wait_until 20 told 1 '"event":"bind"'
	disk=$(below "$DEV" 'virtio*/block/*')
	vdpactl dev del "$DEV"
	wait_until 20 told 1 '"event":"remove","subject":"dev"'
	end_watching
	events >"$EVENTS.words"
	diff -u - "$EVENTS.words" <<-END
		dev add $DEV
		block add $DEV $disk
		driver bind $DEV virtio_vdpa
		block remove $DEV $disk
		driver unbind $DEV virtio_vdpa
		dev remove $DEV
	END
	# Each line is a document; numbers grow.
	[[ $(jq -s 'map(.seqnum // empty) | . == sort and length == 6' "$EVENTS") == true ]]
	[[ $(jq -s 'all(.time | test("^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{6}Z$"))' "$EVENTS") == true ]]
}

@test "an interface's life: another name, another driver" {
	needs_simulator
	watching initial
	works dev add name "$DEV" mgmtdev vdpasim_net
	net=$(below "$DEV" 'virtio*/net/*')
	ip link set "$net" name moved
	bind "$DEV" vhost_vdpa
	works dev del "$DEV"
	wait_until 20 told 1 '"event":"remove","subject":"dev"'
	end_watching
	events >"$EVENTS.words"
	diff -u - "$EVENTS.words" <<-END
		dev add $DEV
		netdev add $DEV $net
		driver bind $DEV virtio_vdpa
		netdev move $DEV moved
		netdev remove $DEV moved
		driver unbind $DEV virtio_vdpa
		driver bind $DEV vhost_vdpa
		driver unbind $DEV vhost_vdpa
		dev remove $DEV
	END
	[[ $(jq -r 'select(.event == "move") | .old_netdev' "$EVENTS") == "$net" ]]
}

@test "in a user namespace without root, as of a container: the same events" {
	watching initial
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare -U "$VDPACTL" monitor initial >"$BATS_TEST_TMPDIR/text" 3>&- &
	CHILDREN+=("$!")
	wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/text"
	stub_added "$DEV"
	wait_until 10 told 1 '"event":"bind"'
	end_watching
	wait_until 10 grep -q "driver bind $DEV driver virtio_vdpa" "$BATS_TEST_TMPDIR/text"
	kill -TERM "${CHILDREN[-1]}"
	grep -q "dev add $DEV" "$BATS_TEST_TMPDIR/text"
}

@test "text, what is asked for, and count" {
	stub_added first
	"$VDPACTL" monitor driver initial count 2 >"$BATS_TEST_TMPDIR/text" 3>&- &
	MONITOR=$!
	CHILDREN+=("$MONITOR")
	wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/text"
	stub_added "$DEV"
	vdpactl dev del "$DEV"
	wait "$MONITOR"
	sed 's/^\[[^]]*Z\] //' "$BATS_TEST_TMPDIR/text" >"$BATS_TEST_TMPDIR/words"
	diff -u - "$BATS_TEST_TMPDIR/words" <<-END
		driver present first driver virtio_vdpa
		synced
		driver bind $DEV driver virtio_vdpa
		driver unbind $DEV driver virtio_vdpa
	END
}

@test "it ends by signals, a reader that goes, its time; a failure when it was to count: 7" {
	local sig
	for sig in INT TERM HUP; do
		"$VDPACTL" -j monitor initial >"$BATS_TEST_TMPDIR/out" 3>&- &
		MONITOR=$!
		CHILDREN+=("$MONITOR")
		wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/out"
		# bash starts it deaf to SIGINT
		[[ $sig != INT ]] || { kill -INT "$MONITOR" && sleep 0.2 && kill -0 "$MONITOR" && sig=TERM; }
		kill -"$sig" "$MONITOR"
		wait "$MONITOR"
	done
	env --default-signal=INT "$VDPACTL" -j monitor initial >"$BATS_TEST_TMPDIR/out" 3>&- &
	MONITOR=$!
	CHILDREN+=("$MONITOR")
	wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/out"
	kill -INT "$MONITOR"
	wait "$MONITOR"
	# Nothing happens: only the pipe tells that nobody reads.
	start_clock
	"$VDPACTL" monitor initial timeout 50 | head -n 1 >"$BATS_TEST_TMPDIR/head"
	took_at_most 10000
	grep -q synced "$BATS_TEST_TMPDIR/head"
	works monitor timeout 1
	prints_exactly ''
	captures 7 vdpactl -j monitor count 1 timeout 1
	[[ $output == '{"errors":[{"errno":110,"code":"ETIMEDOUT","message":"0 of 1 events came within 1 s"}]}' ]]
	captures 1 bash -c '"$0" monitor initial >/dev/full' "$VDPACTL"
	says 'cannot write to standard output: No space left on device'
	captures 1 bash -c '"$0" monitor initial >&-' "$VDPACTL"
	says 'Bad file descriptor'
}

@test "a reader that does not read does not keep it from ending" {
	needs_simulator
	make_devices many 150
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec {slow}<>"$BATS_TEST_TMPDIR/pipe"
	timeout 20 "$VDPACTL" -j monitor initial timeout 600 >"$BATS_TEST_TMPDIR/pipe" 3>&- &
	MONITOR=$!
	sleep 1
	kill -TERM "$MONITOR"
	start_clock
	wait "$MONITOR" || [[ $? == 143 ]]
	took_at_most 15000
	exec {slow}>&-
}

@test "everyone may listen, also from another network namespace" {
	local as
	for as in as_nobody in_other_netns; do
		"$as" "$VDPACTL" -j monitor dev initial count 1 timeout 20 >"$BATS_TEST_TMPDIR/out" 3>&- &
		MONITOR=$!
		CHILDREN+=("$MONITOR")
		wait_until 20 grep -q synced "$BATS_TEST_TMPDIR/out"
		stub_added "$DEV"
		wait "$MONITOR"
		tail -n 1 "$BATS_TEST_TMPDIR/out" | jq -e '.event == "add" and .dev == $d' --arg d "$DEV" >/dev/null
		vdpactl dev del "$DEV"
		end_stub "$DEV"
	done
}

@test "the listing and the events fit, whatever happens meanwhile" {
	needs_simulator
	make_devices before 200
	printf 'dev add name during%d mgmtdev vdpasim_net\n' {1..300} >"$BATS_TEST_TMPDIR/batch"
	printf 'dev del before%d\n' {1..100} >>"$BATS_TEST_TMPDIR/batch"
	background "$VDPACTL" -batch "$BATS_TEST_TMPDIR/batch"
	watching initial
	wait "${CHILDREN[0]}"
	wait_until 20 told 1 '"dev":"before100","seqnum"' || true
	wait_until 20 sums_agree 2>/dev/null >/dev/null || sums_agree
	end_watching
	[[ $(grep -c resync "$EVENTS") == 0 ]]
}

@test "overflow: resync, and what was missed" {
	needs_simulator
	make_devices old 50
	watching initial buffer 8K
	kill -STOP "$MONITOR"
	printf 'dev add name new%d mgmtdev vdpasim_net\n' {1..1000} >"$BATS_TEST_TMPDIR/batch"
	printf 'dev del new%d\n' {1..900} >>"$BATS_TEST_TMPDIR/batch"
	printf 'dev del old%d\n' {1..20} >>"$BATS_TEST_TMPDIR/batch"
	printf 'dev add name old%d mgmtdev vdpasim_net\n' {1..10} >>"$BATS_TEST_TMPDIR/batch"
	vdpactl -batch "$BATS_TEST_TMPDIR/batch"
	kill -CONT "$MONITOR"
	wait_until 20 told 2 '"event":"synced"' || failed "no resync"
	wait_until 20 sums_agree 2>/dev/null >/dev/null || sums_agree
	# One that was deleted and made again is not the same.
	[[ $(jq -r 'select(.dev == "old3" and .subject == "dev") | .event' "$EVENTS" | xargs) == 'present remove add' ]]
	end_watching
	events | grep -qx resync
}

@test "bad words: 2" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086 # words
		fails 2 monitor $words
		says "$text"
	done <<-'END'
		nothing|WHAT "nothing" is not all, dev, driver, netdev or block
		count 0|count "0" is not a decimal number from 1
		dev timeout x|timeout "x" is not
		buffer -1|unknown option
		buffer 1x|buffer "1x" is not a number of octets
		dev initial driver|unknown argument "driver"
	END
	captures 1 as_vdpa monitor
	says 'Object "monitor" not found'
}
