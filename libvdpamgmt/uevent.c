/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uevent.h"

#include <string.h>

#include "common/parse.h"

/* The value when s is "KEY=VALUE", or NULL. */
static const char *value_of(const char *s, const char *key)
{
	size_t n = strlen(key);

	return strncmp(s, key, n) == 0 && s[n] == '=' ? s + n + 1 : NULL;
}

/* The first of each key counts: the kernel says its own before a driver's. */
static void take(const char *s, struct uevent *ev)
{
	const struct {
		const char *key;
		const char **value;
	} wanted[] = {
		{ "SUBSYSTEM", &ev->subsystem },
		{ "DEVTYPE", &ev->devtype },
		{ "DRIVER", &ev->driver },
		{ "DEVPATH_OLD", &ev->devpath_old },
	};
	const char *value = value_of(s, "SEQNUM");
	uint64_t number;

	if (value_of(s, "SYNTH_UUID"))
		ev->synthetic = true;
	if (value && !ev->seqnum && parse_dec(value, UINT64_MAX, &number) == 0)
		ev->seqnum = number;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		value = *wanted[i].value ? NULL : value_of(s, wanted[i].key);
		if (value)
			*wanted[i].value = value;
	}
}

bool uevent_parse(char *buf, size_t len, struct uevent *ev)
{
	const char *end = buf + len;
	char *at;

	*ev = (struct uevent){ 0 };
	buf[len] = '\0';
	at = strchr(buf, '@');
	/* What udevd sends on begins with "libudev" and has no '@' in its first string. */
	if (!at || at == buf || at[1] != '/')
		return false;
	*at = '\0';
	ev->action = buf;
	ev->devpath = at + 1;
	for (const char *s = ev->devpath + strlen(ev->devpath) + 1; s < end; s += strlen(s) + 1)
		take(s, ev);
	if (ev->devpath_old && *ev->devpath_old != '/')
		ev->devpath_old = NULL;
	return true;
}
