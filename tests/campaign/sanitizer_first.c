/* SPDX-License-Identifier: PostgreSQL
 *
 * Preloaded behind the address sanitizer's library, which would else begin its work with the first malloc() of whatever
 * library is initialised first: libgpg-error's comes under a lock of gettext, which the sanitizer then takes, too.
 */
#include <stdlib.h>

__attribute__((constructor)) static void
begin(void)
{
	void *volatile memory = malloc(1);
	free(memory);
}
