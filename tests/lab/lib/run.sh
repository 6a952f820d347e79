# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2054 # QEMU's options have commas
# shellcheck disable=SC2153,SC2154 # lab sets the options, setup.sh what is in the cache
# One guest: QEMU's command line, the job it gets, its end.

# How often an emulated guest is booted at most, when its kernel fails before the command begins.
readonly BOOTS=3
readonly SPLAT='BUG:|WARNING:|Oops|Call Trace|general protection|KASAN|hung task|blocked for more than|Kernel panic'

# A record of the guest's job; guest/init.c lists the keys.
job() { printf '%s\0' "$1=$2"; }

# A cpio archive of one file, appended to the initramfs.
cpio_of() { # FILE NAME
	local size name=$2
	size=$(stat -c %s "$1")
	cpio_header $((0100644)) "$size" $((${#name} + 1))
	printf '%s\0' "$name"
	cpio_pad $((110 + ${#name} + 1))
	cat "$1"
	cpio_pad "$size"
	cpio_header 0 0 11
	printf 'TRAILER!!!\0'
	cpio_pad 121
}

cpio_header() { # MODE SIZE NAMESIZE
	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X' 1 "$1" 0 0 1 0 "$2" 0 0 0 0 "$3" 0
}

cpio_pad() { # LENGTH
	local n=$(((4 - $1 % 4) % 4))
	((n == 0)) || head -c "$n" /dev/zero
}

# The guest covers /tmp and /run with a tmpfs. Records to keep visible what PATHs name there: the first level below.
job_visible() { # PATH...
	local path rest
	declare -A seen=()
	for path; do
		[[ $path =~ ^/(tmp|run)/[^/] && $path != *$'\n'* ]] || continue
		rest=${path#/*/}
		path=${path%"$rest"}${rest%%/*}
		[[ ! -e $path || -n ${seen[$path]:-} ]] || job bind "$path"
		seen[$path]=yes
	done
}

# Records what --keep names: programs with their libraries, what is in directories, the links on the way, and what
# nearly every program opens.
job_keep() {
	local item names=() paths=() libraries=()
	for item in ${KEEP//,/ }; do
		case $item in
		*/*)
			[[ -e $item ]] || die "--keep: there is no '$item'"
			paths+=("$(realpath -s "$item")")
			;;
		*) names+=("$item") ;;
		esac
	done
	while read -r item; do
		paths+=("$item")
	done < <(type -P -- "${names[@]}")
	while read -r item; do
		libraries+=("$item")
	done < <({ ldd "${paths[@]}" 2>/dev/null || :; } | sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (0x.*/\2/p')
	for item in /bin /lib /lib64 /sbin; do
		[[ ! -L $item ]] || job keep "$item"
	done
	for item in /etc/{ld.so.cache,locale.alias,nsswitch.conf,passwd} /usr/share/locale/locale.alias /usr/lib/locale/C.utf8; do
		[[ ! -e $item ]] || paths+=("$item")
	done
	while read -r item; do
		job keep "$item"
	done < <({
		printf '%s\n' "${libraries[@]}"
		realpath -- "${paths[@]}" "${libraries[@]}"
		find "${paths[@]}" -type l,f
	} | LC_ALL=C sort -u)
}

# Accelerator that boots a guest here: sets ACCEL. /dev/kvm may be there and start guests that get nowhere, so it is
# tried once for each boot of the host and version of QEMU.
# Emulated, a kernel that is told of fast `rep movsb` copies byte after byte.
choose_accel() {
	ACCEL=(-accel tcg,thread=multi -cpu max,erms=off,fsrm=off)
	[[ -r /dev/kvm && -w /dev/kvm && ${VDPACTL_LAB_ACCEL:-} != tcg ]] || return 0
	local key verdict file=$CACHE/kvm
	key="$(</proc/sys/kernel/random/boot_id) $(qemu-system-x86_64 --version | head -n 1)"
	if [[ -f $file ]] && { read -r verdict && [[ $(cat) == "$key" ]]; } <"$file"; then
		:
	else
		say "trying whether KVM works here (once)"
		verdict=no
		: >"$WORK/probe"
		setpriv --pdeathsig KILL qemu-system-x86_64 -M q35 -nodefaults -no-reboot -display none -m 512 -accel kvm -cpu host \
			-kernel "$BASE/vmlinux" -initrd "$GUEST/initramfs" -append 'quiet panic=-1' \
			-device virtio-serial-pci,ioeventfd=off -chardev "file,id=status,path=$WORK/probe" \
			-device virtserialport,chardev=status,name=status >/dev/null 2>&1 </dev/null &
		local pid=$! i
		for ((i = 0; i < 80; i++)); do
			if grep -q booted "$WORK/probe"; then
				verdict=yes
				break
			fi
			[[ -d /proc/$pid ]] || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		printf '%s\n%s\n' "$verdict" "$key" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	[[ $verdict == no ]] || ACCEL=(-accel kvm -cpu host)
}

# What a parent needs: sets PARENT_DEVICES. Its module decides whether this kernel has it.
choose_parents() {
	local parent module
	PARENT_DEVICES=()
	for parent in ${PARENTS//,/ }; do
		case $parent in
		ifcvf)
			module=ifcvf
			PARENT_DEVICES+=(-netdev hubport,id=ifcvf,hubid=0 -device
				virtio-net-pci,netdev=ifcvf,addr=0xa,disable-legacy=off,modern-pio-notify=on,mac=52:54:00:00:00:0a)
			;;
		vp_vdpa)
			module=vp_vdpa
			PARENT_DEVICES+=(-netdev hubport,id=vp_vdpa,hubid=1 -device
				virtio-net-pci,netdev=vp_vdpa,addr=0xb,disable-legacy=on,iommu_platform=on,mac=52:54:00:00:00:0b)
			;;
		mlx5)
			module=mlx5_standin
			# The third port's bus is 3: function 0000:03:00.2 is where the stand-in expects its PCI parent.
			local port
			for port in 1 2 3; do
				PARENT_DEVICES+=(-device "pcie-root-port,id=port$port,chassis=$port,slot=$port,addr=0xc.$((port - 1)),multifunction=on")
			done
			PARENT_DEVICES+=(-device pci-testdev,bus=port3,addr=0.0,multifunction=on -device pci-testdev,bus=port3,addr=0.2)
			;;
		*) die "unknown parent '$parent', expected a comma list of ifcvf, vp_vdpa, mlx5" ;;
		esac
		[[ -n $(find "$GUEST/lib" -name "$module.ko" -print -quit) ]] ||
			die "kernel $KERNEL has no module $module, which parent $parent needs"
	done
}

# Sets PEER_ENVIRONMENT, by which the command finds its peers.
choose_peers() {
	local peer
	PEER_ENVIRONMENT=()
	for peer in ${ASKED_PEERS//,/ }; do
		peer_ensure "$peer"
		PEER_ENVIRONMENT+=("$PEER_VARIABLE=$PEER_PATH")
	done
}

write_job() { # TTY [ARG...]
	local tty=$1 item
	shift
	job release "$RELEASE"
	job modules "$GUEST/lib/modules/$RELEASE"
	job_visible "$PWD" "$LAB_DIR" "$CACHE" "$@"
	[[ -z $KEEP ]] || job_keep
	[[ -z $SHARE ]] || job share "$SHARE"
	[[ $LOAD == none ]] || job load "$LOAD"
	[[ -z $PARENTS ]] || job parents "$PARENTS"
	job cwd "$PWD"
	[[ -z $tty ]] || job tty "$tty"
	job env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	for item in HOME=/root USER=root LOGNAME=root SHELL=/bin/bash "LANG=${LANG:-C.UTF-8}" "VDPACTL_LAB=$KERNEL" \
		"LAB_VMLINUX=$BASE/vmlinux" "${PEER_ENVIRONMENT[@]}"; do
		job env "$item"
	done
	item=$CACHE/${KERNELS[0]}/current/peer/vdpa
	[[ ! -e $item ]] || job env "LAB_VDPA=$(realpath "$item")"
	for item in CI ASAN_OPTIONS UBSAN_OPTIONS TERM; do
		[[ -z ${!item+set} ]] || job env "$item=${!item}"
	done
	for item in "${ENVIRONMENT[@]}"; do
		job env "$item"
	done
	for item; do
		job arg "$item"
	done
}

# The job is to be written already. Sets QEMU.
qemu_command() {
	{ cat "$GUEST/initramfs" && cpio_of "$WORK/job" job; } >"$WORK/initramfs"
	local append='console=ttyS0 quiet loglevel=5 panic=-1 printk.devkmsg=on random.trust_cpu=on mitigations=off nokaslr'
	append+=' tsc=reliable no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1'
	# QEMU finds its translation of a page again only at the address where it was made: with addresses at random,
	# each process is translated anew, which costs several times what running it does.
	append+=' norandmaps'
	[[ ${ACCEL[1]} == kvm ]] || append+=" tsc_early_khz=$("$GUEST/tsc")"
	# Without a test that provokes one, nothing is to be learnt from a guest after an oops: it often hangs.
	[[ -n $EXPECT_SPLAT ]] || append+=' oops=panic'
	local security=none
	[[ $(id -u) != 0 ]] || security=passthrough
	QEMU=(qemu-system-x86_64 -name vdpactl-lab -M q35 "${ACCEL[@]}" -smp "$CPUS" -m "$MEMORY" -nodefaults -no-user-config
		-display none -no-reboot -kernel "$BASE/vmlinux" -initrd "$WORK/initramfs" -append "$append"
		-serial "file:$WORK/console"
		-fsdev "local,id=root,path=/,security_model=$security,readonly=on,multidevs=remap"
		-device virtio-9p-pci,fsdev=root,mount_tag=root
		-device virtio-serial-pci,ioeventfd=off
		-chardev "file,id=status,path=$WORK/status" -device virtserialport,chardev=status,name=status)
	[[ -z $SHARE ]] || QEMU+=(-fsdev "local,id=share,path=${SHARE//,/,,},security_model=$security,multidevs=remap"
		-device virtio-9p-pci,fsdev=share,mount_tag=share)
	QEMU+=("${PARENT_DEVICES[@]}")
}

# Runs the command in a guest; returns what the lab is to exit with.
guest_run() { # ARG...
	local boot
	prepare_run
	write_job '' "$@" >"$WORK/job"
	qemu_command
	QEMU+=(-chardev "file,id=out,path=$WORK/out" -device virtserialport,chardev=out,name=out
		-chardev "file,id=err,path=$WORK/err" -device virtserialport,chardev=err,name=err)
	for ((boot = 1; ; boot++)); do
		guest_once || return
		if ((boot == BOOTS)) || ! failed_to_boot; then
			break
		fi
		say "the emulated guest's kernel reported a fault before the command began; booting again ($boot of $((BOOTS - 1)))"
		guest_splat >&2
	done
	guest_verdict "$LATE"
}

# One boot. Sets LATE when it did not end in time. Fails when nobody reads what the command prints.
guest_once() {
	: >"$WORK/status"
	: >"$WORK/out"
	: >"$WORK/err"
	: >"$WORK/console"
	start_qemu </dev/null
	local tails=()
	tail -c +1 -s 0.05 -f --pid="$QEMU_PID" "$WORK/out" &
	tails+=("$!")
	tail -c +1 -s 0.05 -f --pid="$QEMU_PID" "$WORK/err" >&2 &
	tails+=("$!")
	setpriv --pdeathsig KILL sleep "$TIMEOUT" &
	TIMER_PID=$!
	local ended='' code
	LATE=''
	while [[ -n $QEMU_PID && -n $TIMER_PID ]]; do
		code=0
		wait -n -p ended "$QEMU_PID" "$TIMER_PID" "${tails[@]}" || code=$?
		case $ended in
		"$QEMU_PID") QEMU_PID='' ;;
		"$TIMER_PID") TIMER_PID='' LATE=yes ;;
		*)
			# A tail fails when nobody reads any more, and ends well only after QEMU.
			((code == 0)) || return "$code"
			wait "$QEMU_PID" || :
			QEMU_PID=''
			;;
		esac
	done
	stop_children
	wait "${tails[@]}" 2>/dev/null || :
}

prepare_run() {
	need_tools qemu-system-x86_64 setpriv tail
	kernel_ensure "$KERNEL"
	choose_accel
	choose_parents
	choose_peers
}

start_qemu() {
	setpriv --pdeathsig KILL "${QEMU[@]}" 2>"$WORK/qemu" &
	QEMU_PID=$!
}

stop_children() {
	local pid
	for pid in ${QEMU_PID:-} ${TIMER_PID:-}; do
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	QEMU_PID='' TIMER_PID=''
}

# The kernel's log. QEMU's TCG before 9.1 can leave rubbish in the flags when an instruction faults on memory: a single
# step that nobody asked for, which the kernel warns of, undoes and survives. That warning is left out.
guest_log() {
	local known='/WARNING: .*exc_debug_kernel+/,/end trace/d'
	[[ ${ACCEL[1]} == tcg* ]] || known=''
	tr -d '\r' <"$WORK/console" | sed "$known"
}

# The kernel's fault that nobody expected, and what follows it; nothing when there is none.
guest_splat() {
	local splat
	splat=$(guest_log | grep -nE "$SPLAT" || :)
	[[ -z $EXPECT_SPLAT ]] || splat=$(grep -vE "$EXPECT_SPLAT|Call Trace" <<<"$splat" || :)
	[[ -z $splat ]] || guest_log | tail -n "+${splat%%:*}" | head -n 80
}

# In an emulated guest that is as likely the emulator's fault, and nothing of the command is lost by another boot.
failed_to_boot() {
	[[ ${ACCEL[1]} == tcg* && -z $LATE ]] && ! grep -q '^started$' "$WORK/status" && [[ -n $(guest_splat) ]]
}

# A kernel puts breakpoints into its code while it changes that. TCG with several processors may keep a translation of
# one that was made in the moment when it went, and run it later: a trap from where there is no breakpoint (octet cc) any more.
ran_lost_breakpoint() {
	local code
	[[ ${ACCEL[1]} == tcg* ]] || return 1
	code=$(guest_log | sed -n '/Oops: int3: /,$ { /[] ]Code: .*<[0-9a-f]*>/ { s/.* \([0-9a-f]*\) <.*/\1/p; q } }')
	[[ -n $code && $code != cc ]]
}

guest_verdict() { # LATE
	local code splat
	code=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$WORK/status")
	splat=$(guest_splat)
	if [[ -n $1 ]]; then
		say "the guest did not end within its deadline of $TIMEOUT seconds (-t); the end of its console:"
		tail -n 40 "$WORK/console" >&2
		return "$EXIT_TIMEOUT"
	fi
	if [[ -n $splat ]]; then
		say "the guest's kernel reported a fault${code:+ (the command itself exited with $code)}:"
		cat <<<"$splat" >&2
		ran_lost_breakpoint || return "$EXIT_SPLAT"
		say "it ran a breakpoint that is not in its code any more: the emulator's fault; to be repeated"
		return "$EXIT_EMULATOR"
	fi
	[[ -z $code ]] || return "$code"
	say "the guest ended without a result: $(sed -n 's/^failed //p' "$WORK/status")"
	cat "$WORK/qemu" >&2
	tail -n 40 "$WORK/console" >&2
	return "$EXIT_LAB"
}

# An interactive shell on the caller's terminal.
guest_shell() {
	local rows=24 cols=80 saved
	[[ -t 0 && -t 1 ]] || die "shell needs a terminal"
	read -r rows cols < <(stty size)
	prepare_run
	: >"$WORK/status"
	write_job "$rows $cols" /bin/bash -l >"$WORK/job"
	qemu_command
	QEMU+=(-chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty)
	saved=$(stty -g)
	# In the foreground: a background process may not set the terminal.
	setpriv --pdeathsig KILL "${QEMU[@]}" 2>"$WORK/qemu" || :
	stty "$saved"
	guest_verdict ''
}
