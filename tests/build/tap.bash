# SPDX-License-Identifier: GPL-2.0-or-later
# TAP for plain bash: check NAME COMMAND..., skip NAME REASON, done_testing.

tap_count=0 tap_failed=0

# What the command prints is shown only when it fails.
check() {
	local name=$1 output
	shift
	tap_count=$((tap_count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $tap_count - $name"
		return
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $name"
	sed 's/^/# /' <<<"$output"
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

done_testing() {
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}
