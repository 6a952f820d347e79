# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154
# lab: -c 1
# kernels: 6.12 7.2
# needs: setup-6.12
# builds: gcc
#
# What diff.bats asks, of the parent that both kernels have: VDUSE devices.

load helpers
load tools
load diff

setup() {
	tools_setup
	diff_setup
}

@test "K listings with VDUSE devices" {
	stub_added net --type net --mac 02:00:00:00:00:01 --mtu 1500
	stub_added disk
	agree_in_all_forms <<-'END'
		mgmtdev show
		mgmtdev show vduse
		mgmtdev show nothing
		dev
		dev show
		dev show net
		dev show disk
		dev show nothing
		dev config
		dev config show
		dev config show net
		dev config show disk
		dev config show nothing
	END
	newer_peers
	agree <<-'END'
		dev vstats show net qidx 0
		-j dev vstats show disk qidx 1
		-j dev vstats show nothing qidx 0
	END
}

@test "K usage errors and help" {
	agree <<-'END'

		help
		dev help
		mgmtdev
		dev vstats
		-j dev vstats show
		dev add name x
		-j dev add name x mgmtdev
		dev del
		nothing
		-jp dev nothing
	END
}

@test "K adding what VDUSE refuses, and deleting what is not there" {
	agree <<-'END'
		dev add name nothing mgmtdev vduse
		-j dev add name nothing mgmtdev vduse
		dev add name nothing mgmtdev vduse mac 02:00:00:00:00:01
		dev add name nothing mgmtdev vduse mtu 1400
		dev add name nothing mgmtdev vduse max_vqp 2
		dev add name nothing mgmtdev vdpasim_none
		dev del nothing
		-j dev del nothing
	END
}
