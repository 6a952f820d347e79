# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# builds: gcc asan
# lab: --parents mlx5 -c 1
# What vendors count: rates, and in metrics.

load helpers
load tools
load watch

@test "hardware's limits; a device that can't be read does not spoil the rest" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 2 mac 02:00:00:00:00:02
	works metrics
	is_prometheus
	prints 'vdpa_mgmtdev_max_devices{mgmtdev="auxiliary/mlx5_core.sf.1"} 1' "vdpa_device_max_vqs{name=\"$DEV\"} 5" \
		"{name=\"$DEV\",queue=\"4\",type=\"control_vq\",counter=\"received_desc\"} 5000"
	standin_set fail_stats 5
	works metrics
	is_prometheus
	prints "vdpa_scrape_error{name=\"$DEV\",part=\"vstats\",code=\"EIO\"} 1" "vdpa_device_max_vqs{name=\"$DEV\"} 5"
}

@test "hostile names of counters: still good text, each once" {
	load_standin sf_count=0 hostile=1
	works dev add name "$DEV" mgmtdev mlx5_standin_hostile
	works metrics
	is_prometheus
	prints 'counter="%s%n%s"} 18446744073709551615' 'counter="quote\"back\\slash/"' 'counter="line\\x0afeed\\x09tab"'
}

@test "rates: the first look, then each interval; text and JSON" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:02
	works dev vstats show "$DEV" qidx 0 interval 1 count 1
	[[ $output =~ ^'['[^]]*'Z] '$DEV:$'\n  queue type       counter                      per second                total\n  0     rx         received_desc                         -                 1000\n' ]]
	[[ $output =~ ' '$DEV': '[0-9]+\.[0-9]{3}' s'$'\n' && $output == *$'  0     rx         received_desc                       0.0                 1000\n'* ]]
	"$VDPACTL" -j dev vstats show "$DEV" interval 1 >"$BATS_TEST_TMPDIR/rates" 3>&- &
	CHILDREN+=("$!")
	printed() { grep -qF -- "$1" "$BATS_TEST_TMPDIR/rates"; }
	wait_until 20 printed '"value":1000}'
	standin_set stats_scale 100
	wait_until 20 printed '"value":100,"reset":true}'
	standin_set stats_scale 1000
	wait_until 20 printed '"value":1000,"delta":900,"per_second":'
	vdpactl dev del "$DEV"
	wait_until 20 printed '"error":{"errno":19,'
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:02
	begun_anew() { [[ $(tail -n 1 "$BATS_TEST_TMPDIR/rates") == *'"queues"'* ]]; }
	wait_until 20 begun_anew
	kill -TERM "${CHILDREN[0]}"
	wait "${CHILDREN[0]}"
	jq -e -s 'all(.dev == $d) and (.[0] | has("interval_us") | not) and .[1].interval_us > 900000
		and .[1].queues[0].queue_type == "rx" and any(.[].queues[0].counters[0]?; .delta == 900 and .per_second > 0)
		and (. as $l | any(range(1; length); $l[. - 1].error and ($l[.].queues[0].counters[0] | has("delta") | not)))' \
		--arg d "$DEV" "$BATS_TEST_TMPDIR/rates" >/dev/null || failed "$(<"$BATS_TEST_TMPDIR/rates")"
	fails 3 dev vstats show gone interval 1
}

@test "rates wait for a driver" {
	needs_simulator
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net
	works -j dev vstats show "$DEV" interval 1 count 1
	[[ $(jq -c '.error.errno' <<<"$output") == $'11\n11' ]]
	captures 6 as_nobody "$VDPACTL" dev vstats show "$DEV" interval 1
}
