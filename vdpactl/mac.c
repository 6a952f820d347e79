// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "command.h"
#include "mac.h"

static enum status random_mac(struct app *app, uint8_t mac[6])
{
	ssize_t n;

	do
		n = getrandom(mac, 6, 0);
	while (n < 0 && errno == EINTR);
	if (n != 6) {
		int errnum = n < 0 ? errno : EIO;

		return diag_fail(app, NULL, errnum, NULL, "no random numbers for a mac: %s",
				 strerror(errnum));
	}
	mac[0] = (uint8_t)((mac[0] & ~1u) | 2u); /* of one interface, locally administered */
	return ST_OK;
}

enum status mac_of_args(struct app *app, const struct args *args, bool may_force, uint8_t mac[6])
{
	if (args->mac_random)
		return random_mac(app, mac);
	memcpy(mac, args->mac, 6);
	if (app->legacy || args->has & HAS_FORCE)
		return ST_OK;
	return value_check_mac(app, mac, may_force);
}
