# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2086,SC2154 # lists of words are meant to be split; run sets output, stderr and status
# Help and version, for which no kernel is asked.

load cli

helps() { # ARG...
	run -0 --separate-stderr "$VDPACTL" "$@"
	[[ -z $stderr && $output == "Usage: vdpactl "* ]]
}

@test "help in every place goes to stdout" {
	for words in '' help -h --help -help '-j help' '-jp -h'; do
		helps $words
		prints 'mgmtdev show' 'dev vstats show' '--batch FILE' '-n[o-nice-names]'
	done
	for words in 'dev help' 'dev h' 'help dev' 'dev -h' '-h dev'; do
		helps $words
		prints 'vdpactl dev add name NAME' 'vdpactl dev del [ DEV... ] [ mgmtdev MGMTDEV ]' '[ driver DRIVER ] [ if_exists ] [ force ]'
	done
	helps mgmtdev help
	helps dev config help
	helps dev vstats help
}

@test "help of one command explains each argument" {
	for words in 'dev add help' 'help dev add' 'dev help add' 'dev add -h' '-h dev add name x'; do
		helps $words
		prints 'vdpactl dev add name NAME mgmtdev MGMTDEV' 'max_vqs N' 'device_features HEX|NAMES'
		[[ $output != *'dev del'* ]]
	done
	for command in 'mgmtdev show' 'dev show' 'dev del' 'dev set' 'dev config show' 'dev vstats show' 'dev replace' 'dev bind' \
		'dev unbind' 'dev wait' 'dev resolve' 'dev users'; do
		helps $command help
		[[ ${lines[0]} == "Usage: vdpactl $command "* ]]
	done
}

@test "no line of help is wider than a terminal" {
	for words in help 'dev help' 'dev add help' 'dev vstats show help'; do
		helps $words
		for line in "${lines[@]}"; do
			((${#line} <= 80))
		done
	done
}

@test "version" {
	for words in -V --Version -Version --version -Vj '-V nonsense' 'dev -V'; do
		run -0 --separate-stderr "$VDPACTL" $words
		[[ $output =~ ^vdpactl\ [0-9.]+$ && -z $stderr ]]
	done
	for words in -V --Version --V '-V nonsense' '-jV'; do
		run -0 --separate-stderr "$VDPA" $words
		[[ $output =~ ^vdpa\ utility,\ vdpactl-[0-9.]+$ && -z $stderr ]]
	done
}

@test "vdpa: help goes to stderr, exit status 0" {
	for words in '' help h -h --help mgmtdev 'mgmtdev help' 'dev help' 'dev h' 'dev config help' \
		'dev config h' 'dev vstats help' 'help nonsense'; do
		run -0 --separate-stderr "$VDPA" $words
		[[ -z $output && $stderr == "Usage: vdpa "* ]]
		[[ $stderr != *max_vqs* && $stderr != *force* && $stderr != *vdpactl* ]]
	done
	run -0 --separate-stderr "$VDPA" dev help
	says 'vdpa dev add name NAME mgmtdev' 'vdpa dev del DEV' 'vdpa dev set name NAME' 'dev config show' \
		'dev vstats show'
}

@test "vdpa: help with -j is an empty document, -h is not" {
	"$VDPA" -j help 2>/dev/null | diff - <(echo)
	"$VDPA" dev help -jp 2>/dev/null | diff - <(echo)
	"$VDPA" -j -h 2>/dev/null | diff - /dev/null
}

@test "vdpa: vstats alone is an error" {
	legacy_fails dev vstats
	says 'Usage: vdpa dev vstats show DEV'
	legacy_fails dev vstats h
	says 'Command "h" not found'
}
