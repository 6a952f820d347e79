// SPDX-License-Identifier: GPL-2.0-or-later
#include "batch_lex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char problem_nul[] = "the line contains a NUL octet";
static const char problem_long[] = "the line is longer than 65536 octets";
static const char problem_quote[] = "a quote is not closed in the same line";
static const char problem_end[] = "the file ends behind a backslash";

struct lexer {
	FILE *f;
	struct batch_command *cmd;
	bool in_word;
};

static int next_octet(struct lexer *lex)
{
	int c = getc_unlocked(lex->f);

	if (c == '\n')
		lex->cmd->next_line++;
	return c;
}

static void add_octet(struct lexer *lex, int c)
{
	struct batch_command *cmd = lex->cmd;

	if (!lex->in_word)
		cmd->argc++;
	lex->in_word = true;
	if (!c)
		cmd->problem = problem_nul;
	else if (cmd->words.len >= BATCH_COMMAND_MAX)
		cmd->problem = problem_long;
	else
		strbuf_addc(&cmd->words, (char)c);
}

static void begin_word(struct lexer *lex)
{
	if (!lex->in_word)
		lex->cmd->argc++;
	lex->in_word = true;
}

static void end_word(struct lexer *lex)
{
	if (!lex->in_word)
		return;
	strbuf_addc(&lex->cmd->words, '\0');
	if (lex->cmd->words.len > BATCH_COMMAND_MAX)
		lex->cmd->problem = problem_long;
	lex->in_word = false;
}

/* Behind an opening quote, up to the closing one.  Returns that, or what ended the line instead. */
static int lex_quoted(struct lexer *lex, int quote)
{
	int c;

	begin_word(lex);
	while ((c = next_octet(lex)) != quote) {
		if (c == EOF || c == '\n') {
			lex->cmd->problem = problem_quote;
			return c;
		}
		if (c != '\\' || quote != '"') {
			add_octet(lex, c);
			continue;
		}
		c = next_octet(lex);
		if (c == '\n')
			continue;
		if (c == EOF) {
			lex->cmd->problem = problem_quote;
			return c;
		}
		if (c != '"' && c != '\\')
			add_octet(lex, '\\');
		add_octet(lex, c);
	}
	return c;
}

/* Behind a backslash.  Returns EOF, or an octet that ends nothing. */
static int lex_escape(struct lexer *lex)
{
	int c = next_octet(lex);

	if (c == EOF)
		lex->cmd->problem = problem_end;
	else if (c != '\n')
		add_octet(lex, c);
	return c == EOF ? EOF : '\\';
}

static int skip_comment(struct lexer *lex)
{
	int c;

	do
		c = next_octet(lex);
	while (c != '\n' && c != EOF);
	return c;
}

/* One command, up to its newline or the end of the file, which is returned. */
static int lex_command(struct lexer *lex)
{
	for (;;) {
		int c = next_octet(lex);

		if (c == '#' && !lex->in_word)
			c = skip_comment(lex);
		else if (c == '\'' || c == '"')
			c = lex_quoted(lex, c);
		else if (c == '\\')
			c = lex_escape(lex);
		else if (c == ' ' || c == '\t' || c == '\r')
			end_word(lex);
		else if (c != '\n' && c != EOF)
			add_octet(lex, c);
		if (c == '\n' || c == EOF) {
			end_word(lex);
			return c;
		}
	}
}

static int make_argv(struct batch_command *cmd)
{
	size_t need = (size_t)cmd->argc + 1;
	char *word = cmd->words.s;

	if (cmd->words.failed)
		return -ENOMEM;
	if (need > cmd->cap) {
		char **argv = realloc(cmd->argv, need * 2 * sizeof(*argv));

		if (!argv)
			return -ENOMEM;
		cmd->argv = argv;
		cmd->cap = need * 2;
	}
	for (int i = 0; i < cmd->argc; i++) {
		cmd->argv[i] = word;
		word += strlen(word) + 1;
	}
	cmd->argv[cmd->argc] = NULL;
	return 0;
}

int batch_next(FILE *f, struct batch_command *cmd)
{
	struct lexer lex = { .f = f, .cmd = cmd };
	int end;

	do {
		strbuf_clear(&cmd->words);
		cmd->argc = 0;
		cmd->problem = NULL;
		cmd->line = cmd->next_line;
		end = lex_command(&lex);
		if (end == EOF && ferror(f))
			return errno ? -errno : -EIO;
		if (cmd->problem)
			return 1;
	} while (!cmd->argc && end != EOF);
	if (!cmd->argc)
		return 0;
	return make_argv(cmd) < 0 ? -ENOMEM : 1;
}

void batch_release(struct batch_command *cmd)
{
	free(cmd->argv);
	strbuf_free(&cmd->words);
}
