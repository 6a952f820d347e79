# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # variables shared with other parts
# The cache. For each kernel:
#   CACHE/NAME/current -> VERSION-rRECIPE           the base last made
#   CACHE/NAME/VERSION-rRECIPE/                     from packages: vmlinux, release, modules/, and where it builds,
#                                                   headers (usr/), the drivers that Debian leaves out (drivers/) and
#                                                   that suite's iproute2 vdpa to compare with (peer/)
#   CACHE/NAME/VERSION-rRECIPE.guest-HASH/          from this tree: initramfs, lib/modules/RELEASE
# Each is made under a name starting with .new and renamed when it is whole; whoever holds the build lock may remove
# such leftovers.

# Raise it whenever a base is made in another way: all bases are made anew.
readonly RECIPE=2

# Of drivers/, what a guest can have a use for; the rest is three quarters of the size.
readonly KEPT_DRIVERS=(block char crypto/virtio dax md nvdimm scsi target vdpa vfio vhost virtio net/bonding net/team)

guest_hash() { # BASE: everything that goes into a guest beside the base
	{
		cd "$LAB_DIR"
		LC_ALL=C
		local files=(guest/*.[ch] host/*.c lib/kernels.sh lib/setup.sh)
		[[ ! -d $1/drivers || ! -f kmod/Kbuild ]] || files+=(kmod/Kbuild kmod/*.[ch])
		sha256sum "${files[@]}"
	} | sha256sum | cut -c1-12
}

# Sets BASE, GUEST and RELEASE for NAME, making what is absent, damaged or out of date. With refresh, asks the archive
# for a newer version. Returns with the cache locked against removal.
kernel_ensure() { # NAME [refresh]
	local name=$1 refresh=${2:-}
	make_cache
	lock_use shared
	if [[ -n $refresh ]] || ! kernel_cached "$name"; then
		lock_build
		rm -rf "$CACHE/$name"/.new.*
		if [[ -n $refresh ]] || ! base_cached "$name"; then
			base_make "$name" "$refresh"
		fi
		BASE=$(readlink -f "$CACHE/$name/current")
		GUEST=$BASE.guest-$(guest_hash "$BASE")
		check_manifest "$GUEST" 2>/dev/null || guest_make "$name"
		prune "$name"
		unlock_build
		kernel_cached "$name" || die "the cache below '$CACHE' changes while it is used"
	fi
	RELEASE=$(<"$BASE/release")
}

base_cached() { # NAME
	[[ -d $CACHE/$1/current/ ]] || return 1
	BASE=$(readlink -f "$CACHE/$1/current")
	[[ $BASE == *-r$RECIPE ]] && check_manifest "$BASE"
}

# In a guest the base's modules are hard links: its own manifest covers what a run reads beside vmlinux.
kernel_cached() { # NAME
	[[ -d $CACHE/$1/current/ ]] || return 1
	BASE=$(readlink -f "$CACHE/$1/current")
	GUEST=$BASE.guest-$(guest_hash "$BASE")
	[[ $BASE == *-r$RECIPE ]] && check_manifest "$BASE" && check_manifest "$GUEST"
}

# Puts the finished DIR in the place of TARGET, whatever is there.
put_in_place() { # DIR TARGET
	if [[ -e $2 ]]; then
		mv -T "$2" "$1.old"
	fi
	mv -T "$1" "$2"
	rm -rf "$1.old"
}

base_make() { # NAME [refresh]
	local name=$1 refresh=${2:-} new=$CACHE/$1/.new.base suite opened="" log
	need_tools apt-get apt-cache dpkg-deb tar xz zstd od strip make gcc
	find_mirror
	kernel_describe "$name"
	mkdir -p "$new"
	for suite in "${SUITES[@]}"; do
		say "looking for kernel $name in $suite"
		if apt_open "$new/apt" "$suite" && kernel_packages "$new/apt"; then
			opened=yes
			break
		fi
	done
	log=$(grep -m1 '^E:' "$new/apt/update.log" || :)
	[[ -n $opened ]] ||
		die "no complete set of packages for kernel $name in ${SUITES[*]} (mirror $MIRROR)${log:+: ${log#E: }}"
	local target=$CACHE/$name/$VERSION-r$RECIPE
	if [[ $refresh ]] && check_manifest "$target" 2>/dev/null; then
		say "kernel $name: $VERSION is the newest"
	else
		say "kernel $name: downloading $VERSION"
		apt_unpack "$new/apt" "$new/root" "${PACKAGES[@]}"
		mkdir "$new/base"
		base_fill "$new/root" "$new/base"
		[[ -z $BUILDS ]] || drivers_build "$new/root" "$new/base"
		[[ -z $BUILDS ]] || peer_fetch "$new/apt" "$new/base"
		write_manifest "$new/base" release
		put_in_place "$new/base" "$target"
	fi
	ln -sfnT "${target##*/}" "$CACHE/$name/.new.current"
	mv -T "$CACHE/$name/.new.current" "$CACHE/$name/current"
	rm -rf "$new"
}

# The uncompressed kernel in VMLINUZ boots by its PVH entry without the guest having to unpack it.
extract_vmlinux() { # VMLINUZ OUT
	local sectors offset length unpack packed=$2.packed
	# Fields of the boot protocol: setup_sects, payload_offset, payload_length (with the unpacked size's four bytes).
	sectors=$(od -An -tu1 -j 497 -N 1 "$1")
	read -r offset length < <(od -An -tu4 -j 584 -N 8 "$1")
	tail -c +$(((sectors + 1) * 512 + offset + 1)) "$1" >"$packed"
	truncate -s $((length - 4)) "$packed"
	case $(od -An -tx1 -N 4 "$packed" | tr -d ' ') in
	28b52ffd) unpack=zstd ;;
	fd377a58) unpack=xz ;;
	1f8b08*) unpack=gzip ;;
	*) die "${1##*/} is packed in an unknown way" ;;
	esac
	"$unpack" -dcq <"$packed" >"$2" || die "cannot unpack ${1##*/}"
	rm "$packed"
	# Symbols that only debuggers read.
	strip "$2" 2>/dev/null || die "${1##*/} holds no ELF kernel"
}

