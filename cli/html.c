/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Text of strangers in a page of HTML. */
#include "html.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the character that the text begins with; 0: it is not UTF-8. The text ends with a zero,
 * which continues nothing. */
static size_t character(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = text[0] < 0x80   ? 1
		   : text[0] < 0xc0 ? 0
		   : text[0] < 0xe0 ? 2
		   : text[0] < 0xf0 ? 3
		   : text[0] < 0xf8 ? 4
				    : 0;
	uint32_t code = text[0] & (n > 1 ? 0xff >> (n + 1) : 0x7f);

	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

/* What is not shown as it is: what markup is made of, and control characters, as their pictures
 * from U+2400 on, but those past ASCII, which have none. Return: whether it was such. */
static bool special_in_text(FILE *page, const unsigned char *text)
{
	if (strchr("&<>\"'", text[0]))
		fprintf(page, "&#%u;", text[0]);
	else if (text[0] < 0x20 || text[0] == 0x7f)
		fprintf(page, "&#%u;", text[0] == 0x7f ? 0x2421 : 0x2400 + text[0]);
	else if (text[0] == 0xc2 && text[1] < 0xa0)
		fputs(REPLACEMENT, page);
	else
		return false;
	return true;
}

/* JSON has none of the first 32. */
static bool special_in_json(FILE *page, const unsigned char *text)
{
	if (strchr("&<>\x7f", text[0]))
		fprintf(page, "\\u%04x", text[0]);
	else if (text[0] == 0xc2 && text[1] < 0xa0)
		fprintf(page, "\\u%04x", text[1]);
	else
		return false;
	return true;
}

/* One character. Return: the rest of the text. */
static const unsigned char *put(FILE *page, const unsigned char *text,
				bool (*special)(FILE *page, const unsigned char *text))
{
	size_t n = character(text);

	if (!n)
		fputs(REPLACEMENT, page);
	else if (!special(page, text))
		fwrite(text, n, 1, page);
	return text + (n ? n : 1);
}

void html_text(FILE *page, const char *text, size_t most)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at && (size_t)((const char *)at - text) < most)
		at = put(page, at, special_in_text);
	if (*at)
		fputs(" ...", page);
}

void html_shell_word(FILE *page, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=:,./@%";
	const char *rest = word, *quote;

	if (*word && !word[strspn(word, plain)]) {
		fputs(word, page);
		return;
	}
	fputs("&#39;", page);
	for (; (quote = strchr(rest, '\'')); rest = quote + 1) {
		for (const unsigned char *at = (const unsigned char *)rest;
		     at < (const unsigned char *)quote;)
			at = put(page, at, special_in_text);
		fputs("&#39;\\&#39;&#39;", page);
	}
	html_text(page, rest, SIZE_MAX);
	fputs("&#39;", page);
}

void html_json(FILE *page, const char *json)
{
	for (const unsigned char *at = (const unsigned char *)json; *at;)
		at = put(page, at, special_in_json);
}
