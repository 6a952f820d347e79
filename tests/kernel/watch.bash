# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # captures sets the variables
# What the tests of `monitor` and `metrics` share. Load it after helpers.bash and tools.bash.

# Starts `vdpactl -j monitor ARGUMENT...`, which prints to $EVENTS, and waits for its first line. Sets MONITOR.
watching() { # ARGUMENT...
	EVENTS=$BATS_TEST_TMPDIR/events
	: >"$EVENTS"
	"$VDPACTL" -j monitor "$@" >"$EVENTS" 2>"$EVENTS.err" 3>&- &
	MONITOR=$!
	CHILDREN+=("$MONITOR")
	wait_until 20 told 1 '"event":"synced"' || failed "it does not begin: $(<"$EVENTS.err")"
}

# At least COUNT lines have TEXT.
told() { # COUNT TEXT
	(($(grep -cF -- "$2" "$EVENTS") >= $1))
}

# Ends the monitor; it was right to.
end_watching() {
	local status=0
	kill -TERM "$MONITOR" 2>/dev/null || true
	wait "$MONITOR" || status=$?
	[[ $status == 0 && ! -s $EVENTS.err ]] || failed "exit status $status: $(<"$EVENTS.err")"
}

# The events as "SUBJECT EVENT DEV [DRIVER|NODE]", behind the first "synced".
events() {
	jq -r 'if .subject then [.subject, .event, .dev // "?", .driver // .netdev // .blockdev // empty] | join(" ") else .event end' \
		"$EVENTS" | sed '0,/^synced$/d'
}

# What the events add up to: "DEV DRIVER NODE" a line, sorted. An addition of what is there, or the opposite, is a fault.
sum_of_events() {
	jq -r -n 'reduce (inputs | select(.subject)) as $e ({}; $e.dev as $d |
		if $e.subject == "dev" then
			if $e.event == "remove" then
				(if has($d) then del(.[$d]) else error("removed: \($d)") end)
			elif has($d) then error("added again: \($d)")
			else .[$d] = {} end
		elif has($d) | not then error("of nothing: \($e | tojson)")
		elif $e.subject == "driver" then .[$d].driver = (if $e.event == "unbind" then null else $e.driver end)
		elif $e.event == "change" then .
		else .[$d].node = (if $e.event == "remove" then null else $e.netdev // $e.blockdev end) end)
		| to_entries[] | "\(.key) \(.value.driver // "-") \(.value.node // "-")"' "$EVENTS" | sort
}

# The same from sysfs.
sum_of_sysfs() {
	vdpactl -d -j dev show | jq -r '.dev | to_entries[] | "\(.key) \(.value.driver // "-") \(.value.netdev.name // .value.blockdev // "-")"' |
		sort
}

sums_agree() {
	diff -u <(sum_of_sysfs) <(sum_of_events)
}

needs_simulator() { [[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulator for this kernel"; }

# stdout is good Prometheus text.
is_prometheus() {
	printf '%s\n' "$output" | awk -f "$TOP_SRCDIR/tests/kernel/prom_check.awk" >&2 || failed "bad text"
}
