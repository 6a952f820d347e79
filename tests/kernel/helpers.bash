# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # DEV and lines are for the tests
# What the tests on a real kernel share. Each file of them runs as root in a guest of its own (tests/lab), where
# every vDPA device is a test's: names need not be unusual, and teardown deletes what is left.
#
#   load helpers
#
#   @test "..." {
#       works dev add name "$DEV" mgmtdev vdpasim_net    # exit status 0, nothing on stderr
#       works -j dev show "$DEV"
#       has_json '.dev[$n].type == "network"' --arg n "$DEV"
#       fails 3 dev show nothing                         # exit status 3, nothing on stdout, a message on stderr
#       says 'device not found' 'hint: '
#       captures 9 vdpactl dev show "$DEV" nothing       # exit status 9 of any command, whatever it prints
#       prints "$DEV: " && says nothing
#   }
#
# The guest is emulated and slow at starting processes: `captures` (and what is made of it) costs an eighth of what
# bats' own `run --separate-stderr` costs, a comparison of text a tenth of jq.

bats_require_minimum_version 1.5.0

: "${VDPACTL:?is to be the vdpactl under test}"
[[ ! -x ${TOP_BUILDDIR:-}/vdused/vdused ]] || export VDPACTL_VDUSED=$TOP_BUILDDIR/vdused/vdused
readonly TEST_DEADLINE=${TEST_DEADLINE:-200} COMMAND_DEADLINE=60 # seconds; the machine may be busy

# A test file with a setup or teardown of its own calls these from it.
setup() { common_setup; }
teardown() { common_teardown; }

# DEV is a name for the test's device.
common_setup() {
	DEV=t$BATS_TEST_NUMBER
	CHILDREN=()
	STANDIN=
	LEGACY=$BATS_FILE_TMPDIR/vdpa
	[[ -e $LEGACY ]] || ln -s "$VDPACTL" "$LEGACY"
	autoprobe on
	watchdog "$BASHPID" 3>&- &
	WATCHDOG=$!
}

common_teardown() {
	local pid
	kill "$WATCHDOG" 2>/dev/null || true
	for pid in "${CHILDREN[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	end_vdused
	delete_devices
	[[ -z $STANDIN ]] || rmmod mlx5_standin
	no_devices
}

# Kills what process $1 started when the test's time is over, so that the test fails there.
watchdog() { # PID
	local never
	exec {never}<> <(:)
	read -r -t "$TEST_DEADLINE" -u "$never" || kill_below "$1" "$BASHPID"
}

kill_below() { # PID NOT-THIS-ONE
	local pid
	for pid in $(<"/proc/$1/task/$1/children"); do
		[[ $pid != "$2" ]] || continue
		kill_below "$pid" "$2"
		kill -KILL "$pid"
	done
}

# ---- devices ----------------------------------------------------------------------------------------------

# Not by a `dev del` that could wait without end. What a batch file can't hold is deleted in the second way.
delete_devices() {
	local path names=(/sys/bus/vdpa/devices/*)
	[[ -e ${names[0]} ]] || return 0
	printf 'dev del %s if_exists\n' "${names[@]##*/}" |
		grep -E '^dev del [A-Za-z0-9_.:%!][A-Za-z0-9_.:%!-]* if_exists$' >"$BATS_TEST_TMPDIR/delete" || true
	[[ ! -s $BATS_TEST_TMPDIR/delete ]] ||
		timeout "$COMMAND_DEADLINE" "$VDPACTL" -q -force -batch "$BATS_TEST_TMPDIR/delete" || true
	for path in /sys/bus/vdpa/devices/*; do
		[[ ! -e $path ]] || chardev_is_open "$path" || unmanaged "$path" ||
			timeout "$COMMAND_DEADLINE" vdpa dev del "${path##*/}" || true
	done
}

# Ends the daemons of `vduse add`, with their devices.
end_vdused() {
	local path
	for path in /run/vdused/*; do
		[[ ! -e $path ]] || timeout "$COMMAND_DEADLINE" "$VDPACTL" -q vduse del "${path##*/}" force || true
	done
}

unmanaged() { # PATH-OF-DEVICE
	[[ ${1##*/} =~ ^vdpa[0-9]+$ && $(readlink "$1") == */mlx5_standin/vdpa* ]]
}

# Does a process have the device's character device open?
chardev_is_open() { # PATH-OF-DEVICE
	local node fd
	for node in "$1"/vhost-vdpa-*; do
		[[ -e $node ]] || return 1
		for fd in /proc/[0-9]*/fd/*; do
			[[ ! $fd -ef /dev/${node##*/} ]] || return 0
		done
	done
	return 1
}

