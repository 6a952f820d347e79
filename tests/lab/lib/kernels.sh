# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # variables shared with other parts
# Which kernels there are, and where their packages come from. A new kernel is one name in KERNELS and one case here.

readonly KERNELS=(6.12 7.2)

# What the guest's first steps need, and the standard set, each in load order: which bus driver takes a new device
# follows the order of virtio_vdpa and vhost_vdpa.
readonly BOOT_MODULES=(netfs 9pnet 9pnet_virtio 9p overlay)
readonly STANDARD_MODULES=(failover net_failover virtio_net virtio_blk irqbypass vhost_iotlb vhost vringh vdpa
	virtio_vdpa vhost_vdpa vdpa_sim vdpa_sim_net vdpa_sim_blk vduse)

# For kernel NAME sets SUITES (the first that has it wins), IMAGES (patterns of names, the first that a suite has a whole
# set of wins), and BUILDS: with headers and source, so that the drivers which Debian leaves out and tests/lab/kmod are
# built for it.
kernel_describe() { # NAME
	case $1 in
	6.12)
		SUITES=("$CODENAME-backports" "$CODENAME")
		[[ $CODENAME == bookworm ]] || SUITES=("$CODENAME" "$CODENAME-backports")
		IMAGES=('linux-image-6\.12\.[^-]*-amd64')
		BUILDS=yes
		;;
	7.2)
		SUITES=(sid)
		# sid moves on, and what is to be seen here is what newer kernels do: the next ones will do, under this name.
		IMAGES=('linux-binary-7\.2\.[^-]*-amd64' 'linux-binary-7\.([3-9]|[1-9][0-9]+)\.[^-]*-amd64')
		BUILDS=
		;;
	*) die "unknown kernel '$1', expected one of: ${KERNELS[*]}" ;;
	esac
}

# Sets PACKAGES and VERSION to the newest set of one version that the opened suite has; false when it has none.
kernel_packages() { # APT_DIR
	local pattern
	for pattern in "${IMAGES[@]}"; do
		! kernel_newest "$1" "$pattern" || return 0
	done
	return 1
}

kernel_newest() { # APT_DIR PATTERN
	local dir=$1 image release version package
	while read -r image; do
		release=${image#linux-*-}
		version=$(apt_version "$dir" "$image")
		if [[ -n $BUILDS ]]; then
			PACKAGES=("$image" "linux-headers-$release" "linux-headers-${release%-amd64}-common"
				"linux-kbuild-${release%-amd64}" "linux-source-$(cut -d. -f1,2 <<<"$release")")
		else
			PACKAGES=("$image" "linux-modules-$release" "linux-base-$release")
		fi
		for package in "${PACKAGES[@]}"; do
			[[ $(apt_version "$dir" "$package") == "$version" ]] || continue 2
		done
		VERSION=$version
		return 0
	done < <(apt_names "$dir" "$2")
	return 1
}
