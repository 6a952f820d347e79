# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12 7.2
# builds: gcc asan
# lab: --parents mlx5 -c 1
# metrics: the format, what is there, the file; and rates of statistics.

load helpers
load tools

needs_simulator() { [[ -e /sys/module/vdpa_sim_net ]] || skip "expected: no simulator for this kernel"; }

# stdout is good Prometheus text.
is_prometheus() {
	printf '%s\n' "$output" | awk -f "$TOP_SRCDIR/tests/kernel/prom_check.awk" >&2 || failed "bad text"
}

@test "without devices: the parents" {
	works metrics
	is_prometheus
	prints 'vdpa_mgmtdev_info{mgmtdev="vduse",classes="net,block"} 1' 'vdpa_scrape_complete{part="vstats"} 1' \
		'# TYPE vdpa_scrape_duration_seconds gauge' 'vdpactl_build_info{version="'
	[[ $output != *vdpa_device* && $output != *'mgmtdev_max_vqs{mgmtdev="vduse"'* ]]
}

@test "net devices: one info each, configuration, all statistics" {
	needs_simulator
	works dev add name "$DEV" mgmtdev vdpasim_net mtu 9000
	autoprobe off
	works dev add name idle mgmtdev vdpasim_net
	works metrics
	is_prometheus
	net=$(below "$DEV" 'virtio*/net/*')
	prints "vdpa_device_info{name=\"$DEV\",mgmtdev=\"vdpasim_net\",driver=\"virtio_vdpa\",class=\"net\",netdev=\"$net\"} 1" \
		'vdpa_device_info{name="idle",mgmtdev="vdpasim_net",driver="none",class="net"} 1' \
		'vdpa_devices{mgmtdev="vdpasim_net",driver="none",class="net"} 1' \
		'vdpa_devices{mgmtdev="vdpasim_net",driver="virtio_vdpa",class="net"} 1' \
		"vdpa_device_negotiated{name=\"$DEV\"} 1" 'vdpa_device_negotiated{name="idle"} 0' \
		"vdpa_device_mtu_bytes{name=\"$DEV\"} 9000" "vdpa_device_link_up{name=\"$DEV\"} 1" \
		"vdpa_device_max_vqs{name=\"$DEV\"} 3" 'vdpa_mgmtdev_max_vqs{mgmtdev="vdpasim_net"} 3' \
		"vdpa_queue_vendor_total{name=\"$DEV\",queue=\"0\",type=\"rx\",counter=\"rx packets\"} 0" \
		"vdpa_queue_vendor_total{name=\"$DEV\",queue=\"2\",type=\"control_vq\",counter=\"cvq errors\"} 0"
	[[ $output != *'vdpa_queue_vendor_total{name="idle"'* && $output != *vdpa_scrape_error* ]]
}

@test "a block device, and one that vhost_vdpa has" {
	needs_simulator
	works dev add name "$DEV" mgmtdev vdpasim_blk
	bind "$DEV" vhost_vdpa
	works metrics
	is_prometheus
	prints "vdpa_device_capacity_bytes{name=\"$DEV\"} 134217728" "vdpa_device_read_only{name=\"$DEV\"} 0" \
		",driver=\"vhost_vdpa\",class=\"block\",node=\"$(chardev "$DEV")\"} 1"
	[[ $output != *vdpa_queue_vendor* && $output != *vdpa_scrape_error* ]]
}

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

@test "VDUSE: the daemon's numbers; one that is gone" {
	works vduse add name disk type block backend mem:8M
	works metrics
	is_prometheus
	prints 'vdpa_vduse_up{name="disk"} 1' 'vdpa_vduse_info{name="disk",type="block",backend="mem:8M"' \
		'vdpa_vduse_capacity_bytes{name="disk"} 8388608' 'vdpa_vduse_requests_total{name="disk",queue="0",op="read"} ' \
		'vdpa_vduse_in_flight{name="disk",queue="0"} 0' 'vdpa_vduse_bytes_total{name="disk",queue="0",op="write"} 0' \
		'vdpa_scrape_complete{part="vduse"} 1' 'vdpa_device_capacity_bytes{name="disk"} 8388608'
	pid=$(vdpactl -j vduse show disk | jq '.vduse.disk.pid')
	kill -STOP "$pid"
	start_clock
	works metrics
	took_at_most 9000
	kill -CONT "$pid"
	is_prometheus
	prints 'vdpa_vduse_up{name="disk"} 0' 'vdpa_scrape_error{name="disk",part="vduse",code="ETIMEDOUT"} 1'
	vdpactl vduse del disk
}

