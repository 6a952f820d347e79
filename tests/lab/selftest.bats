# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the lab itself: what its users build on. Needs the cache (lab setup); uses no network.

bats_require_minimum_version 1.5.0

setup_file() {
	export LAB=$BATS_TEST_DIRNAME/lab
	"$LAB" setup -k 6.12
	# What makes the tests slow is the boot, so each one below asks several questions of one guest.
	export CACHE=${VDPACTL_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vdpactl-lab}
}

# The children of process $1 whose command is $2.
children_of() {
	local pid
	for pid in $(<"/proc/$1/task/$1/children"); do
		[[ $(<"/proc/$pid/comm") != "$2"* ]] || echo "$pid"
	done
}

wait_until() { # SECONDS COMMAND...
	local i
	for ((i = 0; i < $1 * 20; i++)); do
		! "${@:2}" || return 0
		sleep 0.05
	done
	return 1
}

@test "exit status, stdout, stderr and arguments come through intact" {
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	printf '%s\0' 'a b' "q'\"u" $'new\nline\n' '' '$HOME*' '--' '-k' 'ü=,' >"$BATS_TEST_TMPDIR/want"
	cd "$BATS_TEST_TMPDIR"
	code=0
	"$LAB" run sh -c 'cat data; { echo "$PWD"; cat want; printf "%s\0" "$@"; } >&2; exit 67' sh \
		'a b' "q'\"u" $'new\nline\n' '' '$HOME*' '--' '-k' 'ü=,' >out 2>err || code=$?
	[ "$code" -eq 67 ]
	cmp data out
	{ echo "$PWD"; cat want want; } | cmp - err
}

@test "the guest: environment, directories, devices, modules, a writable share and nothing else" {
	mkdir "$BATS_TEST_TMPDIR/share" "$BATS_TEST_TMPDIR/other"
	cd "$BATS_TEST_TMPDIR/other"
	chmod 700 .
	CI=yes "$LAB" run -e 'A=x  y' --keep "bash,ip,$BATS_TEST_TMPDIR/other" --share "$BATS_TEST_TMPDIR/share" bash -c 'set -eux
		[[ $A == "x  y" && $CI == yes && $(id -u) == 0 && $(hostname) == lab ]]
		[[ $(uname -r) == 6.12.* && -c /dev/vduse/control && -d /sys/bus/vdpa && -d /sys/kernel/debug/virtio-ports ]]
		[[ -c /dev/ptmx && -d /dev/shm && $(cat <(echo fd)) == fd && -z $(cat) ]]
		echo stdout >/dev/stdout
		ip link show lo | grep -q "state UNKNOWN"
		for m in virtio_vdpa vhost_vdpa vdpa_sim_net vdpa_sim_blk vduse; do [[ -d /sys/module/$m ]]; done
		modprobe tun
		# Whoever else tests act as gets to where the command runs.
		setpriv --reuid 65534 --regid 65534 --clear-groups test -x .
		echo result >"$1/share/result"
		touch "$1/other/lost" /lost
		mkdir -p /etc/made/in/guest' sh "$BATS_TEST_TMPDIR"
	[ "$(cat "$BATS_TEST_TMPDIR/share/result")" = result ]
	[ "$(stat -c %a .)" = 700 ]
	[ ! -e lost ]
	[ ! -e /lost ]
	[ ! -e /etc/made ]
}

@test "output comes while the command runs" {
	"$LAB" run sh -c 'echo early; sleep 100' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	wait_until 60 grep -q early "$BATS_TEST_TMPDIR/out"
	kill "$!"
	code=0
	wait "$!" || code=$?
	[ "$code" -eq 143 ]
}

@test "after the deadline: 124, and the console" {
	run -124 --separate-stderr "$LAB" run -t 10 sleep 100
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "lab: "*"deadline of 10 seconds"* ]]
	[[ ${stderr_lines[1]} == "["*"]"* ]]
}

@test "a kernel warning fails the run, unless it is expected; a crash fails it" {
	run -70 --separate-stderr "$LAB" run sh -c 'echo "WARNING: from the test" >/dev/kmsg; echo done'
	[ "$output" = done ]
	[[ $stderr == *"WARNING: from the test"* ]]
	run -5 "$LAB" run --expect-splat 'from the test' sh -c 'echo "WARNING: from the test" >/dev/kmsg; exit 5'
	run -70 "$LAB" run sh -c 'echo c >/proc/sysrq-trigger'
	[[ $output == *"Kernel panic"* ]]
}

