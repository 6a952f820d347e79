// SPDX-License-Identifier: GPL-2.0-or-later
#include "app.h"
#include "text.h"

uint32_t features_id(bool legacy, uint64_t classes)
{
	if (classes & (1ull << VDPA_ID_NET))
		return VDPA_ID_NET;
	classes &= ~1ull;
	return legacy || !classes ? 0 : (uint32_t)__builtin_ctzll(classes);
}

void features_list(struct strbuf *sb, uint32_t id, uint64_t features, const char *sep)
{
	bool first = true;

	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name;

		if (!(features >> bit & 1))
			continue;
		if (!first)
			strbuf_add(sb, sep);
		first = false;
		name = vdpa_feature_name(id, bit);
		strbuf_add(sb, name ? name : "bit_");
		if (!name)
			text_u64(sb, bit);
	}
}