# Fails when a device is left, and names it.
no_devices() {
	local path left=()
	for path in /sys/bus/vdpa/devices/*; do
		[[ ! -e $path ]] || left+=("${path##*/}")
	done
	((${#left[@]} == 0)) || {
		printf 'left behind: %q\n' "${left[@]}"
		return 1
	}
}

device_exists() { [[ -e /sys/bus/vdpa/devices/$1 ]]; }

# COUNT devices PREFIX1 ... of vdpasim_net, by one process.
make_devices() { # PREFIX COUNT [ARGUMENT...]
	local numbers
	mapfile -t numbers < <(seq "$2")
	# shellcheck disable=SC2059 # a loop would be slow: bats traps each of its commands
	printf "dev add name $1%d mgmtdev vdpasim_net ${*:3}\n" "${numbers[@]}" >"$BATS_TEST_TMPDIR/make"
	vdpactl -batch "$BATS_TEST_TMPDIR/make"
}

# Gives the device to a driver: "vhost_vdpa", "virtio_vdpa" or "none".
bind() { # DEVICE DRIVER
	local dir=/sys/bus/vdpa/devices/$1
	[[ ! -e $dir/driver ]] || echo "$1" >"$dir/driver/unbind"
	[[ $2 != none ]] || return 0
	echo "$2" >"$dir/driver_override"
	echo "$1" >/sys/bus/vdpa/drivers_probe
	[[ -e /sys/bus/vdpa/drivers/$2/$1 ]]
}

# New devices go to no driver until autoprobe on: what is negotiated stays under the test's control.
autoprobe() { # on|off
	local file=/sys/bus/vdpa/drivers_autoprobe
	[[ ! -e $file ]] || if [[ $1 == on ]]; then echo 1 >$file; else echo 0 >$file; fi
}

# The stand-in for mlx5 (tests/lab/kmod) with these parameters; teardown removes it.
load_standin() { # PARAMETER...
	[[ ! -e /sys/module/mlx5_standin ]] || rmmod mlx5_standin
	modprobe mlx5_standin "$@"
	STANDIN=yes
}

standin_set() { # PARAMETER VALUE
	echo "$2" >"/sys/module/mlx5_standin/parameters/$1"
}

# ---- the command ------------------------------------------------------------------------------------------

vdpactl() { "$VDPACTL" "$@"; }

# The same program called as iproute2's.
as_vdpa() { "$LEGACY" "$@"; }

# iproute2's own.
iproute2() { /sbin/vdpa "$@"; }

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

in_other_netns() { unshare -n -- "$@"; }

# Runs COMMAND, which is to exit with STATUS. Sets raw (all of stdout), output (without newlines at its end), stderr.
captures() { # STATUS COMMAND...
	status=0
	"${@:2}" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
	IFS= read -r -d '' raw <"$BATS_TEST_TMPDIR/stdout" || true
	IFS= read -r -d '' stderr <"$BATS_TEST_TMPDIR/stderr" || true
	output=$raw
	while [[ $output == *$'\n' ]]; do
		output=${output%$'\n'}
	done
	[[ $status == "$1" ]] || failed "exit status $status, wanted $1: ${*:2}"
}

works() { # ARGUMENT...
	captures 0 vdpactl "$@"
	silent
}

fails() { # STATUS ARGUMENT...
	captures "$1" vdpactl "${@:2}"
	[[ -z $raw ]] || failed "prints on stdout"
	[[ -n $stderr ]] || failed "no message"
}

# ---- what it printed --------------------------------------------------------------------------------------

failed() {
	printf '%s\n' "$@" >&2
	[[ -z ${output:-} ]] || printf 'stdout: %s\n' "$output" >&2
	[[ -z ${stderr:-} ]] || printf 'stderr: %s\n' "$stderr" >&2
	return 1
}

silent() { [[ -z $stderr ]] || failed "not silent"; }

# Each TEXT is somewhere on stderr.
says() { # TEXT...
	local text
	for text; do
		[[ $stderr == *"$text"* ]] || failed "stderr lacks: $text"
	done
}

# Each TEXT is somewhere on stdout.
prints() { # TEXT...
	local text
	for text; do
		[[ $output == *"$text"* ]] || failed "stdout lacks: $text"
	done
}

# stdout is exactly TEXT (or standard input), but for newlines at its end.
prints_exactly() { # [TEXT]
	local want=${1-}
	(($#)) || IFS= read -r -d '' want || true
	while [[ $want == *$'\n' ]]; do
		want=${want%$'\n'}
	done
	[[ $output == "$want" ]] || failed "wanted: $want"
}

# stdout is JSON, one document, and the filter's last value is true.
has_json() { # FILTER [JQ-OPTION...]
	jq -e -s "${@:2}" "if length == 1 then .[0] | $1 else false end" >/dev/null <<<"$output" ||
		failed "not so: $1"
}

# COMMAND succeeds within SECONDS.
wait_until() { # SECONDS COMMAND...
	local i
	for ((i = 0; i < $1 * 20; i++)); do
		! "${@:2}" || return 0
		sleep 0.05
	done
	return 1
}

# Starts COMMAND in the background, as a process of its own; teardown ends it.
background() { # COMMAND...
	"$@" 3>&- &
	CHILDREN+=("$!")
}

# Runs vdpactl, which gets a SIGTERM with its first system call of that name. The leak sanitizer can't work below strace.
interrupted() { # SYSTEM-CALL ARGUMENT...
	strace -o /dev/null -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" -e trace="$1" \
		-e inject="$1:signal=TERM:when=1" "$VDPACTL" "${@:2}"
}

# How often vdpactl looks through all processes: LOOKS, with its output as of `works`.
counts_looks() { # ARGUMENT...
	captures 0 strace -E ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" -o "$BATS_TEST_TMPDIR/trace" \
		-e trace=open,openat "$VDPACTL" "$@"
	silent
	LOOKS=$(grep -c '"/proc/1/fd"' "$BATS_TEST_TMPDIR/trace") || true
}
