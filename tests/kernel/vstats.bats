# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# dev vstats show: one queue, the control queue, all of them; and counters with names that no one would choose.

load helpers

@test "vdpasim_net: each queue, byte for byte as iproute2 prints it but for the type of two" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	for i in 0 1 2; do
		works dev vstats show "$DEV" qidx $i
		ours+=$raw
		captures 0 iproute2 dev vstats show "$DEV" qidx $i
		theirs+=$raw
	done
	[ "$ours" = "$DEV: queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 
$DEV: queue_type tx tx packets 0 tx bytes 0 tx errors 0 tx drops 0 
$DEV: queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 
" ]
	# iproute2 takes queue 0 for the control queue where MQ was not negotiated
	theirs=${theirs/queue_type control_vq rx/queue_type rx rx}
	[ "$ours" = "${theirs/queue_type rx cvq/queue_type control_vq cvq}" ]
}

@test "all queues by default, with qidx all too" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	works dev vstats show "$DEV"
	prints_exactly "$DEV: queue_index 0 queue_type rx rx packets 0 rx bytes 0 rx errors 0 rx overruns 0 rx drops 0 
$DEV: queue_index 1 queue_type tx tx packets 0 tx bytes 0 tx errors 0 tx drops 0 
$DEV: queue_index 2 queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 "
	want=$output
	works dev vstats show "$DEV" qidx all
	prints_exactly "$want"
	works dev vstats show "$DEV" qidx ctrlvq
	prints_exactly "$DEV: queue_type control_vq cvq requests 0 cvq successes 0 cvq errors 0 "
}

@test "JSON: one queue as vdpa has it, all of them in an array" {
	works dev add name "$DEV" mgmtdev vdpasim_net
	works -j dev vstats show "$DEV" qidx 1
	prints_exactly "{\"vstats\":{\"$DEV\":{\"queue_type\":\"tx\",\"tx packets\":0,\"tx bytes\":0,\"tx errors\":0,\"tx drops\":0}}}"
	works -j dev vstats show "$DEV"
	has_json '.vstats[].queues | [.[].queue_type] == ["rx", "tx", "control_vq"] and [.[].queue_index] == [0, 1, 2]
		and .[2]["cvq requests"] == 0'
	works -d -j dev vstats show "$DEV" qidx ctrlvq
	has_json '.vstats[] | .queue_index == 2 and .queue_type == "control_vq" and (.negotiated_features | index("CTRL_VQ"))'
}

@test "mlx5 with pairs: nine queues, the control queue behind the data queues" {
	load_standin sf_count=1 stats_scale=100
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 4 mac 02:00:00:00:00:02
	works dev vstats show "$DEV"
	for i in 0 1 2 3 4 5 6 7 8; do
		types=(rx tx rx tx rx tx rx tx control_vq)
		want+="$DEV: queue_index $i queue_type ${types[i]} received_desc $(((i + 1) * 100)) completed_desc $((i * 100 + 50)) "$'\n'
	done
	[ "$raw" = "$want" ]
	works dev vstats show "$DEV" qidx ctrlvq
	prints_exactly "$DEV: queue_type control_vq received_desc 900 completed_desc 850 "
	works dev vstats show "$DEV" qidx 2
	prints_exactly "$DEV: queue_type rx received_desc 300 completed_desc 250 "
}

@test "65 queues" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 32 mac 02:00:00:00:00:02
	works -j dev vstats show "$DEV"
	has_json '.vstats[].queues | length == 65 and .[64].queue_type == "control_vq" and .[64].received_desc == 65000
		and ([.[].received_desc] | unique | length == 65)'
}