# A QEMU for the runs below: before its Nth run (and with "after", after it) it writes FAULT to the guest's console;
# with "instead" it does nothing else.
faulty_qemu() { # WHEN N FAULT
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' "$3" >"$BATS_TEST_TMPDIR/fault"
	cat >"$BATS_TEST_TMPDIR/bin/qemu-system-x86_64" <<-END
		#!/bin/bash
		echo run >>"$BATS_TEST_TMPDIR/runs"
		for word; do
			[[ \$word != file:* ]] || console=\${word#file:}
		done
		fault() { cat "$BATS_TEST_TMPDIR/fault" >>"\$console"; }
		((\$(wc -l <"$BATS_TEST_TMPDIR/runs") <= $2)) || exec $(type -P qemu-system-x86_64) "\$@"
		[[ $1 != instead ]] || { fault; exit; }
		$(type -P qemu-system-x86_64) "\$@"
		fault
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
	export VDPACTL_LAB_ACCEL=tcg
}

lost_breakpoint='[    2.603285] Oops: int3: 0000 [#1] SMP NOPTI
[    2.604478] Code: 0f 1e fa 48 83 ec 18 66 <90> e8 a1 80 ec'

@test "an emulated guest whose kernel fails before the command begins is booted again, twice at most" {
	faulty_qemu instead 2 '[    1.000000] general protection fault: 0000 [#1] SMP NOPTI'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -7 --separate-stderr "$LAB" run sh -c 'echo once; exit 7'
	[ "$output" = once ]
	[[ $stderr == *"booting again (1 of 2)"*"general protection"*"booting again (2 of 2)"* ]]
	rm "$BATS_TEST_TMPDIR/runs"
	sed -i 's/<= 2/<= 3/' "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -70 "$LAB" run true
	[ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -eq 3 ]
}

@test "a breakpoint that was not there is the emulator's fault: 75; one that was there is the kernel's" {
	faulty_qemu after 1 "$lost_breakpoint"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -75 --separate-stderr "$LAB" run echo done
	[ "$output" = done ]
	[[ $stderr == *"Oops: int3"*"the emulator's fault"* ]]
	rm "$BATS_TEST_TMPDIR/runs"
	sed -i 's/18 66 <90>/18 cc <90>/' "$BATS_TEST_TMPDIR/fault"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -70 "$LAB" run true
}

@test "-l none has no vdpa family, and modprobe brings it" {
	run -0 "$LAB" run -l none sh -c 'ls -d /sys/bus/vdpa; modprobe vdpa_sim_net && ls -d /sys/bus/vdpa /sys/module/vdpa_sim_net'
	[ "${lines[*]:1}" = "/sys/bus/vdpa /sys/module/vdpa_sim_net" ]
}

@test "the parents are there" {
	run -0 "$LAB" run --parents ifcvf,vp_vdpa,mlx5 sh -c 'cd /sys/bus && ls -d \
		pci/drivers/ifcvf/0000:00:0a.0 pci/drivers/vp-vdpa/0000:00:0b.0 pci/devices/0000:03:00.2 auxiliary/devices/mlx5_core.sf.1'
}

@test "the peers are there, and the guest's kernel for them" {
	run -0 "$LAB" run --peers qemu,libvirt sh -c '"$LAB_QEMU" --version && grep -c vhostvdpa "$LAB_LIBVIRT_SCHEMAS/domaincommon.rng" &&
		head -c 4 "$LAB_VMLINUX"'
	[[ ${lines[0]} =~ version\ ([0-9]+) && ${BASH_REMATCH[1]} -ge 8 ]]
	[[ ${lines[-1]} == $'\x7f'ELF ]]
}

@test "two runs at once" {
	"$LAB" run sh -c 'sleep 1; echo one; exit 11' >"$BATS_TEST_TMPDIR/one" 3>&- &
	first=$!
	run -12 "$LAB" run sh -c 'sleep 1; echo two; exit 12'
	[ "$output" = two ]
	code=0
	wait "$first" || code=$?
	[ "$code" -eq 11 ]
	[ "$(cat "$BATS_TEST_TMPDIR/one")" = one ]
}

@test "a damaged cache repairs itself, and a whole one asks no archive" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "apt was called" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/apt-get"
	chmod +x "$BATS_TEST_TMPDIR/bin/apt-get"
	mkdir "$BATS_TEST_TMPDIR/cache"
	cp -al "$CACHE/6.12" "$BATS_TEST_TMPDIR/cache" 2>/dev/null || cp -a "$CACHE/6.12" "$BATS_TEST_TMPDIR/cache"
	export VDPACTL_LAB_CACHE=$BATS_TEST_TMPDIR/cache VDPACTL_LAB_ACCEL=tcg PATH=$BATS_TEST_TMPDIR/bin:$PATH
	run -0 "$LAB" setup -k 6.12
	[ -z "$output" ]
	for file in "$VDPACTL_LAB_CACHE"/6.12/*guest-*/initramfs; do
		head -c 100000 "$file" >"$file.new" # a new file: the old one is shared with the real cache
		mv "$file.new" "$file"
	done
	[[ $("$LAB" kernels) == *"6.12 absent"* ]]
	run -0 "$LAB" setup -k 6.12
	[[ $output == *"making the guest"* ]]
	[[ $("$LAB" kernels) == *"6.12 cached"* ]]
	if ! grep -qs vhostvdpa /usr/share/libvirt/schemas/domaincommon.rng; then
		run -125 "$LAB" run --peers libvirt true
		[[ $output == *"lab: "*"archive"* ]]
	fi
	rm "$VDPACTL_LAB_CACHE"/6.12/current/vmlinux
	run -125 "$LAB" setup -k 6.12
	[[ $output == *"lab: "*"archive"* ]]
}

