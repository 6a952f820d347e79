/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of libFuzzer: gives a fuzzer each of its seeds (or each file of
 * the directory that is named) once, and says how it went in TAP.  A crash
 * ends the program before its plan.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int regular(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* The whole file in memory of exactly its size, so that a sanitizer sees any read past its end. */
static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long n;

	if (!f)
		return NULL;
	if (!fseek(f, 0, SEEK_END) && (n = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
		data = malloc(n ? (size_t)n : 1);
		*size = (size_t)n;
		if (data && fread(data, 1, *size, f) != *size) {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

/* The seeds of fuzz_NAME are in tests/fuzz/seeds/NAME. */
static void own_seeds(char *dir, size_t size, const char *program)
{
	const char *top = getenv("TOP_SRCDIR");
	const char *name = strstr(program, "fuzz_");

	for (const char *later; name && (later = strstr(name + 1, "fuzz_"));)
		name = later;
	snprintf(dir, size, "%s/tests/fuzz/seeds/%s", top ? top : ".", name ? name + 5 : "");
}

int main(int argc, char **argv)
{
	struct dirent **seeds;
	char dir[2048];
	int n, failed = 0;

	if (argc > 1)
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	else
		own_seeds(dir, sizeof(dir), argv[0]);
	n = scandir(dir, &seeds, regular, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no seeds: %s\n", dir, n ? strerror(errno) : "empty");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < n; i++) {
		char path[4096];
		uint8_t *data;
		size_t size = 0;

		snprintf(path, sizeof(path), "%s/%s", dir, seeds[i]->d_name);
		data = read_file(path, &size);
		if (data)
			LLVMFuzzerTestOneInput(data, size);
		else
			failed++;
		printf("%s %d - %s\n", data ? "ok" : "not ok", i + 1, seeds[i]->d_name);
		free(data);
		free(seeds[i]);
	}
	free(seeds);
	printf("1..%d\n", n);
	return failed > 0;
}