base_fill() { # ROOT BASE
	local root=$1 base=$2 tree vmlinuz driver keep=() extra
	vmlinuz=$(find "$root" -name 'vmlinuz*' -type f)
	tree=$(dirname "$(find "$root" -type d -path '*/lib/modules/*/kernel' -prune)")
	[[ -f $vmlinuz && -d $tree/kernel ]] || die "the kernel's packages hold no kernel or no modules"
	basename "$tree" >"$base/release"
	extract_vmlinux "$vmlinuz" "$base/vmlinux"
	rm -rf "$tree/kernel/sound"
	mv "$tree/kernel/drivers" "$root/drivers"
	for driver in "${KEPT_DRIVERS[@]}"; do
		[[ -d $root/drivers/$driver ]] || continue
		mkdir -p "$tree/kernel/drivers/$driver"
		rmdir "$tree/kernel/drivers/$driver"
		mv "$root/drivers/$driver" "$tree/kernel/drivers/$driver"
	done
	find "$root/drivers/net" -maxdepth 1 -type f -exec mv -t "$tree/kernel/drivers/net" {} +
	mkdir "$base/modules"
	for extra in kernel modules.order modules.builtin modules.builtin.modinfo; do
		keep+=("$tree/$extra")
	done
	mv -t "$base/modules" "${keep[@]}"
	local module
	for module in "${BOOT_MODULES[@]}" "${STANDARD_MODULES[@]}"; do
		find "$base/modules" -name "$module.ko.xz" -exec xz -d {} +
	done
}

# Builds the drivers out of tree: Debian's own source against its own headers, so that each symbol version fits.
drivers_build() { # ROOT BASE
	local root=$1 base=$2 headers work=$1/work source config
	source=$(find "$root/usr/src" -name 'linux-source-*.tar.xz')
	mkdir -p "$work/vringh" "$base/drivers" "$base/usr/lib"
	tar -xJf "$source" -C "$work" --strip-components=2 --wildcards '*/drivers/vdpa' '*/drivers/vhost/vringh.c'
	mv "$work/vhost/vringh.c" "$work/vringh"
	echo 'obj-m += vringh.o' >"$work/vringh/Kbuild"
	echo 'obj-m += vdpa/ vringh/' >"$work/Kbuild"
	rm "$source"
	find "$root"/usr/src/linux-headers-*-common/arch -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
	mv "$root/usr/src" "$base/usr/src"
	mv "$root"/usr/lib/linux-kbuild-* "$base/usr/lib"
	headers=$(headers_of "$base")
	# Its Makefile includes the other one by an absolute path.
	sed -i "s|^include /usr/src/|include \$(dir \$(lastword \$(MAKEFILE_LIST)))../|" "$headers/Makefile"
	config=(CONFIG_{VDPA,VDPA_SIM,VDPA_SIM_NET,VDPA_SIM_BLOCK,VDPA_USER,IFCVF,VP_VDPA}'=m'
		CONFIG_{MLX5_VDPA,MLX5_VDPA_NET,PDS_VDPA,ALIBABA_ENI_VDPA,SNET_VDPA,OCTEONEP_VDPA}'=')
	say "building the drivers that Debian leaves out"
	kbuild "$headers" "$work" "${config[@]}"
	find "$work" -name '*.ko' -exec mv -t "$base/drivers" {} +
	cp "$work/Module.symvers" "$base/drivers"
}

