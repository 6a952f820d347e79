# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # read in other parts
# Messages, the cache's place, locks, manifests.

readonly EXIT_LAB=125 EXIT_TIMEOUT=124 EXIT_SPLAT=70 EXIT_EMULATOR=75

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
	say "$*"
	exit "$EXIT_LAB"
}

need_tools() {
	local tool missing=()
	for tool; do
		command -v "$tool" >/dev/null || missing+=("$tool")
	done
	((${#missing[@]} == 0)) ||
		die "missing on this machine: ${missing[*]} (the packages to install are listed in $LAB_DIR/packages)"
}

# Sets CACHE. Makes nothing.
find_cache() {
	local home=${HOME:-}
	if [[ -z $home ]]; then
		home=$(getent passwd "$(id -u)" | cut -d: -f6) || home=
	fi
	CACHE=${VDPACTL_LAB_CACHE:-${XDG_CACHE_HOME:-${home:-/root}/.cache}/vdpactl-lab}
	[[ $CACHE == /* ]] || CACHE=$PWD/$CACHE
}

make_cache() {
	mkdir -p "$CACHE" 2>/dev/null || die "cannot make the cache directory '$CACHE' (VDPACTL_LAB_CACHE names another)"
	CACHE=$(realpath "$CACHE")
	[[ -w $CACHE ]] || die "the cache directory '$CACHE' is not writable (VDPACTL_LAB_CACHE names another)"
}

# Two locks: `use` is held shared by whoever reads the cache, for as long as a guest runs from it; `build` is held
# by the one who makes something new. A build only adds directories, so it waits for no guest.
lock_use() { # shared|exclusive|try-exclusive
	[[ -n ${use_fd:-} ]] || exec {use_fd}>>"$CACHE/use.lock"
	case $1 in
	shared) flock -s "$use_fd" ;;
	exclusive) flock -x "$use_fd" ;;
	try-exclusive) flock -xn "$use_fd" ;;
	esac
}

lock_build() {
	exec {build_fd}>>"$CACHE/build.lock"
	if ! flock -xn "$build_fd"; then
		say "waiting for another lab that prepares the cache"
		flock -x "$build_fd"
	fi
}

unlock_build() { exec {build_fd}>&-; }

# A directory's MANIFEST: the checksum of the list of all its files with their sizes and times, then the checksums of the
# few FILEs a boot depends on.
list_files() { # DIR
	(cd "$1" && find . -type f ! -path ./MANIFEST -printf '%s %Ts %p\n' | LC_ALL=C sort | sha256sum | cut -d' ' -f1)
}

write_manifest() { # DIR FILE...
	local dir=$1
	shift
	{
		list_files "$dir"
		(cd "$dir" && sha256sum "$@")
	} >"$dir/../MANIFEST.$$"
	mv "$dir/../MANIFEST.$$" "$dir/MANIFEST"
}

check_manifest() { # DIR: true when all is as it was made
	local sum
	[[ -f $1/MANIFEST ]] && read -r sum <"$1/MANIFEST" && [[ $sum == "$(list_files "$1")" ]] &&
		tail -n +2 "$1/MANIFEST" | (cd "$1" && sha256sum --quiet --strict -c >/dev/null 2>&1)
}
