# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12 7.2
# builds: gcc asan
# lab: -c 1
# metrics: the format, what is there, the file.

load helpers
load tools
load watch

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
	took_at_most 20000
	kill -CONT "$pid"
	is_prometheus
	prints 'vdpa_vduse_up{name="disk"} 0' 'vdpa_scrape_error{name="disk",part="vduse",code="ETIMEDOUT"} 1'
	vdpactl vduse del disk
}

@test "without privileges: what may be read, and that something is missing" {
	stub_added "$DEV"
	captures 0 as_nobody "$VDPACTL" metrics
	is_prometheus
	prints "vdpa_device_info{name=\"$DEV\"" 'vdpa_scrape_complete{part="vstats"} 0'
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
	# A signal in the middle of it leaves none of another name.
	captures 143 interrupted fsync metrics file "$dir/vdpa.prom"
	[[ $(ls -A "$dir") == vdpa.prom ]]
	# A full disk leaves the old one.
	mkdir "$BATS_TEST_TMPDIR/full"
	mount -t tmpfs -o size=4k none "$BATS_TEST_TMPDIR/full"
	echo old >"$BATS_TEST_TMPDIR/full/vdpa.prom"
	fails 1 metrics file "$BATS_TEST_TMPDIR/full/vdpa.prom"
	says "cannot write $BATS_TEST_TMPDIR/full/vdpa.prom: No space left on device"
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

@test "bad words: 2" {
	fails 2 metrics file "$BATS_TEST_TMPDIR/vdpa.txt"
	says 'does not end in .prom'
	fails 2 metrics file .prom
	captures 2 vdpactl -j metrics
	says 'what it prints is no JSON'
	fails 2 metrics all
}