@test "no QEMU outlives its lab" {
	for signal in TERM KILL; do
		"$LAB" run sleep 100 >/dev/null 2>&1 3>&- &
		lab=$!
		wait_until 60 eval "qemu=\$(children_of $lab qemu) && [ -n \"\$qemu\" ]"
		kill "-$signal" "$lab"
		wait "$lab" || true
		wait_until 10 eval "! kill -0 $qemu 2>/dev/null"
	done
}

@test "a command that cannot be run: 127, with its name" {
	run -127 "$LAB" run /nonexistent/command
	[[ $output == *"/nonexistent/command"* ]]
}

parts() { # COMMANDS ARGUMENT...
	bash -Eeuo pipefail -c 'trap "echo failed: \$BASH_COMMAND >&2; exit 125" ERR
		for part in common kernels packages setup peers run; do source "$LAB_DIR/lib/$part.sh"; done
		'"$1" parts "${@:2}"
}

@test "the newest of 7.2 is taken, and of what came after it when there is none" {
	packages() { # VERSION...
		CODENAME=trixie LAB_DIR=$BATS_TEST_DIRNAME parts 'apt_names() { printf "linux-binary-%s-amd64\n" $names | grep -xE "$2" | sort -rV || :; }
			apt_version() { echo 1; }
			names=$*
			kernel_describe 7.2
			! kernel_packages "" || echo "${PACKAGES[0]}"' "$@"
	}
	run -0 packages 7.3.4+deb14 7.2.9+deb14 7.2.10+deb14 7.1.5+deb14
	[ "$output" = linux-binary-7.2.10+deb14-amd64 ]
	run -0 packages 7.3.4+deb14 7.10.1+deb14 7.1.5+deb14 6.12.3+deb14
	[ "$output" = linux-binary-7.10.1+deb14-amd64 ]
	run -0 packages 7.1.5+deb14 8.0.1+deb15
	[ -z "$output" ]
}

@test "a guest is told of the vdpa of 6.12 where that is set up, and goes without it elsewhere" {
	told() {
		LAB_DIR=$BATS_TEST_DIRNAME CACHE=$BATS_TEST_TMPDIR parts 'KERNEL=7.2 BASE=$CACHE/7.2/x GUEST=$BASE.guest-x RELEASE=7.2
			ENVIRONMENT=() PEER_ENVIRONMENT=() KEEP="" SHARE="" LOAD=standard PARENTS=""
			write_job "" true | tr "\0" "\n"'
	}
	run -0 told
	[[ $output == *VDPACTL_LAB=7.2* && $output == *arg=true* && $output != *LAB_VDPA* && $output != *failed* ]]
	mkdir -p "$BATS_TEST_TMPDIR/6.12/base/peer"
	ln -s base "$BATS_TEST_TMPDIR/6.12/current"
	touch "$BATS_TEST_TMPDIR/6.12/base/peer/vdpa"
	run -0 told
	[[ $output == *"env=LAB_VDPA=$BATS_TEST_TMPDIR/6.12/base/peer/vdpa"* ]]
}

@test "mistakes get one clear sentence" {
	while IFS='|' read -r arguments sentence; do
		# shellcheck disable=SC2086 # the arguments of one case
		run -125 --separate-stderr "$LAB" $arguments
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "lab: "*"$sentence"* ]]
	done <<-'END'
		|no subcommand
		fly|unknown subcommand 'fly'
		run|lacks a command
		run -t 5|lacks a command
		run --fly true|unknown option '--fly'
		run -k 5.1 true|unknown kernel '5.1'
		run -k|-k lacks its value
		run -t 0 true|-t: '0'
		run -m lots true|-m: 'lots'
		run -e novalue true|-e: 'novalue'
		run --share /nonexistent true|'/nonexistent' is no directory
		run --parents fly true|unknown parent 'fly'
		run --peers fly true|unknown peer 'fly'
		setup -k 5.1|unknown kernel '5.1'
		setup fly|unknown argument 'fly'
		setup --peers fly|unknown peer 'fly'
		setup --peers|--peers lacks its value
		clean fly|unknown argument 'fly'
	END
}
