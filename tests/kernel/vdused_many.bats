# SPDX-License-Identifier: GPL-2.0-or-later
# Many disks of vdused.
# kernels: 7.2
# lab: -c 1 -m 1500

load helpers
load disks

@test "a hundred disks at once" {
	local i
	for ((i = 0; i < 100; i++)); do
		echo "vduse add name many$i type block backend mem:1M"
	done >"$BATS_TEST_TMPDIR/add"
	for ((i = 0; i < 100; i++)); do
		echo "vduse del many$i"
	done >"$BATS_TEST_TMPDIR/del"
	captures 0 vdpactl -q -b "$BATS_TEST_TMPDIR/add"
	[[ $(vdpactl -j vduse show | jq '.vduse | length') == 100 ]]
	dd if=/dev/urandom of=/dev/vdb bs=1M count=1 oflag=direct status=none
	captures 0 vdpactl -q -b "$BATS_TEST_TMPDIR/del"
	[[ $(vdpactl -j vduse show | jq '.vduse | length') == 0 ]]
}
