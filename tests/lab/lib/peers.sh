# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # variables shared with other parts
# Peers: programs and schemas that vdpactl writes for, where the machine's own are too old. From Debian packages of one
# suite, unpacked into the cache and installed nowhere:
#   CACHE/peers/NAME/current -> VERSION-rRECIPE     as for the kernels

readonly PEERS=(qemu libvirt) PEER_SUITE=trixie

# Raise it whenever a peer is made in another way.
readonly PEER_RECIPE=1

# For peer NAME sets PEER_VARIABLE, where a guest's command finds PEER_FILE; PEER_PACKAGES, the first of which gives the
# version and all of which come with what they depend on; PEER_ALONE, which come without; PEER_CHECKED, the file whose
# checksum is looked at before each use.
peer_describe() { # NAME
	PEER_ALONE=()
	case $1 in
	qemu)
		PEER_VARIABLE=LAB_QEMU PEER_FILE=qemu-system-x86_64 PEER_CHECKED=qemu
		PEER_PACKAGES=(qemu-system-x86)
		# Other modules of that package want the libraries of Ceph and Gluster.
		PEER_ALONE=(qemu-block-extra libblkio1)
		;;
	libvirt)
		PEER_VARIABLE=LAB_LIBVIRT_SCHEMAS PEER_FILE=schemas PEER_CHECKED=schemas/domaincommon.rng
		PEER_PACKAGES=()
		PEER_ALONE=(libvirt-common)
		;;
	*) die "unknown peer '$1', expected a comma list of ${PEERS[*]}" ;;
	esac
}

# Prints the machine's own, when it has all that is asked of the peer: the generic vDPA device of QEMU 8.0 and libblkio's
# disks, the vDPA disks of libvirt 9.8.
peer_own() { # NAME
	local version
	case $1 in
	qemu)
		version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.* version \([0-9]*\)\..*/\1/p')
		[[ ${version:-0} -ge 8 && -e /usr/lib/x86_64-linux-gnu/qemu/block-blkio.so ]] && command -v qemu-system-x86_64
		;;
	libvirt) grep -qs vhostvdpa /usr/share/libvirt/schemas/domaincommon.rng && echo /usr/share/libvirt/schemas ;;
	esac
}

# Sets PEER_VARIABLE and PEER_PATH for NAME, making what is absent, damaged or out of date.
peer_ensure() { # NAME [refresh]
	local name=$1 refresh=${2:-}
	peer_describe "$name"
	! PEER_PATH=$(peer_own "$name") || return 0
	make_cache
	lock_use shared
	if [[ -n $refresh ]] || ! peer_cached "$name"; then
		lock_build
		rm -rf "$CACHE/peers/$name"/.new.*
		if [[ -n $refresh ]] || ! peer_cached "$name"; then
			peer_make "$name" "$refresh"
		fi
		peer_cached "$name" || die "the cache below '$CACHE' changes while it is used"
		prune_below "$CACHE/peers/$name" "$PEER_DIR"
		unlock_build
	fi
	PEER_PATH=$PEER_DIR/$PEER_FILE
}

peer_cached() { # NAME
	[[ -d $CACHE/peers/$1/current/ ]] || return 1
	PEER_DIR=$(readlink -f "$CACHE/peers/$1/current")
	[[ $PEER_DIR == *-r$PEER_RECIPE ]] && check_manifest "$PEER_DIR"
}

peer_make() { # NAME [refresh]
	local name=$1 refresh=${2:-} dir=$CACHE/peers/$1 new=$CACHE/peers/$1/.new version packages=() log
	local all=("${PEER_PACKAGES[@]}" "${PEER_ALONE[@]}")
	need_tools apt-get apt-cache dpkg-deb
	find_mirror
	mkdir -p "$new.root"
	apt_open "$new.apt" "$PEER_SUITE" || {
		log=$(grep -m1 '^E:' "$new.apt/update.log" || :)
		die "no packages for peer $name in $PEER_SUITE (mirror $MIRROR)${log:+: ${log#E: }}"
	}
	version=$(apt_version "$new.apt" "${all[0]}")
	[[ -n $version ]] || die "no package ${all[0]} for peer $name in $PEER_SUITE (mirror $MIRROR)"
	version=${version#*:} # a path of libraries has no colons
	if [[ $refresh ]] && check_manifest "$dir/$version-r$PEER_RECIPE" 2>/dev/null; then
		say "peer $name: $version is the newest"
	else
		say "peer $name: downloading $version"
		((${#PEER_PACKAGES[@]} == 0)) ||
			mapfile -t packages < <(apt_closure "$new.apt" "${PEER_PACKAGES[@]}")
		apt_unpack "$new.apt" "$new.root" "${packages[@]}" "${PEER_ALONE[@]}"
		mkdir "$new.peer"
		"peer_fill_$name" "$new.root" "$new.peer"
		write_manifest "$new.peer" "$PEER_CHECKED"
		put_in_place "$new.peer" "$dir/$version-r$PEER_RECIPE"
	fi
	ln -sfnT "$version-r$PEER_RECIPE" "$new.current"
	mv -T "$new.current" "$dir/current"
	rm -rf "$new".*
}

# The program with the libraries, the module and the firmware that it needs for a guest with virtio devices, and a script
# of its name that starts it with those.
peer_fill_qemu() { # ROOT PEER
	local root=$1 peer=$2 libraries=$1/usr/lib/x86_64-linux-gnu loader library
	loader=$libraries/ld-linux-x86-64.so.2
	mkdir "$peer"/{lib,modules,firmware}
	while read -r library; do
		cp -L "$library" "$peer/lib"
	done < <(for library in "$root/usr/bin/qemu-system-x86_64" "$libraries/qemu/block-blkio.so"; do
		"$loader" --library-path "$libraries" --list "$library"
	done | sed -n 's/.* => \(\/.*\) (0x.*/\1/p' | LC_ALL=C sort -u)
	cp -L "$loader" "$peer/lib"
	mv "$libraries/qemu/block-blkio.so" "$peer/modules"
	mv "$root/usr/bin/qemu-system-x86_64" "$peer/qemu"
	find "$root/usr/share/seabios" "$root/usr/share/qemu" \
		\( -name bios-256k.bin -o -name kvmvapic.bin -o -name linuxboot_dma.bin -o -name pvh.bin -o -name efi-virtio.rom \) \
		-exec cp -L -t "$peer/firmware" {} +
	cat >"$peer/qemu-system-x86_64" <<-'END'
		#!/bin/sh
		dir=${0%/*}
		QEMU_MODULE_DIR=$dir/modules exec "$dir/lib/ld-linux-x86-64.so.2" --library-path "$dir/lib" "$dir/qemu" \
			-L "$dir/firmware" "$@"
	END
	chmod +x "$peer/qemu-system-x86_64"
	"$peer/qemu-system-x86_64" --version >/dev/null || die "the QEMU of $PEER_SUITE does not start here"
}

peer_fill_libvirt() { # ROOT PEER
	mv "$1/usr/share/libvirt/schemas" "$2/schemas"
}
