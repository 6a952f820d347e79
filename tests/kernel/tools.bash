# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # helpers.bash and run set the variables
# VDUSE daemons and users of char devices, for the tests that load this after helpers.bash.
# An open char device or a daemon that died makes the kernel wait where no signal reaches, so teardown first ends
# the users, then deletes the devices while their daemons still answer, then ends those.

: "${TOP_BUILDDIR:?is to be where the tests were built}"
readonly VDUSE_STUB=$TOP_BUILDDIR/tests/kernel/vduse_stub VHOST_OPEN=$TOP_BUILDDIR/tests/kernel/vhost_open

setup() { tools_setup; }
teardown() { tools_teardown; }

tools_setup() {
	common_setup
	declare -gA STUB=()
	USERS=()
}

tools_teardown() {
	local path pid
	end_users
	autoprobe on
	for path in /sys/class/vduse/*/msg_timeout; do
		[[ ! -e $path ]] || echo 1 >"$path"
	done
	for pid in "${STUB[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
	done
	delete_devices
	for path in "${!STUB[@]}"; do
		end_stub "$path"
	done
	for path in /dev/vduse/*; do
		[[ $path == */control ]] || "$VDUSE_STUB" --destroy "${path##*/}"
	done
	common_teardown
}

# Starts COMMAND in the background; returns when it prints "ready". Sets PID.
start_ready() { # COMMAND...
	local fd line=
	exec {fd}< <(exec "$@" 3>&-)
	PID=$!
	read -r -t 30 -u "$fd" line || true
	exec {fd}<&-
	[[ $line == ready ]] || failed "$1 is not ready: $line"
}

ended() { ! kill -0 "$1" 2>/dev/null; }

# The VDUSE device NAME and its daemon.
stub() { # NAME [OPTION...]
	start_ready "$VDUSE_STUB" "${@:2}" "$1"
	STUB[$1]=$PID
}

# The same, and the device is on the vdpa bus.
stub_added() { # NAME [OPTION...]
	stub "$@"
	vdpactl dev add name "$1" mgmtdev vduse
}

# Ends the daemon, which takes its device with it.
end_stub() { # NAME
	kill "${STUB[$1]}" 2>/dev/null || true
	wait_until 5 ended "${STUB[$1]}" || kill -KILL "${STUB[$1]}"
	unset "STUB[$1]"
}

# Ends the daemon so that it can't clean up.
crash_stub() { # NAME
	kill -KILL "${STUB[$1]}"
	wait_until 20 ended "${STUB[$1]}"
	unset "STUB[$1]"
}

msg_timeout() { # NAME SECONDS
	echo "$2" >"/sys/class/vduse/$1/msg_timeout"
}

# A process that has the char device of DEVICE open. Sets PID.
use() { # DEVICE [OPTION...]
	start_ready "$VHOST_OPEN" "${@:2}" "$(chardev "$1")"
	USERS+=("$PID")
}

end_users() {
	local pid
	for pid in "${USERS[@]}"; do
		kill_tree "$pid"
		wait_until 20 ended "$pid"
	done
	USERS=()
}

kill_tree() { # PID
	local children=()
	read -ra children 2>/dev/null <"/proc/$1/task/$1/children" || true
	((${#children[@]} == 0)) || kill -KILL "${children[@]}" 2>/dev/null || true
	kill -KILL "$1" 2>/dev/null || true
}

chardev() { # DEVICE
	local node
	for node in "/sys/bus/vdpa/devices/$1"/vhost-vdpa-*; do
		echo "/dev/${node##*/}"
	done
}

# The only entry of a directory that PATTERN stands for ("virtio*", "virtio*/net/*").
below() { # DEVICE PATTERN
	local found
	# shellcheck disable=SC2206 # a pattern it is
	found=(/sys/bus/vdpa/devices/"$1"/$2)
	[[ ${#found[@]} == 1 && -e ${found[0]} ]] || failed "not one $2 below $1: ${found[*]}"
	echo "${found[0]##*/}"
}

gone() { # DEVICE
	! device_exists "$1" || failed "$1 is still there"
}

# How long what ran since start_clock took.
start_clock() { STARTED=${EPOCHREALTIME/./}; }

took_at_least() { # MILLISECONDS
	local took=$(((${EPOCHREALTIME/./} - STARTED) / 1000))
	((took >= $1)) || failed "took $took ms only, expected $1 at least"
}

took_at_most() { # MILLISECONDS
	local took=$(((${EPOCHREALTIME/./} - STARTED) / 1000))
	((took <= $1)) || failed "took $took ms, expected $1 at most"
}
