# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# builds: gcc asan
# lab: -c 1
# -batch: many commands by one process.

load helpers

setup() {
	common_setup
	autoprobe off
	BATCH=$BATS_TEST_TMPDIR/batch
}

@test "a thousand additions, listed, and deleted" {
	printf 'dev add name d%d mgmtdev vdpasim_net\n' {1..1000} >"$BATCH"
	works -batch "$BATCH"
	prints_exactly ''
	works dev show
	mapfile -t lines <<<"$output"
	[ "${#lines[@]}" -eq 1000 ]
	[ "${lines[0]}" = 'd1: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256' ]
	[ "${lines[999]}" = 'd1000: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256' ]
	works -j dev config show
	has_json '.config | length == 1000'
	printf 'dev del d%d\n' {1..1000} >"$BATCH"
	works -batch "$BATCH"
	no_devices
}

@test "stops at the first failure, with file and line; what was done stays" {
	printf '%s\n' "dev add name a mgmtdev vdpasim_net" '' '# a comment' "dev add name a mgmtdev vdpasim_net" \
		"dev add name b mgmtdev vdpasim_net" >"$BATCH"
	fails 4 -batch "$BATCH"
	[ "$stderr" = "vdpactl: $BATCH:4: device \"a\" exists already"$'\n' ]
	device_exists a
	run ! device_exists b
}

@test "-force goes on: 9 when some were done, the first failure's status when none was" {
	printf '%s\n' "dev add name a mgmtdev vdpasim_net" "dev del gone" "frob" "dev add name b mgmtdev vdpasim_net" >"$BATCH"
	fails 9 -force -batch "$BATCH"
	says "vdpactl: $BATCH:2: cannot delete device \"gone\"" "vdpactl: $BATCH:3: Object \"frob\" not found"
	device_exists b
	printf '%s\n' "dev del gone" "frob" >"$BATCH"
	fails 3 -force -batch "$BATCH"
	printf '%s\n' "frob" "dev del gone" >"$BATCH"
	fails 2 -force -batch "$BATCH"
	works -force -batch - </dev/null
}

@test "standard input; what it asks is answered in order" {
	captures 0 vdpactl -b - <<-'END'
		dev add name a mgmtdev vdpasim_net
		dev show
		dev add name b mgmtdev vdpasim_blk
		dev show b
		dev del a b
		dev show
	END
	silent
	prints_exactly 'a: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256
b: type block mgmtdev vdpasim_blk vendor_id 0 max_vqs 1 max_vq_size 256'
	captures 3 vdpactl -b - <<<'dev show gone'
	says 'vdpactl: stdin:1: cannot show device "gone"'
}

@test "quotes, backslashes, continued lines, comments, carriage returns, no newline at the end" {
	printf '%s' 'dev add name "a b" mgmtdev vdpasim_net # behind it
dev add name '\''c"d'\'' mgmtdev vdpasim_net
   dev   add	name e\ f mgmtdev \
      vdpasim_net

#dev add name no mgmtdev vdpasim_net
dev add name "g\"h\\" mgmtdev vdpasim_net'$'\r''
dev add name i#j mgmtdev vdpasim_net' >"$BATCH"
	works -batch "$BATCH"
	for name in 'a b' 'c"d' 'e f' 'g"h\' 'i#j'; do
		device_exists "$name"
	done
	run ! device_exists no
	works dev del 'a b' 'c"d' 'e f' 'g"h\' 'i#j'
	no_devices
}

@test "lines that can't be read: 2, with the line where they begin" {
	captures 2 vdpactl -b - <<<$'\ndev show "a\n'
	says 'vdpactl: stdin:2: a quote is not closed'
	printf 'dev show a\\' >"$BATCH"
	captures 2 vdpactl -b - <"$BATCH"
	says 'stdin:1: the file ends behind a backslash'
	printf 'dev show \0\n' >"$BATCH"
	captures 2 vdpactl -b - <"$BATCH"
	says 'stdin:1: the line contains a NUL octet'
	captures 2 vdpactl -b - <<<'-batch other'
	says 'stdin:1: -batch and -force'
}

@test "options: the command line's for all lines, a line's for itself" {
	make_devices a 1
	captures 0 vdpactl -j -b - <<<$'dev show\n-p dev show\ndev show'
	[ "$raw" = '{"dev":{"a1":{"type":"network","mgmtdev":"vdpasim_net","vendor_id":0,"max_vqs":3,"max_vq_size":256}}}
{
    "dev": {
        "a1": {
            "type": "network",
            "mgmtdev": "vdpasim_net",
            "vendor_id": 0,
            "max_vqs": 3,
            "max_vq_size": 256
        }
    }
}
{"dev":{"a1":{"type":"network","mgmtdev":"vdpasim_net","vendor_id":0,"max_vqs":3,"max_vq_size":256}}}
' ]
	captures 9 vdpactl -force -q -b - <<<$'dev add name b mgmtdev vdpasim_net mtu 1\n-v dev show gone\ndev del a1'
	[ "$stderr" = 'vdpactl: stdin:1: cannot add device "b": integer out of range (Numerical result out of range)
vdpactl: stdin:2: cannot show device "gone": device not found (No such device)
  kernel: vdpa: device not found
  errno: No such device
' ]
}

@test "files that can't be read: 1" {
	fails 1 -batch "$BATS_TEST_TMPDIR/none"
	says "can" "open batch file \"$BATS_TEST_TMPDIR/none\": No such file or directory"
	fails 1 -batch "$BATS_TEST_TMPDIR"
	says 'Is a directory'
}

@test "a file that grows while it runs and talks back: a coprocess" {
	coproc PEER { "$VDPACTL" -b - 2>&1; }
	echo 'dev add name a mgmtdev vdpasim_net' >&"${PEER[1]}"
	echo 'dev show' >&"${PEER[1]}"
	read -r -t 30 line <&"${PEER[0]}"
	[ "$line" = 'a: type network mgmtdev vdpasim_net vendor_id 0 max_vqs 3 max_vq_size 256' ]
	pid=$PEER_PID
	exec {PEER[1]}>&-
	wait "$pid"
}

# The kernel's simulators crash when a signal kills who adds a device: it has to wait.
@test "a batch that is ended by a signal ends between two additions" {
	local delay pid rc
	printf 'dev add name s%d mgmtdev vdpasim_net\n' {1..3000} >"$BATS_TEST_TMPDIR/many"
	for delay in 0.2 0.33 0.47 0.6; do
		"$VDPACTL" -batch "$BATS_TEST_TMPDIR/many" 3>&- &
		pid=$!
		sleep "$delay"
		rc=0
		kill -TERM "$pid"
		wait "$pid" || rc=$?
		((rc == 143)) || failed "the batch ended with $rc"
		delete_devices
	done
	works dev show
	prints_exactly ''
}
