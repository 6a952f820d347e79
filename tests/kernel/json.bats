# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12
# lab: -c 1
# JSON: one shape a command, compact and pretty to the byte, and a document whatever happens.

load helpers

@test "pretty, every command, byte for byte" {
	load_standin sf_count=1
	works dev add name net mgmtdev auxiliary/mlx5_core.sf.1 mac 02:00:00:00:00:01 mtu 1400 device_features MAC,MTU,STATUS,VERSION_1,ACCESS_PLATFORM
	works dev add name blk mgmtdev vdpasim_blk
	works mgmtdev show vdpasim_blk -jp
	[ "$raw" = '{
    "mgmtdev": {
        "vdpasim_blk": {
            "supported_classes": [ "block" ],
            "max_supported_vqs": 0,
            "dev_features": [ ]
        }
    }
}
' ]
	works -p dev show -j
	[ "$raw" = '{
    "dev": {
        "net": {
            "type": "network",
            "mgmtdev": "auxiliary/mlx5_core.sf.1",
            "vendor_id": 5555,
            "max_vqs": 3,
            "max_vq_size": 256
        },
        "blk": {
            "type": "block",
            "mgmtdev": "vdpasim_blk",
            "vendor_id": 0,
            "max_vqs": 1,
            "max_vq_size": 256
        }
    }
}
' ]
	works dev config show -jp
	[ "$raw" = '{
    "config": {
        "net": {
            "mac": "02:00:00:00:00:01",
            "link ": "up",
            "link_announce ": false,
            "mtu": 1400,
            "negotiated_features": [ "MTU","MAC","STATUS","VERSION_1","ACCESS_PLATFORM" ]
        },
        "blk": {}
    }
}
' ]
	works dev vstats show net qidx 1 -jp
	[ "$raw" = '{
    "vstats": {
        "net": {
            "queue_type": "tx",
            "received_desc": 2000,
            "completed_desc": 1500
        }
    }
}
' ]
	works dev vstats show net -j -p
	[ "$raw" = '{
    "vstats": {
        "net": {
            "queues": [ {
                    "queue_index": 0,
                    "queue_type": "rx",
                    "received_desc": 1000,
                    "completed_desc": 500
                },{
                    "queue_index": 1,
                    "queue_type": "tx",
                    "received_desc": 2000,
                    "completed_desc": 1500
                } ]
        }
    }
}
' ]
}

@test "what iproute2 prints too is the same in all three forms" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	for words in 'mgmtdev show' 'dev show' 'dev config show' "dev vstats show $DEV qidx 1"; do
		for form in '' -j -jp; do
			# shellcheck disable=SC2086 # words
			works $form $words
			ours=$raw
			# shellcheck disable=SC2086 # words
			captures 0 iproute2 $form $words
			[ "$ours" = "$raw" ] || failed "differs: $form $words"
		done
	done
}

@test "-details: types of all values" {
	works dev add name "$DEV" mgmtdev vdpasim_net mac 02:00:00:00:00:01
	works dev add name "$DEV.v" mgmtdev vdpasim_net
	works dev add name "$DEV.b" mgmtdev vdpasim_blk
	bind "$DEV.v" vhost_vdpa
	works -d -s -j dev show
	has_json 'def types: with_entries(.value |= type);
		(.dev[$d] | types) == {type: "string", mgmtdev: "string", vendor_id: "number", max_vqs: "number",
		max_vq_size: "number", min_vq_size: "number", driver: "string", virtio: "string", netdev: "object",
		managed: "boolean", negotiated: "boolean", vstats: "array"}
		and (.dev[$d].netdev | types) == {name: "string", mtu: "number", mac: "string", operstate: "string"}
		and (.dev[$d + ".v"] | types) == {type: "string", mgmtdev: "string", vendor_id: "number", max_vqs: "number",
		max_vq_size: "number", min_vq_size: "number", driver: "string", driver_override: "string",
		chardev: "string", chardev_number: "string", managed: "boolean", negotiated: "boolean"}
		and (.dev[$d + ".b"] | types | .blockdev == "string" and .virtio == "string")' --arg d "$DEV"
	works -d -j dev config show "$DEV.b"
	has_json '.config[] | [.. | numbers] | length == 14'
}

@test "a failure leaves a document, with the error in it" {
	captures 3 vdpactl -j dev show gone
	[ "$raw" = '{"dev":{},"errors":[{"device":"gone","errno":19,"code":"ENODEV","message":"cannot show device \"gone\": device not found (No such device)"}]}
' ]
	for words in 'mgmtdev show gone' 'dev config show gone' 'dev vstats show gone' 'dev del gone' \
		'dev set name gone mac 02:00:00:00:00:01' 'dev add name x mgmtdev gone'; do
		# shellcheck disable=SC2086 # words
		captures 3 vdpactl -jp $words
		has_json '.errors | length == 1 and .[0].code == "ENODEV"'
	done
	captures 2 vdpactl -j dev frob
	has_json '.errors[0].code == "EINVAL" and (.errors[0] | has("device") | not)'
}

@test "stdout that is full is an error, one that nobody reads is not" {
	autoprobe off
	make_devices "$DEV." 3
	status=0
	"$VDPACTL" dev show >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 1 ]
	[[ $(<"$BATS_TEST_TMPDIR/err") == "vdpactl: can"*"write to standard output: No space left on device" ]]
	"$VDPACTL" -j dev show | true
	[ "${PIPESTATUS[0]}" -eq 0 ]
}