# iproute2's vdpa as new as that suite has it: the system's own may lack what the kernel can do.
peer_fetch() { # APT_DIR BASE
	local vdpa
	apt_unpack "$1" "$2/.peer" iproute2
	vdpa=$(find "$2/.peer" -path '*sbin/vdpa' -type f)
	[[ -n $vdpa ]] || die "iproute2 has no vdpa"
	mkdir "$2/peer"
	mv "$vdpa" "$2/peer/vdpa"
	rm -rf "$2/.peer"
}

headers_of() { # BASE
	find "$1/usr/src" -maxdepth 1 -name 'linux-headers-*-amd64'
}

# BTF of modules is built only where pahole happens to be there, and nothing here needs it.
kbuild() { # HEADERS DIR ARG...
	local headers=$1 dir=$2
	shift 2
	if ! make -s -j2 -C "$headers" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules >"$dir/build.log" 2>&1; then
		grep -E 'error|Error|ERROR' "$dir/build.log" >&2 || tail -n 20 "$dir/build.log" >&2
		die "building kernel modules failed"
	fi
	find "$dir" -name '*.ko' -exec strip --strip-debug {} +
}

guest_make() { # NAME; reads BASE, GUEST
	local new=$CACHE/$1/.new.guest release tree module path
	need_tools make gcc cpio depmod
	release=$(<"$BASE/release")
	tree=$new/guest/lib/modules/$release
	say "kernel $1: making the guest"
	mkdir -p "$new/guest/lib/modules" "$new/initramfs/modules"
	cp -al "$BASE/modules" "$tree"
	if [[ -d $BASE/drivers ]]; then
		for path in "$BASE"/drivers/*.ko; do
			module=${path##*/}
			find "$tree" -name "$module*" -exec rm {} +
			ln "$path" "$tree/kernel/drivers/vdpa/$module"
		done
		kmod_build "$new/kmod" "$tree/kernel/drivers/vdpa"
	fi
	depmod -b "$new/guest" "$release" || die "depmod failed"
	for module in "${BOOT_MODULES[@]}"; do
		add_module "$tree" "$new/initramfs" "$module" boot || die "kernel $release has no module $module"
	done
	for module in "${STANDARD_MODULES[@]}"; do
		add_module "$tree" "$new/initramfs" "$module" standard || [[ ! -d $BASE/drivers ]] ||
			die "kernel $release has no module $module"
	done
	gcc -O2 -static -s -D_GNU_SOURCE -Wall -o "$new/initramfs/init" "$LAB_DIR"/guest/*.c ||
		die "building the guest's init failed"
	gcc -O2 -Wall -o "$new/guest/tsc" "$LAB_DIR/host/tsc.c" || die "building the lab's clock measurement failed"
	(cd "$new/initramfs" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$new/guest/initramfs"
	write_manifest "$new/guest" initramfs tsc "lib/modules/$release/modules.dep.bin"
	put_in_place "$new/guest" "$GUEST"
	rm -rf "$new"
}

add_module() { # TREE INITRAMFS MODULE LIST
	local file
	file=$(find "$1" -name "$3.ko")
	[[ -n $file ]] || return 1
	ln "$file" "$2/modules/$3.ko"
	echo "$3" >>"$2/modules/$4"
}

kmod_build() { # WORK TARGET; reads BASE
	[[ -f $LAB_DIR/kmod/Kbuild ]] || return 0
	mkdir "$1"
	cp "$LAB_DIR"/kmod/Kbuild "$LAB_DIR"/kmod/*.[ch] "$1"
	kbuild "$(headers_of "$BASE")" "$1" KBUILD_EXTRA_SYMBOLS="$BASE/drivers/Module.symvers"
	find "$1" -name '*.ko' -exec mv -t "$2" {} +
}

# Removes what is no longer current, when no guest runs from the cache.
prune() { # NAME
	prune_below "$CACHE/$1" "$BASE" "$GUEST"
}

prune_below() { # DIR KEPT-PATH...
	local dir=$1 kept=() path
	shift
	for path; do
		kept+=(! -path "$path")
	done
	# Asking for more gives up what is held, also when it is refused.
	if ! lock_use try-exclusive; then
		lock_use shared
		return 0
	fi
	find "$dir" -mindepth 1 -maxdepth 1 -type d "${kept[@]}" -exec rm -rf {} +
	lock_use shared
}
