# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # variables shared with other parts
# Debian packages by a private apt state: the machine's mirror, keyrings and proxy settings, and nothing of its state.

# The machine's main archive, as its apt knows it: sets MIRROR, SIGNED_BY and CODENAME.
find_mirror() {
	local release component uri entry best=
	CODENAME=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"')
	MIRROR='' SIGNED_BY=''
	# shellcheck disable=SC2016 # apt expands them
	while IFS='|' read -r uri release component entry; do
		[[ $component == main ]] || continue
		if [[ $release == "$CODENAME" || $release == stable ]]; then
			MIRROR=$uri best=$entry
			break
		fi
		[[ -n $MIRROR || $release == *security* ]] || MIRROR=$uri best=$entry
	done < <(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SOURCESENTRY)' 'Created-By: Packages' 2>/dev/null || :)
	[[ -n $MIRROR ]] || die "this machine's apt configuration names no Debian archive to take packages from"
	# apt tells the entry as FILE:N, N being a line of a .list file and a stanza of a .sources file.
	local file=${best%:*} n=${best##*:}
	case $file in
	*.sources) SIGNED_BY=$(awk -v n="$n" -v RS= 'NR == n' "$file" | sed -n 's/^[Ss]igned-[Bb]y:[[:space:]]*//p') ;;
	*) SIGNED_BY=$(sed -n "${n}p" "$file" | sed -n 's/.*signed-by=\([^] ]*\).*/\1/p') ;;
	esac
}

# Makes the private state in DIR for SUITE. A suite that does not exist makes it fail.
apt_open() { # DIR SUITE
	local dir=$1 suite=$2 options='arch=amd64'
	rm -rf "$dir"
	mkdir -p "$dir"/{lists/partial,cache/archives/partial,none}
	: >"$dir/status"
	[[ -z $SIGNED_BY ]] || options+=" signed-by=$SIGNED_BY"
	printf 'deb [%s] %s %s main\n' "$options" "$MIRROR" "$suite" >"$dir/sources.list"
	# Read with -c, so after the machine's own files: it can undo their hooks (docker-clean and the like).
	cat >"$dir/apt.conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Pre-Invoke;
		#clear DPkg::Post-Invoke;
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "$dir/none";
		Dir::Etc::Preferences "$dir/none/preferences";
		Dir::Etc::PreferencesParts "$dir/none";
		Dir::State "$dir";
		Dir::State::Lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Log "$dir";
		APT::Architecture "amd64";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::http::Timeout "60";
	END
	apt-get -c "$dir/apt.conf" -qq -o APT::Update::Error-Mode=any update >"$dir/update.log" 2>&1
}

# The names of packages that match REGEX, newest version first.
apt_names() { # DIR REGEX
	apt-cache -c "$1/apt.conf" pkgnames | grep -xE "$2" | sort -rV || :
}

# The newest version of PACKAGE in the suite, or nothing.
apt_version() { # DIR PACKAGE
	apt-cache -c "$1/apt.conf" madison "$2" 2>/dev/null | awk -F' *\\| *' 'NR == 1 { print $2 }'
}

# The names of PACKAGEs and of all that they depend on.
apt_closure() { # DIR PACKAGE...
	local dir=$1
	shift
	apt-get -c "$dir/apt.conf" -qq -s --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

# Downloads and unpacks PACKAGEs into ROOT.
apt_unpack() { # DIR ROOT PACKAGE...
	local dir=$1 root=$2 deb
	shift 2
	mkdir -p "$dir/debs" "$root"
	(cd "$dir/debs" && apt-get -c "$dir/apt.conf" -qq download "$@" >"$dir/download.log" 2>&1) ||
		die "downloading $* failed: $(grep -m1 '^E:' "$dir/download.log" || tail -n 1 "$dir/download.log")"
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$root" || die "cannot unpack ${deb##*/}"
		rm "$deb"
	done
}
