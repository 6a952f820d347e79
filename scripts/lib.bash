# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What scripts/try and scripts/test share: packages, builds.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${BUILD_DIR:-$TOP/build}"
BUILD_DIR=$(cd "${BUILD_DIR:-$TOP/build}" && pwd)

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

list_packages() { # PURPOSE...
	local purpose
	for purpose; do
		awk -v want="[$purpose]" '/^\[/ { on = $1 == want; next } { sub(/#.*/, "") } on && NF { print $1 }' \
			"$TOP/scripts/packages"
	done
	awk '{ sub(/#.*/, "") } NF { print $1 }' "$TOP/tests/lab/packages"
}

# Installs what is missing of the packages for each PURPOSE and for the lab; changes nothing else.
install_packages() { # PURPOSE...
	local package missing=() log=$BUILD_DIR/packages.log
	command -v dpkg-query >/dev/null || die "this machine has no dpkg: the packages are named for Debian 12 and 13"
	while read -r package; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			missing+=("$package")
	done < <(list_packages "$@" | sort -u)
	((${#missing[@]})) || return 0
	[[ $(id -u) == 0 ]] || die "these packages are missing, and only root can install them: ${missing[*]}"
	echo "Installing ${missing[*]}"
	# The lists may be absent, or older than the archive.
	apt_install "${missing[@]}" >"$log" 2>&1 ||
		{ apt-get -q update && apt_install "${missing[@]}"; } >>"$log" 2>&1 ||
		die "installing ${missing[*]} failed: $(grep -a '^E:' "$log" | tail -n 1) (all of it: $log)"
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o DPkg::Lock::Timeout=120 install "$@" </dev/null
}

# configure, when it is absent or older than what it is made from.
make_configure() {
	local files=("$TOP"/{configure.ac,Makefile.am} "$TOP"/*/Makefile.inc "$TOP"/m4/vdpa.m4)
	if [[ -e $TOP/configure && -e $TOP/Makefile.in ]]; then
		[[ $(find "${files[@]}" -newer "$TOP/Makefile.in") ]] || return 0
	fi
	"$TOP/autogen.sh"
}

# Builds everything in BUILD_DIR/NAME, which stays for the next time.
build() { # NAME CONFIGURE-OPTION...
	local dir=$BUILD_DIR/$1
	shift
	mkdir -p "$dir"
	cd "$dir" || return
	if [[ ! -e config.status || ! -e Makefile || $(cat configured 2>/dev/null) != "$*" ]]; then
		rm -f configured
		"$TOP/configure" -q "$@" || return
		echo "$*" >configured
	fi
	make -s -j"${MAKE_JOBS:-$(nproc)}" "${MAKE_TARGET:-all}"
}