@test "queues that can't answer do not hide those that can" {
	load_standin sf_count=1
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1 max_vqp 2 mac 02:00:00:00:00:02
	standin_set stats_hw Y # as on hardware: only running queues, and the interface is down
	standin_set fail_stats 11
	works dev vstats show "$DEV"
	prints_exactly "$DEV: queue_index 4 queue_type control_vq received_desc 5000 completed_desc 4500 "
	works dev vstats show "$DEV" qidx ctrlvq
	fails 1 dev vstats show "$DEV" qidx 0
	says 'mlx5_vdpa: failed to query hardware' 'Resource temporarily unavailable'
	standin_set fail_stats 5
	fails 1 dev vstats show "$DEV"
	says 'failed to query hardware' 'Input/output error'
}

@test "no control queue: 3, and why" {
	load_standin sf_count=1 features=0x300000000
	works dev add name "$DEV" mgmtdev auxiliary/mlx5_core.sf.1
	fails 3 dev vstats show "$DEV" qidx ctrlvq
	says 'it has no control virtqueue (CTRL_VQ was not negotiated)'
	works dev vstats show "$DEV"
	prints_exactly "$DEV: queue_index 0 queue_type rx received_desc 1000 completed_desc 500 
$DEV: queue_index 1 queue_type tx received_desc 2000 completed_desc 1500 "
}

@test "no driver yet, no statistics, no such queue, no such device" {
	autoprobe off
	works dev add name "$DEV" mgmtdev vdpasim_net
	for queue in '' 'qidx 0' 'qidx ctrlvq' 'qidx all'; do
		# shellcheck disable=SC2086 # words
		fails 1 dev vstats show "$DEV" $queue
		says "cannot show statistics of device \"$DEV\"" 'negotiat' 'hint: '
	done
	bind "$DEV" virtio_vdpa
	fails 1 dev vstats show "$DEV" qidx 3
	says 'Invalid argument'
	fails 1 dev vstats show "$DEV" qidx 4294967295
	says 'queue index exceeds max value'
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	fails 8 dev vstats show "$DEV.b"
	says 'Operation not supported' 'hint: its driver keeps no statistics'
	fails 3 dev vstats show gone
	says '"gone"' 'device not found'
}

@test "bad words: 2" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086 # words
		fails 2 dev vstats $words
		says "$text"
	done <<-'END'
		|dev vstats: a command is expected
		show|a device name is expected
		show x qidx|is expected after "qidx"
		show x qidx -1|unknown option "-1"
		show x qidx 0x1|qidx "0x1" is not
		show x qidx 4294967296|qidx "4294967296" is not
		show x qidx ctrl|qidx "ctrl" is not a queue's decimal number, "all" or "ctrlvq"
		show x y|unknown argument "y"
		show x qidx 1 qidx 2|qidx is given twice
	END
}

@test "hostile names and values: text on one line, JSON that is JSON" {
	load_standin sf_count=0 hostile=1
	works dev add name "$DEV" mgmtdev mlx5_standin_hostile
	works dev vstats show "$DEV" qidx 0
	[[ $raw == "$DEV: queue_type rx biggest 18446744073709551615 rx packets 0 %s%n%s 18446744073709551615 100% 2 "* ]]
	[[ $raw == *'quote"back\slash/ '* && $raw != *[$'\e\a\x01\x7f\t']* && $output != *$'\n'* ]]
	prints 'utf8 über '
	works -j dev vstats show "$DEV" qidx 0
	[[ $raw == *'"biggest":18446744073709551615,'* ]]
	has_json '.vstats[] | has("%s%n%s") and has("quote\"back\\slash/") and has("line\nfeed\ttab")
		and has("escape\u001b[31mred\u001b[0m") and has("utf8 über") and has("") and .queue_type == "rx"'
	works -jp -s dev show
	has_json '.dev[].vstats | length == 3'
}

@test "malformed statistics are an error, not a guess: 1" {
	load_standin sf_count=0 hostile=2
	works dev add name "$DEV" mgmtdev mlx5_standin_hostile
	fails 1 dev vstats show "$DEV" qidx 0
	says 'malformed'
	captures 1 vdpactl -j dev vstats show "$DEV"
	has_json '.vstats == {} and .errors[0].code == "EBADMSG"'
	works dev show "$DEV"
}