@test "without privileges: what may be read, and that something is missing" {
	stub_added "$DEV"
	captures 0 as_nobody "$VDPACTL" metrics
	is_prometheus
	prints "vdpa_device_info{name=\"$DEV\"" 'vdpa_scrape_complete{part="'
	captures 8 in_other_netns "$VDPACTL" metrics
	[[ -z $raw ]]
}

@test "the file is whole or not there, and everyone may read it" {
	local dir=$BATS_TEST_TMPDIR/textfile
	mkdir "$dir"
	(umask 077 && vdpactl metrics file "$dir/vdpa.prom")
	output=$(<"$dir/vdpa.prom")
	is_prometheus
	[[ $(stat -c %a "$dir/vdpa.prom") == 644 && $(ls -A "$dir") == vdpa.prom ]]
	(cd "$dir" && vdpactl metrics file other.prom && [[ -s other.prom ]] && rm other.prom)
	# A full disk leaves the old one.
	mkdir "$BATS_TEST_TMPDIR/full"
	mount -t tmpfs -o size=8k none "$BATS_TEST_TMPDIR/full"
	echo old >"$BATS_TEST_TMPDIR/full/vdpa.prom"
	make_stubs_text
	fails 1 metrics file "$BATS_TEST_TMPDIR/full/vdpa.prom"
	says "cannot write \"$BATS_TEST_TMPDIR/full/vdpa.prom\": No space left on device"
	[[ $(<"$BATS_TEST_TMPDIR/full/vdpa.prom") == old && $(ls -A "$BATS_TEST_TMPDIR/full") == vdpa.prom ]]
	mount -o remount,ro "$BATS_TEST_TMPDIR/full"
	fails 1 metrics file "$BATS_TEST_TMPDIR/full/vdpa.prom"
	says 'Read-only file system'
	umount "$BATS_TEST_TMPDIR/full"
	fails 3 metrics file "$BATS_TEST_TMPDIR/none/vdpa.prom"
	says 'No such file or directory'
	captures 6 as_nobody "$VDPACTL" -q metrics file "$dir/vdpa.prom"
	says 'Permission denied'
}

# Makes the metrics larger than a page or two.
make_stubs_text() { load_standin sf_count=40; }

@test "bad words: 2" {
	fails 2 metrics file "$BATS_TEST_TMPDIR/vdpa.txt"
	says 'does not end in .prom'
	fails 2 metrics file .prom
	captures 2 vdpactl -j metrics
	says 'what it prints is no JSON'
	fails 2 metrics all
	fails 2 dev vstats show x count 1
	says 'count needs interval'
	fails 2 dev vstats show x interval 0
	says 'interval "0" is not a decimal number from 1 to 86400'
}

@test "rates: the first look, then each interval; text and JSON" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:02
	works dev vstats show "$DEV" qidx 0 interval 1 count 1
	[[ $output =~ ^'['[^]]*'Z] '$DEV:$'\n  queue type       counter                      per second                total\n  0     rx         received_desc                         -                 1000\n' ]]
	[[ $output =~ ' '$DEV': 1.'[0-9]{3}' s'$'\n' && $output == *$'  0     rx         received_desc                       0.0                 1000\n'* ]]
	"$VDPACTL" -j dev vstats show "$DEV" interval 1 >"$BATS_TEST_TMPDIR/rates" 3>&- &
	CHILDREN+=("$!")
	printed() { grep -qF -- "$1" "$BATS_TEST_TMPDIR/rates"; }
	wait_until 10 printed '"value":1000}'
	standin_set stats_scale 100
	wait_until 10 printed '"value":100,"reset":true}'
	standin_set stats_scale 1000
	wait_until 10 printed '"value":1000,"delta":900,"per_second":'
	vdpactl dev del "$DEV"
	wait_until 10 printed '"error":{"errno":19,'
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:02
	begun_anew() { [[ $(tail -n 1 "$BATS_TEST_TMPDIR/rates") == *'"queues"'* ]]; }
	wait_until 10 begun_anew
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
